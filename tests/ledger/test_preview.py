"""Previews: what they show is what happens, and they write nothing."""

import copy
from uuid import uuid4

import psycopg
import pytest

from ledgerdb import calls
from ledgerdb.errors import LedgerError
from registry import services
from registry.models import Request
from tests import make
from tests.ledger import look, past, wrongs
from tests.ledger.test_expire import an_expiry
from tests.ledger.test_mint import TOP, a_mint
from tests.ledger.test_reassign_region import a_change
from tests.ledger.test_retire import a_retirement
from tests.ledger.test_transfer import a_transfer
from tests.ledger.wrongs import Case
from tests.washing import stage_of

CASES = {
    "mint": a_mint,
    "transfer": a_transfer,
    "retire": a_retirement,
    "reassign_region": a_change,
    "expire": an_expiry,
}
KINDS = pytest.mark.parametrize("kind", CASES)


def submitted(case: Case) -> Request:
    return make.request(case.kind, make.operator(), case.commodity, **case.asks)


def shown(request: Request) -> dict:
    return calls.preview(request_id=request.pk)


def spans(blocks: list[dict]) -> list[tuple]:
    """Return account, first and last number of each block of a preview."""
    return [(str(block["account"]), block["first"], block["last"]) for block in blocks]


def as_text(rows: list[tuple]) -> list[tuple]:
    return [(str(account), *numbers) for account, *numbers in rows]


@KINDS
def test_what_is_shown_is_what_happens(committed_db, kind):
    request = submitted(CASES[kind](committed_db))
    preview = shown(request)

    done = make.done(request)

    assert spans(preview["consumed"]) == as_text(look.consumed(done))
    assert spans(preview["created"]) == as_text(look.created(done))
    assert [block["region"] for block in preview["created"]] == [
        region for region, *_ in look.regions(done)
    ]
    totals = look.rows(
        "SELECT account_id::text, sum(debit)::bigint, sum(credit)::bigint"
        " FROM ledger.credits_debits WHERE transaction_id = %s GROUP BY account_id",
        done.transaction_id,
    )
    assert sorted((p["account"], p["debit"], p["credit"]) for p in preview["postings"]) == sorted(
        totals
    )
    after = look.rows(
        "SELECT DISTINCT account_id::text, balance_after FROM ledger.credits_debits"
        " WHERE transaction_id = %s",
        done.transaction_id,
    )
    assert sorted((b["account"], b["after"]) for b in preview["balances"]) == sorted(after)


@KINDS
def test_a_preview_writes_nothing(committed_db, kind):
    request = submitted(CASES[kind](committed_db))
    before = look.everything()
    as_it_was = copy.copy(vars(Request.objects.get(pk=request.pk)))

    shown(request)

    assert look.everything() == before
    as_it_is = vars(Request.objects.get(pk=request.pk))
    assert {**as_it_is, "_state": None} == {**as_it_was, "_state": None}


@KINDS
def test_an_approval_of_what_was_shown_is_executed(committed_db, kind):
    request = submitted(CASES[kind](committed_db))

    approved = make.approve(request, shown(request)["fingerprint"])

    assert look.outcome(approved) == "done"


@KINDS
def test_two_looks_at_the_same_blocks_have_the_same_fingerprint(committed_db, kind):
    request = submitted(CASES[kind](committed_db))

    first, second = shown(request), shown(request)

    assert first == second
    assert len(first["fingerprint"]) == 64


def test_a_preview_shows_the_cut_and_the_balances(committed_db):
    source, target = make.account(holding=100), make.account(holding=7)
    request = make.transfer_request(source, target, 30)

    preview = shown(request)

    (consumed,), (moved, kept) = preview["consumed"], preview["created"]
    assert (consumed["account"], consumed["first"], consumed["last"]) == (str(source.pk), 1, 100)
    assert (moved["volume"], moved["moved"], kept["volume"], kept["moved"]) == (30, True, 70, False)
    assert moved["input"] == kept["input"] == consumed["block"]
    assert preview["postings"] == [
        {"account": str(source.pk), "debit": 30, "credit": 0},
        {"account": str(target.pk), "debit": 0, "credit": 30},
    ]
    assert preview["balances"] == [
        {"account": str(source.pk), "before": 100, "after": 70},
        {"account": str(target.pk), "before": 7, "after": 37},
    ]


def test_the_preview_of_the_first_mint_starts_with_number_one(committed_db):
    target = make.account()
    issuance = look.system_account(make.commodity(), "issuance")

    preview = shown(make.mint_request(target, 30))

    (created,) = preview["created"]
    assert (created["first"], created["last"]) == (1, 30)
    assert preview["balances"] == [
        {"account": str(issuance.pk), "before": 0, "after": -30},
        {"account": str(target.pk), "before": 0, "after": 30},
    ]


def test_a_change_of_region_leaves_the_balance_as_it_is(committed_db):
    request = submitted(a_change(committed_db))

    (balance,) = shown(request)["balances"]

    assert (balance["before"], balance["after"]) == (150, 150)


