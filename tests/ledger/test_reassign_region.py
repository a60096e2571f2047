"""Changes of region: rows, rules, and every refusal in the order of its header."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ledgerdb import calls
from registry import services
from registry.models import Account, Commodity, Region, Request
from tests import make
from tests.ledger import look, wrongs
from tests.ledger.wrongs import Case, Wrong, wrong
from tests.server import Database
from tests.washing import stage_of

ALWAYS = date(2000, 1, 1)


@wrong("REGION_NOT_ALLOWED", "no region to go to")
def nowhere(case: Case) -> None:
    case.asks["region"] = None


@wrong("REGION_NOT_ALLOWED", "no rule")
def no_rule(case: Case) -> None:
    case.asks["region"] = make.region()


WRONGS = [
    *wrongs.REQUEST,
    *wrongs.TIME,
    wrongs.account_busy("source"),
    *wrongs.account_wrongs("source"),
    wrongs.breaking("reassignable"),
    nowhere,
    *wrongs.CHOICE,
    no_rule,
    *wrongs.END,
]


def a_change(database: Database) -> Case:
    commodity, source = wrongs.a_holding(database, reassignable=True)
    north = Region.objects.get()
    south = make.region()
    allow(commodity, north, south)
    asks = {"source": source, "volume": 30, "filter_region": north, "region": south}
    return Case(database, "reassign_region", commodity, asks)


stage = stage_of(a_change)


def allow(commodity: Commodity, north: Region, south: Region, **dates: date) -> None:
    dates.setdefault("valid_from", ALWAYS)
    services.allow_region_change(commodity=commodity, from_region=north, to_region=south, **dates)


def a_holding(*regions: Region, volume: int = 100) -> tuple[Commodity, Account]:
    """Make a reassignable commodity and an account with one block in each region."""
    commodity, source = make.commodity(reassignable=True), make.account()
    for region in regions:
        make.mint(source, volume, commodity=commodity, region=region)
    return commodity, source


def approved(
    commodity: Commodity, source: Account, to: Region, volume: int | None, **asks: object
) -> Request:
    return make.approve(
        make.region_request(source, volume, asks.pop("of", None), to, commodity=commodity, **asks)
    )


def test_a_change_that_nothing_is_wrong_with_is_done(staged):
    assert staged.outcome() == "done"


def test_the_header_names_the_refusals_in_the_order_tested_here():
    assert wrongs.header_codes("064_reassign_region.sql") == [each.code for each in WRONGS]


@pytest.mark.parametrize("wrong", WRONGS, ids=str)
def test_a_change_is_refused_and_writes_nothing(staged, wrong: Wrong):
    case = wrongs.spoiled(staged, wrong)
    before = look.counts()

    refusal = case.outcome()

    assert refusal == wrong.code
    assert look.counts() == before


@pytest.mark.parametrize("place", range(len(WRONGS)), ids=lambda place: str(WRONGS[place]))
def test_of_several_wrongs_the_first_is_named(staged, place):
    case = wrongs.spoiled(staged, *WRONGS[place:])

    assert case.outcome() == WRONGS[place].code


def test_a_change_of_region_writes_every_row(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south)

    done = make.done(make.region_request(source, 30, north, south, commodity=commodity))

    header = look.header(done)
    assert (header["kind"], header["height"]) == ("reassign_region", 2)
    assert look.consumed(done) == [(source.pk, 1, 100)]
    assert look.created(done) == [(source.pk, 1, 30), (source.pk, 31, 100)]
    assert look.regions(done) == [(south.pk, 1, 30), (north.pk, 31, 100)]
    assert look.postings(done) == [(source.pk, 30, 0, 100), (source.pk, 0, 30, 100)]
    assert look.rows("SELECT region_id, first_no FROM ledger.leaves ORDER BY first_no") == [
        (south.pk, 1),
        (north.pk, 31),
    ]
    assert look.balance(source) == 100


def test_the_batch_remembers_the_region_of_its_issue(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south)

    make.done(make.region_request(source, 100, north, south, commodity=commodity))

    assert look.value("SELECT region_id FROM ledger.assets") == north.pk
    assert look.value("SELECT region_id FROM ledger.leaves") == south.pk


def test_a_second_call_returns_the_first_transaction_and_writes_nothing(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south)
    done = make.done(make.region_request(source, 30, north, south, commodity=commodity))
    before = look.everything()

    again = calls.execute("reassign_region", request_id=done.pk, actor_id=done.approver_id)

    assert again == done.transaction_id
    assert look.everything() == before


def test_only_certificates_of_the_named_region_are_chosen(committed_db):
    north, south, west = make.region(), make.region(), make.region()
    commodity, source = a_holding(south, north)
    allow(commodity, north, west)

    done = make.done(make.region_request(source, 30, north, west, commodity=commodity))

    assert look.regions(done) == [(west.pk, 101, 130), (north.pk, 131, 200)]


def test_a_quantity_needs_the_region_it_is_in(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south)

    assert look.outcome(approved(commodity, source, south, 30)) == "REGION_NOT_ALLOWED"


def test_named_numbers_say_themselves_where_they_are(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south)

    request = approved(commodity, source, south, None, ranges=((41, 60),))

    assert look.outcome(request) == "done"
    assert look.regions(request) == [(north.pk, 1, 40), (south.pk, 41, 60), (north.pk, 61, 100)]


def test_numbers_of_two_regions_need_a_rule_for_each(committed_db):
    north, south, west = make.region(), make.region(), make.region()
    commodity, source = a_holding(north, south)
    allow(commodity, north, west)
    ranges = {"ranges": ((91, 110),)}

    alone = look.outcome(approved(commodity, source, west, None, **ranges))
    allow(commodity, south, west)
    both = look.outcome(approved(commodity, source, west, None, **ranges))

    assert (alone, both) == ("REGION_NOT_ALLOWED", "done")


def test_a_rule_goes_one_way(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(south)
    allow(commodity, north, south)

    assert look.outcome(approved(commodity, source, north, 30, of=south)) == "REGION_NOT_ALLOWED"


def test_a_rule_of_another_commodity_does_not_count(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(make.commodity(reassignable=True), north, south)

    assert look.outcome(approved(commodity, source, south, 30, of=north)) == "REGION_NOT_ALLOWED"


def test_the_region_they_are_in_is_no_change(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south)

    assert look.outcome(approved(commodity, source, north, 30, of=north)) == "REGION_NOT_ALLOWED"


def days(count: int) -> date:
    return datetime.now(UTC).date() + timedelta(days=count)


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "expected"),
    [
        (days(-9), None, "done"),
        (days(-9), days(9), "done"),
        (days(-9), days(-2), "REGION_NOT_ALLOWED"),
        (days(2), None, "REGION_NOT_ALLOWED"),
    ],
    ids=["open end", "within", "over", "not yet"],
)
def test_a_rule_holds_between_its_dates(committed_db, valid_from, valid_to, expected):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south, valid_from=valid_from, valid_to=valid_to)

    assert look.outcome(approved(commodity, source, south, 30, of=north)) == expected


def test_two_rules_for_the_same_regions_each_hold_in_their_time(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south, valid_from=days(-99), valid_to=days(-50))
    allow(commodity, north, south, valid_from=days(-9))

    assert look.outcome(approved(commodity, source, south, 30, of=north)) == "done"


def test_a_change_may_be_undone_where_a_rule_allows_it(committed_db):
    north, south = make.region(), make.region()
    commodity, source = a_holding(north)
    allow(commodity, north, south)
    allow(commodity, south, north)
    make.done(make.region_request(source, 100, north, south, commodity=commodity))

    make.done(make.region_request(source, 100, south, north, commodity=commodity))

    assert look.rows("SELECT region_id, first_no, last_no FROM ledger.leaves") == [
        (north.pk, 1, 100)
    ]
