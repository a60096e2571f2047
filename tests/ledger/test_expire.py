"""Expiry runs: rows, limits, and every refusal in the order of its header."""

from datetime import date

import pytest

from ledgerdb import calls
from registry import services
from registry.models import Account, Commodity
from tests import make
from tests.ledger import look, past, wrongs
from tests.ledger.wrongs import Case, Wrong, wrong
from tests.server import Database
from tests.washing import stage_of


@wrong("VOLUME_NOT_POSITIVE", "nothing is due")
def nothing_due(case: Case) -> None:
    case.commodity = make.commodity(months_to_expiry=18)
    make.mint(make.account(), 5, commodity=case.commodity, **wrongs.period(months_ago=1))


@wrong("LOCK_NOT_AVAILABLE", "a holder busy")
def holder_busy(case: Case) -> None:
    case.commodity = case.home
    holder = Account.objects.get(code="HOLDER")
    case.afterwards.append(
        lambda case, request: wrongs.hold(case, "public.registry_account", holder.pk)
    )


WRONGS = [
    *wrongs.REQUEST,
    *wrongs.TIME,
    wrongs.no_system_account,
    holder_busy,
    nothing_due,
    *wrongs.END,
]


def an_expiry(database: Database) -> Case:
    commodity, _ = wrongs.a_holding(database, code="HOLDER")
    return Case(database, "expire", commodity, {})


stage = stage_of(an_expiry)


def test_an_expiry_that_nothing_is_wrong_with_is_done(staged):
    assert staged.outcome() == "done"


def test_the_header_names_the_refusals_in_the_order_tested_here():
    assert wrongs.header_codes("065_expire.sql") == [each.code for each in WRONGS]


@pytest.mark.parametrize("wrong", WRONGS, ids=str)
def test_an_expiry_is_refused_and_writes_nothing(staged, wrong: Wrong):
    case = wrongs.spoiled(staged, wrong)
    before = look.counts()

    refusal = case.outcome()

    assert refusal == wrong.code
    assert look.counts() == before


@pytest.mark.parametrize("place", range(len(WRONGS)), ids=lambda place: str(WRONGS[place]))
def test_of_several_wrongs_the_first_is_named(staged, place):
    case = wrongs.spoiled(staged, *WRONGS[place:])

    assert case.outcome() == WRONGS[place].code


def year(number: int) -> dict[str, date]:
    return {"production_start": date(number, 1, 1), "production_end": date(number, 12, 31)}


def holder(commodity: Commodity, *years: int, volume: int = 10) -> Account:
    """Make an account with one block of each year's production."""
    account = make.account()
    for number in years:
        make.mint(account, volume, commodity=commodity, **year(number))
    return account


def lasting(months: int = 12) -> tuple[Commodity, Account]:
    """Define a commodity that expires, and return its expiry account too."""
    commodity = make.commodity(months_to_expiry=months)
    return commodity, look.system_account(commodity, "expiry")


def test_an_expiry_run_writes_every_row(committed_db):
    commodity, expired = lasting()
    one, other = sorted((holder(commodity, 2020) for _ in range(2)), key=lambda a: a.pk)
    ranges = {account: look.held(account)[0] for account in (one, other)}

    done = make.done(make.expire_request(commodity))

    header = look.header(done)
    assert (header["kind"], header["height"]) == ("expire", 3)
    assert header["actor_id"] == done.approver_id
    assert sorted(look.consumed(done)) == [(one.pk, *ranges[one]), (other.pk, *ranges[other])]
    assert look.created(done) == [(expired.pk, 1, 10), (expired.pk, 11, 20)]
    assert sorted(look.postings(done)) == sorted(
        [
            (one.pk, 10, 0, 0),
            (expired.pk, 0, 10, 20),
            (other.pk, 10, 0, 0),
            (expired.pk, 0, 10, 20),
        ]
    )
    assert (look.held(one), look.held(other)) == ([], [])
    assert look.held(expired) == [(1, 10), (11, 20)]
    assert (look.balance(one), look.balance(other), look.balance(expired)) == (0, 0, 20)


def test_what_is_not_yet_due_stays(committed_db):
    commodity, expired = lasting()
    account = holder(commodity, 2020)
    make.mint(account, 7, commodity=commodity, **wrongs.period(months_ago=1))

    make.done(make.expire_request(commodity))

    assert look.held(account) == [(11, 17)]
    assert look.held(expired) == [(1, 10)]


def test_certificates_keep_their_region_and_batch_when_they_expire(committed_db):
    commodity, _ = lasting()
    holder(commodity, 2020)
    before = look.rows("SELECT asset_id, region_id, first_no, last_no FROM ledger.leaves")

    make.done(make.expire_request(commodity))

    after = look.rows("SELECT asset_id, region_id, first_no, last_no FROM ledger.leaves")
    assert after == before