def test_other_blocks_have_another_fingerprint(committed_db):
    source, target = make.account(holding=100), make.account()
    request = make.transfer_request(source, target, 30)
    before = shown(request)["fingerprint"]
    make.transfer(source, make.account(), 10)

    assert shown(request)["fingerprint"] != before


def test_another_target_has_another_fingerprint(committed_db):
    source = make.account(holding=100)

    prints = {
        shown(make.transfer_request(source, make.account(), 30))["fingerprint"] for _ in range(2)
    }

    assert len(prints) == 2


@pytest.mark.parametrize("status", ["draft", "submitted", "approved"])
def test_what_may_still_happen_can_be_previewed(committed_db, status):
    source = make.account(holding=100)
    request = services.create_transfer_draft(
        submitter=make.submitter_for(source),
        source=source,
        target=make.account(),
        commodity=make.default_commodity(),
        volume=5,
    )
    if status != "draft":
        request = services.submit_request(request_id=request.pk, submitter=request.submitter)
    if status == "approved":
        make.approve(request)

    assert spans(shown(request)["consumed"]) == [(str(source.pk), 1, 100)]


@pytest.mark.parametrize("status", ["executed", "rejected", "withdrawn"])
def test_what_cannot_happen_any_more_has_no_preview(committed_db, status):
    source = make.account(holding=100)
    request = make.transfer_request(source, make.account(), 5)
    if status == "executed":
        make.done(request)
    elif status == "rejected":
        services.reject_request(request_id=request.pk, approver=make.approver(), reason="No.")
    else:
        services.withdraw_request(request_id=request.pk, submitter=request.submitter)

    with pytest.raises(services.Refused, match="REQUEST_TRANSITION_INVALID"):
        shown(request)


def test_an_unknown_request_has_no_preview(committed_db):
    with pytest.raises(services.Refused, match="REQUEST_NOT_FOUND"):
        calls.preview(request_id=uuid4())


stage = stage_of(a_transfer)


IN_PLAN = {
    "RANGE_INVALID",
    "VOLUME_NOT_POSITIVE",
    "BLOCK_NOT_HELD",
    "COMMODITY_RULE",
    "INSUFFICIENT_TOTAL_BALANCE",
}


@pytest.mark.parametrize(
    "wrong",
    [
        *wrongs.account_wrongs("source"),
        *wrongs.account_wrongs("target"),
        wrongs.breaking("transferable"),
        *(each for each in wrongs.CHOICE if each.code in IN_PLAN),
    ],
    ids=str,
)
def test_a_preview_refuses_as_the_execution_would(staged, wrong):
    case = wrongs.spoiled(staged, wrong)

    with pytest.raises(services.Refused, match=wrong.code):
        shown(submitted(case))


def test_the_preview_of_more_numbers_than_there_are_is_refused_by_name(committed_db):
    target = make.account(holding=10)
    request = make.mint_request(target, TOP)

    with pytest.raises(services.Refused, match="VOLUME_OVERFLOW"):
        shown(request)


def test_the_preview_of_a_past_event_is_of_its_time(committed_db):
    past.allow(committed_db)
    commodity, source = make.commodity(months_to_expiry=12), make.account()
    of = {"commodity": commodity}
    past.done(make.mint_request(source, 10, occurred_at=past.at("2026-02-01"), **of))

    then = make.retire_request(source, 5, occurred_at=past.at("2026-02-02"), **of)

    assert spans(shown(then)["consumed"]) == [(str(source.pk), 1, 10)]


def test_a_preview_inside_a_read_only_transaction_works(committed_db):
    request = make.transfer_request(make.account(holding=10), make.account(), 5)
    connection = committed_db.connect("portal_web")
    connection.read_only = True

    (preview,) = connection.execute("SELECT ledger_api.preview(%s)", (request.pk,)).fetchone()

    assert preview["fingerprint"] == shown(request)["fingerprint"]


def test_a_preview_waits_for_no_lock(committed_db):
    source = make.account(holding=10)
    request = make.transfer_request(source, make.account(), 5)
    holder = committed_db.connect()
    holder.execute("SELECT FROM registry_account FOR UPDATE")
    holder.execute("SELECT FROM registry_request FOR UPDATE")
    reader = committed_db.connect("portal_web", autocommit=True)
    reader.execute("SET lock_timeout = '100ms'")

    (preview,) = reader.execute("SELECT ledger_api.preview(%s)", (request.pk,)).fetchone()

    assert spans(preview["consumed"]) == [(str(source.pk), 1, 10)]


def test_the_auditor_has_no_preview(committed_db):
    request = make.transfer_request(make.account(holding=10), make.account(), 5)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        committed_db.connect("ledger_auditor").execute(
            "SELECT ledger_api.preview(%s)", (request.pk,)
        )


def test_a_refusal_of_a_preview_is_an_exception_with_its_facts(committed_db):
    request = make.transfer_request(make.account(holding=10), make.account(), 11)

    with pytest.raises(LedgerError) as refused:
        shown(request)

    assert refused.value.facts["needed"] == 11
    assert refused.value.facts["balance"] == 10
