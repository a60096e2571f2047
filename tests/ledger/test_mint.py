"""Mints: rows, numbers, dates, and every refusal in the order of its header."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ledgerdb import calls
from registry.models import Facility, Request
from tests import make
from tests.ledger import look, wrongs
from tests.ledger.wrongs import Case, Wrong, wrong
from tests.server import Database
from tests.washing import stage_of

TOP = 2**63 - 1


@wrong("FACILITY_NOT_ACTIVE", "suspended")
def facility_suspended(case: Case) -> None:
    Facility.objects.filter(pk=case.asks["facility"].pk).update(status="suspended")


@wrong("PRODUCTION_PERIOD_OVERLAP", "issued already")
def issued_already(case: Case) -> None:
    make.mint(
        case.given["target"],
        5,
        facility=case.given["facility"],
        commodity=case.commodity,
        production_start=case.given["production_start"],
        production_end=case.given["production_end"],
    )


WRONGS = [
    *wrongs.REQUEST,
    *wrongs.TIME,
    wrongs.no_system_account,
    wrongs.account_busy("target"),
    *wrongs.account_wrongs("target"),
    wrongs.asking("VOLUME_NOT_POSITIVE", "zero", volume=0),
    wrongs.asking("RANGE_INVALID", "no start", production_start=None),
    facility_suspended,
    issued_already,
    *wrongs.END,
    wrongs.asking("VOLUME_OVERFLOW", "more numbers than there are", volume=TOP - 1),
]


def test_the_head_says_which_number_comes_next(committed_db):
    done = make.mint(make.account(), 100)

    assert look.rows("SELECT commodity_id, next_no FROM ledger.heads") == [(done.commodity_id, 101)]


def a_mint(database: Database) -> Case:
    commodity, target = wrongs.a_holding(database)
    asks = {
        "target": target,
        "facility": make.facility(target.organisation),
        "volume": 30,
        **wrongs.period(months_ago=2),
    }
    return Case(database, "mint", commodity, asks)


stage = stage_of(a_mint)


def test_a_mint_that_nothing_is_wrong_with_is_done(staged):
    assert staged.outcome() == "done"


def test_the_header_names_the_refusals_in_the_order_tested_here():
    assert wrongs.header_codes("061_mint.sql") == [each.code for each in WRONGS]


@pytest.mark.parametrize("wrong", WRONGS, ids=str)
def test_a_mint_is_refused_and_writes_nothing(staged, wrong: Wrong):
    case = wrongs.spoiled(staged, wrong)
    before = look.counts()

    refusal = case.outcome()

    assert refusal == wrong.code
    assert look.counts() == before


@pytest.mark.parametrize("place", range(len(WRONGS)), ids=lambda place: str(WRONGS[place]))
def test_of_several_wrongs_the_first_is_named(staged, place):
    case = wrongs.spoiled(staged, *WRONGS[place:])

    assert case.outcome() == WRONGS[place].code


def test_a_mint_writes_every_row(committed_db):
    target = make.account()
    plant = make.facility(target.organisation)
    commodity = make.commodity()
    issuance = look.system_account(commodity, "issuance")

    done = make.mint(target, 70, facility=plant, commodity=commodity, source_serial="GO-1")

    batch, header = look.batch(done), look.header(done)
    assert (header["kind"], header["height"]) == ("mint", 1)
    assert header["actor_id"] == done.approver_id
    assert batch["transaction_id"] == done.transaction_id == header["id"]
    assert (batch["commodity_id"], batch["facility_id"]) == (commodity.pk, plant.pk)
    assert (batch["first_no"], batch["last_no"], batch["volume"]) == (1, 70, 70)
    assert batch["production_start"] == date(2026, 1, 1)
    assert batch["production_end"] == date(2026, 1, 31)
    assert batch["source_serial"] == "GO-1"
    assert look.consumed(done) == []
    assert look.created(done) == [(target.pk, 1, 70)]
    assert look.regions(done) == [(plant.region_id, 1, 70)]
    assert look.postings(done) == [(issuance.pk, 70, 0, -70), (target.pk, 0, 70, 70)]
    assert look.held(target) == [(1, 70)]
    assert (look.balance(issuance), look.balance(target)) == (-70, 70)


def test_numbers_follow_each_other_whoever_receives_them(committed_db):
    one, other = make.account(), make.account()

    for target, volume in ((one, 10), (other, 5), (one, 1)):
        make.mint(target, volume)

    assert look.held(one) == [(1, 10), (16, 16)]
    assert look.held(other) == [(11, 15)]


def test_each_commodity_counts_from_one(committed_db):
    target, sun, wind = make.account(), make.commodity(), make.commodity()

    make.mint(target, 10, commodity=sun)
    make.mint(target, 20, commodity=wind)

    assert (look.held(target, sun), look.held(target, wind)) == ([(1, 10)], [(1, 20)])


def test_a_refused_mint_leaves_no_gap_in_the_numbers(committed_db):
    target = make.account(holding=10)
    refused = make.approve(make.mint_request(target, TOP - 1))
    assert look.outcome(refused) == "VOLUME_OVERFLOW"

    make.mint(target, 5)

    assert look.held(target) == [(1, 10), (11, 15)]
    assert look.rows("SELECT height FROM ledger.chain ORDER BY height") == [(1,), (2,)]


def test_the_last_number_there_is_can_be_issued_and_none_after_it(committed_db):
    target = make.account()

    make.mint(target, TOP - 2)
    one_more = make.approve(make.mint_request(target, 1))

    assert look.held(target) == [(1, TOP - 2)]
    assert look.balance(target) == TOP - 2
    assert look.outcome(one_more) == "VOLUME_OVERFLOW"


def test_certificates_count_for_the_region_of_the_facility(committed_db):
    target = make.account()
    north = make.region()
    plant = make.facility(target.organisation, region=north)

    done = make.mint(target, 5, facility=plant)

    assert look.batch(done)["region_id"] == north.pk
    assert look.regions(done) == [(north.pk, 1, 5)]


def test_a_request_may_name_another_region(committed_db):
    target, home = make.account(), make.region()
    south = make.region()
    plant = make.facility(target.organisation, region=home)

    done = make.mint(target, 5, facility=plant, region=south)

    assert look.batch(done)["region_id"] == south.pk


def test_an_empty_source_serial_is_none(committed_db):
    assert look.batch(make.mint(make.account(), 5))["source_serial"] is None


def test_a_second_call_returns_the_first_transaction_and_writes_nothing(committed_db):
    done = make.mint(make.account(), 5)
    before = look.everything()

    again = calls.execute("mint", request_id=done.pk, actor_id=done.approver_id)

    assert again == done.transaction_id
    assert look.everything() == before


def test_a_mint_may_go_to_another_organisations_account(committed_db):
    target = make.account()
    plant = make.facility(make.organisation())

    make.mint(target, 5, facility=plant)

    assert look.held(target) == [(1, 5)]


@pytest.mark.parametrize("volume", [0, -1, None], ids=str)
def test_a_quantity_that_is_not_positive_is_refused(committed_db, volume):
    request = make.approve(make.mint_request(make.account(), volume))

    assert look.outcome(request) == "VOLUME_NOT_POSITIVE"


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_nothing_is_issued_for_a_facility_that_is_not_active(committed_db, status):
    target = make.account()
    plant = make.facility(target.organisation, status=status)

    request = make.approve(make.mint_request(target, 5, facility=plant))

    assert look.outcome(request) == "FACILITY_NOT_ACTIVE"


def test_a_mint_names_a_facility(committed_db):
    request = make.request("mint", make.operator(), target=make.account(), volume=5, **january())

    assert look.outcome(make.approve(request)) == "FACILITY_NOT_ACTIVE"


def january(first: int = 1, last: int = 31) -> dict[str, date]:
    return {
        "production_start": date(2026, 1, first),
        "production_end": date(2026, 1, last),
    }


# -- The production period


@pytest.mark.parametrize(
    "asks",
    [
        {"production_start": None},
        {"production_end": None},
        january(20, 10),
        {"production_end": datetime.now(UTC).date() + timedelta(days=2)},
    ],
    ids=["no start", "no end", "ends before it starts", "ends in the future"],
)
def test_a_period_that_cannot_be_is_refused(committed_db, asks):
    request = make.approve(make.mint_request(make.account(), 5, **asks))

    assert look.outcome(request) == "RANGE_INVALID"


def test_a_single_day_is_a_period(committed_db):
    done = make.mint(make.account(), 5, **january(7, 7))

    assert look.batch(done)["production_start"] == look.batch(done)["production_end"]


def mint_twice(second: dict, *, commodity=None, other=None, **asks) -> Request:
    """Issue for 10 to 20 January; return the approved request for a second period."""
    target = make.account()
    plant = make.facility(target.organisation)
    make.mint(target, 5, facility=plant, commodity=commodity, **january(10, 20))
    return make.approve(
        make.mint_request(
            target, 5, facility=plant, commodity=other or commodity, **{**second, **asks}
        )
    )


@pytest.mark.parametrize(
    ("first", "last"), [(10, 20), (1, 10), (20, 31), (12, 13), (1, 31)],
    ids=["the same", "its first day", "its last day", "inside it", "around it"],
)  # fmt: skip
def test_one_day_issued_twice_is_refused(committed_db, first, last):
    request = mint_twice(january(first, last))

    assert look.outcome(request) == "PRODUCTION_PERIOD_OVERLAP"


@pytest.mark.parametrize(("first", "last"), [(1, 9), (21, 31)], ids=["before", "after"])
def test_periods_that_touch_do_not_overlap(committed_db, first, last):
    assert look.outcome(mint_twice(january(first, last))) == "done"


def test_a_commodity_may_allow_overlapping_periods(committed_db):
    commodity = make.commodity(periods_may_overlap=True)

    assert look.outcome(mint_twice(january(), commodity=commodity)) == "done"


def test_another_commodity_of_the_same_facility_and_days_does_not_overlap(committed_db):
    heat, power = make.commodity(), make.commodity()

    assert look.outcome(mint_twice(january(10, 20), commodity=heat, other=power)) == "done"


def test_a_period_far_longer_than_the_others_is_seen(committed_db):
    target = make.account()
    plant = make.facility(target.organisation)
    of_a_year = {"production_start": date(2024, 1, 1), "production_end": date(2024, 12, 31)}
    make.mint(target, 5, facility=plant, **of_a_year)
    for day in range(1, 4):
        make.mint(target, 5, facility=plant, **january(day, day))

    within = {"production_start": date(2024, 12, 31), "production_end": date(2024, 12, 31)}
    late = make.approve(make.mint_request(target, 5, facility=plant, **within))

    assert look.outcome(late) == "PRODUCTION_PERIOD_OVERLAP"


def test_an_issue_looks_at_no_more_batches_the_more_there_are(committed_db):
    target = make.account()
    plant = make.facility(target.organisation)
    looked_at = []

    for day in range(1, 21):
        request = make.approve(make.mint_request(target, 5, facility=plant, **january(day, day)))
        with committed_db.connect("postgres") as session:
            session.execute("SELECT ledger_api.mint(%s, %s)", (request.id, request.approver_id))
            looked_at += session.execute(
                "SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'assets'"
            ).fetchone()

    assert set(looked_at[3:]) == {looked_at[2]}


# -- The dates of a batch


def test_a_mint_of_the_previewed_batch_is_not_disturbed_by_other_mints(committed_db):
    target = make.account()
    request = make.mint_request(target, 5)
    shown = calls.preview(request_id=request.pk)
    make.mint(target, 100)

    assert look.outcome(make.approve(request, shown["fingerprint"])) == "done"
    assert look.held(target) == [(1, 100), (101, 105)]


def test_rules_that_changed_since_the_preview_are_shown_again(committed_db):
    commodity = make.commodity(months_to_expiry=18)
    request = make.mint_request(make.account(), 5, commodity=commodity)
    shown = calls.preview(request_id=request.pk)
    commodity.months_to_expiry = 24
    commodity.save()

    assert look.outcome(make.approve(request, shown["fingerprint"])) == "PREVIEW_CHANGED"


def test_a_serial_is_issued_once_in_a_commodity(committed_db):
    target, other = make.account(), make.commodity()
    make.mint(target, 5, source_serial="GO-1", commodity=other)

    again = make.approve(make.mint_request(target, 5, source_serial="GO-1", commodity=other))

    assert look.outcome(again) == "PRODUCTION_PERIOD_OVERLAP"
    assert look.held(target) == [(1, 5)]


def test_the_same_serial_of_two_commodities_is_two_batches(committed_db):
    target = make.account()

    for commodity in (make.commodity(), make.commodity()):
        make.mint(target, 5, source_serial="GO-1", commodity=commodity)

    assert look.held(target) == [(1, 5), (1, 5)]
