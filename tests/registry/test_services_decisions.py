"""Deciding: approval, which executes, and rejection."""

from uuid import uuid4

import pytest

from registry import services
from registry.models import Request
from registry.services import decisions
from tests import make
from tests.ledger import look
from tests.ledger.wrongs import tamper


def waiting(volume: int = 5) -> Request:
    return make.transfer_request(make.account(holding=10), make.account(), volume)


def stored(request: Request) -> Request:
    return Request.objects.get(pk=request.pk)


def approve(request: Request, **how: object) -> Request:
    how.setdefault("approver", make.approver())
    return services.approve_request(request_id=request.pk, **how)


def test_an_approval_executes_at_once(committed_db):
    request, approver = waiting(), make.approver()

    done = approve(request)

    assert (done.status, done.approver) == ("executed", approver)
    assert done.decided_at <= done.executed_at
    assert look.held(request.target) == [(1, 5)]


def test_an_approval_without_the_ledgers_login_waits(committed_db, monkeypatch):
    monkeypatch.setattr(decisions, "holds_ledger_login", lambda: False)
    request = waiting()

    done = approve(request)

    assert done.status == "approved"
    assert look.held(request.target) == []


def test_an_approval_keeps_what_the_approver_was_shown(committed_db):
    request = waiting()
    shown = services.open_preview(request_id=request.pk, person=make.approver())["fingerprint"]

    done = approve(request, fingerprint=shown)

    assert (done.status, done.approved_fingerprint) == ("executed", shown)


def test_an_approval_of_other_blocks_than_shown_fails(committed_db):
    request = waiting()
    shown = services.open_preview(request_id=request.pk, person=make.approver())["fingerprint"]
    make.transfer(request.source, request.target, 1)

    done = approve(request, fingerprint=shown)

    assert (done.status, done.failure_code) == ("failed", "PREVIEW_CHANGED")
    assert done.failed_at is not None
    assert look.held(request.target) == [(1, 1)]


def test_an_approval_of_what_the_ledger_refuses_fails_with_its_code(committed_db):
    done = approve(waiting(volume=11))

    assert (done.status, done.failure_code) == ("failed", "INSUFFICIENT_TOTAL_BALANCE")
    assert done.transaction_id is None


def test_a_broken_invariant_is_raised_and_the_approval_stands(committed_db):
    request = waiting()
    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves")

    with pytest.raises(services.InvariantBroken, match="LEAF_SHORTFALL"):
        approve(request)
    assert stored(request).status == "approved"


def test_a_rejection_says_why_and_moves_nothing(committed_db):
    request, approver = waiting(), make.approver()

    services.reject_request(request_id=request.pk, approver=approver, reason="Wrong account.")

    after = stored(request)
    assert (after.status, after.decision_reason) == ("rejected", "Wrong account.")
    assert after.approver == approver
    assert look.held(request.target) == []


@pytest.mark.parametrize("first", ["approve", "reject"])
@pytest.mark.parametrize("second", ["approve", "reject"])
def test_a_request_is_decided_once(committed_db, first, second):
    request = waiting()
    acts = {
        "approve": lambda: approve(request),
        "reject": lambda: services.reject_request(
            request_id=request.pk, approver=make.approver(), reason="No."
        ),
    }
    acts[first]()
    before = stored(request)

    with pytest.raises(services.Refused, match="REQUEST_TRANSITION_INVALID"):
        acts[second]()
    assert stored(request).status == before.status
    assert stored(request).decided_at == before.decided_at


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_only_what_was_submitted_is_decided(committed_db, status):
    source = make.account(holding=10)
    request = services.create_transfer_draft(
        submitter=make.submitter_for(source),
        source=source,
        target=make.account(),
        commodity=make.default_commodity(),
        volume=5,
    )
    if status == "withdrawn":
        services.withdraw_request(request_id=request.pk, submitter=request.submitter)

    with pytest.raises(services.Refused, match="REQUEST_TRANSITION_INVALID"):
        approve(request)


def test_an_unknown_request_is_not_found(committed_db):
    with pytest.raises(services.Refused, match="REQUEST_NOT_FOUND"):
        services.approve_request(request_id=uuid4(), approver=make.approver())
    with pytest.raises(services.Refused, match="REQUEST_NOT_FOUND"):
        services.reject_request(request_id=uuid4(), approver=make.approver(), reason="No.")


def test_nobody_decides_their_own_request(committed_db):
    approver = make.approver()
    source = make.account(holding=10)
    request = make.request("transfer", approver, source=source, target=make.account(), volume=5)

    with pytest.raises(services.Refused, match="SELF_APPROVAL"):
        approve(request, approver=approver)
    assert stored(request).status == "submitted"


def test_one_person_with_two_sign_ins_is_one_person(committed_db):
    request = waiting()
    second = make.approver(person_id=request.submitter.person_id)

    with pytest.raises(services.Refused, match="SELF_APPROVAL"):
        approve(request, approver=second)


@pytest.mark.parametrize("role", ["viewer", "submitter", "team_admin", "operator", "auditor"])
def test_only_an_approver_decides(committed_db, role):
    request = waiting()

    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        approve(request, approver=make.person(make.registry(), role))
    with pytest.raises(services.Refused, match="ACTOR_NOT_AUTHORISED"):
        services.reject_request(
            request_id=request.pk, approver=make.person(make.registry(), role), reason="No."
        )
    assert stored(request).status == "submitted"