def test_another_commodity_is_left_alone(committed_db):
    (sun, _), (wind, _) = lasting(), lasting()
    holder(sun, 2020)
    kept = holder(wind, 2020)

    make.done(make.expire_request(sun))

    assert look.held(kept) == [(1, 10)]


def test_a_retired_certificate_past_its_expiry_stays_retired(committed_db):
    past.allow(committed_db)
    commodity, expired = lasting()
    source = make.account()
    terminal = make.retirement_account(source)
    of = {"commodity": commodity}
    past.done(make.mint_request(source, 10, occurred_at=past.at("2021-01-02"), **year(2020), **of))
    past.done(
        make.retire_request(source, 4, target=terminal, occurred_at=past.at("2021-01-03"), **of)
    )

    make.done(make.expire_request(commodity))

    assert look.held(terminal) == [(1, 4)]
    assert look.held(expired) == [(5, 10)]
    assert look.outcome(make.approve(make.expire_request(commodity))) == "VOLUME_NOT_POSITIVE"


def test_what_has_expired_does_not_expire_again(committed_db):
    commodity, expired = lasting()
    holder(commodity, 2020)
    make.done(make.expire_request(commodity))

    again = make.approve(make.expire_request(commodity))

    assert look.outcome(again) == "VOLUME_NOT_POSITIVE"
    assert look.balance(expired) == 10


def test_what_never_expires_is_never_due(committed_db):
    commodity = make.commodity()
    holder(commodity, 2000)

    assert look.outcome(make.approve(make.expire_request(commodity))) == "VOLUME_NOT_POSITIVE"


def test_a_limit_takes_the_oldest_first_and_the_next_run_goes_on(committed_db):
    commodity, expired = lasting()
    account = holder(commodity, 2021, 2019, 2020)

    runs = [make.done(make.expire_request(commodity, max_blocks=2)) for _ in range(2)]

    assert look.created(runs[0]) == [(expired.pk, 11, 20), (expired.pk, 21, 30)]
    assert look.created(runs[1]) == [(expired.pk, 1, 10)]
    assert look.held(account) == []
    assert [look.header(run)["height"] for run in runs] == [4, 5]


def test_of_equal_dates_a_limit_takes_the_lowest_numbers(committed_db):
    commodity, expired = lasting()
    for _ in range(3):
        holder(commodity, 2020)

    run = make.done(make.expire_request(commodity, max_blocks=2))

    assert look.created(run) == [(expired.pk, 1, 10), (expired.pk, 11, 20)]


def test_each_run_of_a_limited_sweep_is_complete_in_itself(committed_db):
    commodity, _ = lasting()
    for number in (2018, 2019, 2020, 2021):
        holder(commodity, number)

    for done in range(1, 5):
        make.done(make.expire_request(commodity, max_blocks=1))

        assert look.value("SELECT ledger.reconcile() ->> 'ok'") == "true"
        assert look.balance(look.system_account(commodity, "expiry")) == 10 * done
    assert look.outcome(make.approve(make.expire_request(commodity))) == "VOLUME_NOT_POSITIVE"


def test_a_limit_above_what_is_due_takes_everything(committed_db):
    commodity, expired = lasting()
    holder(commodity, 2019, 2020)

    make.done(make.expire_request(commodity, max_blocks=1000))

    assert look.balance(expired) == 20


def test_a_suspended_holders_certificates_expire_too(committed_db):
    commodity, expired = lasting()
    account = holder(commodity, 2020)
    Account.objects.filter(pk=account.pk).update(status="suspended")

    make.done(make.expire_request(commodity))

    assert look.balance(expired) == 10


def test_a_second_call_returns_the_first_transaction_and_writes_nothing(committed_db):
    commodity, _ = lasting()
    holder(commodity, 2020, 2021)
    done = make.done(make.expire_request(commodity, max_blocks=1))
    before = look.everything()

    again = calls.execute("expire", request_id=done.pk, actor_id=done.approver_id)

    assert again == done.transaction_id
    assert look.everything() == before


def test_a_participant_cannot_ask_for_an_expiry(committed_db):
    commodity, _ = lasting()
    account = holder(commodity, 2020)

    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        make.request("expire", make.submitter_for(account), commodity, source=account)


def test_nobody_asks_for_an_expiry_of_less_than_no_blocks(committed_db):
    commodity, _ = lasting()

    with pytest.raises(services.Refused, match="VOLUME_NOT_POSITIVE"):
        make.expire_request(commodity, max_blocks=-1)


def test_what_fell_due_after_the_preview_is_shown_again(committed_db):
    commodity, _ = lasting()
    holder(commodity, 2020)
    request = make.expire_request(commodity)
    shown = calls.preview(request_id=request.pk)
    holder(commodity, 2021)

    approved = make.approve(request, shown["fingerprint"])

    assert look.outcome(approved) == "PREVIEW_CHANGED"
