"""Retirements: rows, finality, and every refusal in the order of its header."""

import pytest

from ledgerdb import calls
from registry import services
from tests import make
from tests.ledger import look, wrongs
from tests.ledger.wrongs import Case, Wrong, wrong
from tests.server import Database
from tests.washing import stage_of

CLAIM = {"beneficiary": "Town of Exampleton", "reason": "Supply of 2026"}


@wrong("ACCOUNT_TYPE_INVALID", "another organisation's retirement account")
def anothers_account(case: Case) -> None:
    case.asks["target"] = case.given["another's"]


WRONGS = [
    *wrongs.REQUEST,
    *wrongs.TIME,
    wrongs.account_busy("source"),
    *wrongs.account_wrongs("source"),
    *wrongs.account_wrongs("target", type="trading"),
    anothers_account,
    wrongs.breaking("retirable"),
    *wrongs.CHOICE,
    *wrongs.END,
]


def a_retirement(database: Database) -> Case:
    commodity, source = wrongs.a_holding(database)
    target = make.retirement_account(source)
    # As in nearly every retirement, its account has held the commodity before; another's, too, so
    # that nothing speaks against it but whose it is.
    twin = make.account(holding=1, organisation=source.organisation, commodity=commodity)
    make.retire(twin, 1, target=target, commodity=commodity)
    other = make.retire(make.account(holding=1, commodity=commodity), 1, commodity=commodity)
    asks = {"source": source, "target": target, "volume": 30, **CLAIM}
    case = Case(database, "retire", commodity, asks)
    case.given["another's"] = other.target
    return case


stage = stage_of(a_retirement)


def test_a_retirement_that_nothing_is_wrong_with_is_done(staged):
    assert staged.outcome() == "done"


def test_the_header_names_the_refusals_in_the_order_tested_here():
    assert wrongs.header_codes("063_retire.sql") == [each.code for each in WRONGS]


@pytest.mark.parametrize("wrong", WRONGS, ids=str)
def test_a_retirement_is_refused_and_writes_nothing(staged, wrong: Wrong):
    case = wrongs.spoiled(staged, wrong)
    before = look.counts()

    refusal = case.outcome()

    assert refusal == wrong.code
    assert look.counts() == before


@pytest.mark.parametrize("place", range(len(WRONGS)), ids=lambda place: str(WRONGS[place]))
def test_of_several_wrongs_the_first_is_named(staged, place):
    case = wrongs.spoiled(staged, *WRONGS[place:])

    assert case.outcome() == WRONGS[place].code


def test_a_retirement_writes_every_row(committed_db):
    source = make.account(holding=100)
    target = make.retirement_account(source)

    done = make.retire(source, 30, target=target)

    header = look.header(done)
    assert (header["kind"], header["height"]) == ("retire", 2)
    assert header["actor_id"] == done.approver_id
    assert look.consumed(done) == [(source.pk, 1, 100)]
    assert look.created(done) == [(target.pk, 1, 30), (source.pk, 31, 100)]
    assert look.postings(done) == [(source.pk, 30, 0, 70), (target.pk, 0, 30, 30)]
    assert (look.held(source), look.held(target)) == ([(31, 100)], [(1, 30)])
    assert (look.balance(source), look.balance(target)) == (70, 30)


def test_a_retirement_keeps_for_whom_and_why(committed_db):
    done = make.retire(
        make.account(holding=10),
        4,
        beneficiary="Dairy of Exampleton",
        beneficiary_country="CZ",
        reason="Milk of 2026",
    )

    assert look.rows(
        "SELECT r.beneficiary, r.beneficiary_country, r.reason FROM public.registry_request r"
        " JOIN ledger.transactions t ON t.request_id = r.id WHERE t.id = %s",
        done.transaction_id,
    ) == [("Dairy of Exampleton", "CZ", "Milk of 2026")]


def test_named_numbers_are_retired(committed_db):
    source = make.account(holding=100)

    done = make.retire(source, None, ranges=((11, 20), (31, 40)))

    assert look.moved(done) == [(11, 20), (31, 40)]
    assert look.held(source) == [(1, 10), (21, 30), (41, 100)]


def test_a_second_call_returns_the_first_transaction_and_writes_nothing(committed_db):
    done = make.retire(make.account(holding=10), 4)
    before = look.everything()

    again = calls.execute("retire", request_id=done.pk, actor_id=done.approver_id)

    assert again == done.transaction_id
    assert look.everything() == before


def test_what_is_retired_stays_retired(committed_db):
    source = make.account(holding=10)
    terminal = make.retirement_account(source)
    make.retire(source, 10, target=terminal)

    back = make.approve(
        make.request("transfer", make.operator(), source=terminal, target=source, volume=10)
    )
    again = make.approve(
        make.request(
            "retire", make.operator(), source=terminal, target=terminal, volume=10, **CLAIM
        )
    )

    assert look.outcome(back) == "ACCOUNT_TYPE_INVALID"
    assert look.outcome(again) == "ACCOUNT_TYPE_INVALID"
    assert look.held(terminal) == [(1, 10)]


@pytest.mark.parametrize("type", ["issuance", "expiry"])
def test_nothing_is_retired_into_a_system_account(committed_db, type):
    source = make.account(holding=10)
    target = look.system_account(make.default_commodity(), type)

    request = make.approve(make.retire_request(source, 4, target=target))

    assert look.outcome(request) == "ACCOUNT_TYPE_INVALID"


@pytest.mark.parametrize("missing", ["beneficiary", "reason"])
def test_a_retirement_without_its_claim_cannot_be_submitted(committed_db, missing):
    source = make.account(holding=10)

    with pytest.raises(services.Refused, match="BENEFICIARY_MISSING"):
        make.retire_request(source, 4, **{missing: ""})


@pytest.mark.parametrize("missing", ["beneficiary", "reason"])
def test_a_draft_of_a_retirement_may_still_lack_its_claim(committed_db, missing):
    source = make.account(holding=10)

    draft = services.draft_request(
        kind="retire",
        submitter=make.submitter_for(source),
        commodity=make.default_commodity(),
        source=source,
        target=make.retirement_account(source),
        volume=4,
        **{**CLAIM, missing: ""},
    )

    assert draft.status == "draft"


def test_what_may_no_longer_be_transferred_may_still_be_retired(committed_db):
    commodity = make.commodity(months_transferable=12, months_to_expiry=120)
    source = make.account()
    make.mint(source, 10, commodity=commodity, **wrongs.period(months_ago=14))

    transfer = make.approved_transfer(source, make.account(), 4, commodity=commodity)
    retirement = make.approve(make.retire_request(source, 4, commodity=commodity))

    assert look.outcome(transfer) == "INSUFFICIENT_TOTAL_BALANCE"
    assert look.outcome(retirement) == "done"


def test_certificates_past_their_expiry_are_not_chosen(committed_db):
    commodity, source = wrongs.a_holding(committed_db)

    request = make.approve(make.retire_request(source, 101, commodity=commodity))

    assert look.outcome(request) == "INSUFFICIENT_TOTAL_BALANCE"
    assert look.balance(source) == 150
