"""Asking: drafts, submissions, withdrawals."""

from uuid import uuid4

import psycopg
import pytest

from registry import services
from registry.models import Request
from tests import make
from tests.together import serving, while_held


def draft(source=None, **asks):
    source = source or make.account(holding=10)
    return services.create_transfer_draft(
        submitter=make.submitter_for(source),
        source=source,
        commodity=make.default_commodity(),
        **{"target": make.account(), "volume": 5, **asks},
    )


def stored(request: Request) -> Request:
    return Request.objects.get(pk=request.pk)


def test_a_draft_belongs_to_the_organisation_of_its_author(committed_db):
    source = make.account(holding=10)

    request = stored(draft(source, note="For May"))

    assert request.organisation == source.organisation
    assert (request.kind, request.status) == ("transfer", "draft")
    assert (request.volume, request.ranges, request.note) == (5, None, "For May")
    assert request.submitted_at is None


def test_ranges_are_kept_in_order_and_merged(committed_db):
    request = draft(volume=None, ranges=((21, 30), (1, 5), (6, 10)))

    assert stored(request).ranges == ((1, 10), (21, 30))


def test_a_double_click_drafts_once(committed_db):
    source, target, key = make.account(holding=10), make.account(), uuid4()

    first, second = (draft(source, target=target, idempotency_key=key) for _ in range(2))

    assert first.pk == second.pk
    assert Request.objects.filter(source=source).count() == 1


def test_a_key_used_for_something_else_is_refused(committed_db):
    source, target, key = make.account(holding=10), make.account(), uuid4()
    draft(source, target=target, idempotency_key=key)

    with pytest.raises(services.Refused, match="IDEMPOTENCY_KEY_REUSED"):
        draft(source, target=target, idempotency_key=key, volume=6)


def test_a_draft_may_be_changed_by_its_organisation(committed_db):
    request = draft()

    services.update_draft(
        request_id=request.pk, submitter=request.submitter, volume=7, note="Changed"
    )

    assert (stored(request).volume, stored(request).note) == (7, "Changed")


def test_what_was_submitted_is_not_changed(committed_db):
    request = draft()
    services.submit_request(request_id=request.pk, submitter=request.submitter)

    with pytest.raises(services.Refused, match="REQUEST_FROZEN"):
        services.update_draft(request_id=request.pk, submitter=request.submitter, volume=7)
    assert stored(request).volume == 5


STRANGERS = {
    "update": lambda pk, who: services.update_draft(request_id=pk, submitter=who, volume=7),
    "submit": lambda pk, who: services.submit_request(request_id=pk, submitter=who),
    "withdraw": lambda pk, who: services.withdraw_request(request_id=pk, submitter=who),
}


@pytest.mark.parametrize("act", STRANGERS)
def test_to_a_stranger_a_request_is_not_there(committed_db, act):
    request, stranger = draft(), make.submitter_for(make.account())

    with pytest.raises(services.Refused, match="REQUEST_NOT_FOUND"):
        STRANGERS[act](request.pk, stranger)
    assert stored(request).status == "draft"


@pytest.mark.parametrize("act", STRANGERS)
def test_an_unknown_request_is_not_found(committed_db, act):
    with pytest.raises(services.Refused, match="REQUEST_NOT_FOUND"):
        STRANGERS[act](uuid4(), make.submitter_for(make.account()))


def test_submitting_says_when_and_what_was_shown(committed_db):
    request = draft()
    shown = services.preview_request(request.pk)["fingerprint"]

    services.submit_request(request_id=request.pk, submitter=request.submitter, fingerprint=shown)

    assert stored(request).status == "submitted"
    assert stored(request).submitted_fingerprint == shown
    assert stored(request).submitted_at >= request.created_at


def test_of_two_submitted_at_once_one_reserves_and_the_other_finds_too_few(committed_db):
    source = make.account(holding=10)
    acts = []
    for volume in (6, 7):
        item = draft(source, volume=volume)
        shown = services.preview_request(item.pk)["fingerprint"]
        asked = {"request_id": item.pk, "submitter": item.submitter, "fingerprint": shown}
        acts.append(serving(services.submit_request, **asked))

    with psycopg.connect(committed_db.dsn()) as holder:
        holder.execute("SELECT FROM registry_account WHERE id = %s FOR UPDATE", (source.pk,))
        outcomes = while_held(committed_db, holder, *acts)

    assert sorted(outcomes) == ["INSUFFICIENT_TOTAL_BALANCE", "submitted"]


def test_submitting_twice_is_submitting_once(committed_db):
    request = draft()
    first = services.submit_request(request_id=request.pk, submitter=request.submitter)

    second = services.submit_request(request_id=request.pk, submitter=request.submitter)

    assert second.submitted_at == first.submitted_at


def test_blocks_that_changed_since_they_were_shown_are_shown_again(committed_db):
    source = make.account(holding=10)
    request = draft(source)
    shown = services.preview_request(request.pk)["fingerprint"]
    make.transfer(source, make.account(), 2)

    with pytest.raises(services.Refused, match="PREVIEW_CHANGED"):
        services.submit_request(
            request_id=request.pk, submitter=request.submitter, fingerprint=shown
        )
    assert stored(request).status == "draft"


def test_what_the_ledger_would_refuse_is_refused_at_submission(committed_db):
    request = draft(volume=11)

    with pytest.raises(services.Refused, match="INSUFFICIENT_TOTAL_BALANCE"):
        services.submit_request(
            request_id=request.pk, submitter=request.submitter, fingerprint="0" * 64
        )
    assert stored(request).status == "draft"


def test_who_submits_what_a_colleague_drafted_asks_for_it_and_does_not_decide_it(committed_db):
    author, approver = make.person(make.registry(), "operator"), make.approver()
    twin = make.person(make.registry(), "operator", person_id=approver.person_id)
    item = services.create_transfer_draft(
        submitter=author,
        source=make.account(holding=10),
        target=make.account(),
        commodity=make.default_commodity(),
        volume=5,
    )
    services.update_draft(request_id=item.pk, submitter=twin, volume=6)
    services.submit_request(request_id=item.pk, submitter=twin)

    with pytest.raises(services.Refused, match="SELF_APPROVAL"):
        make.approve(stored(item))

    assert (stored(item).status, stored(item).submitter) == ("submitted", twin)


def test_a_colleague_submits_and_withdraws_too(committed_db):
    request = draft()
    colleague = make.person(request.organisation, "team_admin")

    services.submit_request(request_id=request.pk, submitter=colleague)
    services.withdraw_request(request_id=request.pk, submitter=colleague)

    assert stored(request).status == "withdrawn"


@pytest.mark.parametrize("submitted", [False, True], ids=["a draft", "a submitted one"])
def test_a_request_is_withdrawn_before_it_is_decided(committed_db, submitted):
    request = draft()
    if submitted:
        services.submit_request(request_id=request.pk, submitter=request.submitter)

    services.withdraw_request(request_id=request.pk, submitter=request.submitter)

    assert stored(request).status == "withdrawn"
    assert stored(request).withdrawn_at is not None


def test_withdrawing_twice_is_withdrawing_once(committed_db):
    request = draft()
    first = services.withdraw_request(request_id=request.pk, submitter=request.submitter)

    second = services.withdraw_request(request_id=request.pk, submitter=request.submitter)

    assert second.withdrawn_at == first.withdrawn_at


@pytest.mark.parametrize("status", ["approved", "executed", "rejected"])
def test_what_was_decided_is_not_withdrawn(committed_db, status):
    request = draft()
    services.submit_request(request_id=request.pk, submitter=request.submitter)
    if status == "rejected":
        services.reject_request(request_id=request.pk, approver=make.approver(), reason="No.")
    else:
        make.approve(request)
    if status == "executed":
        services.execute_request(request_id=request.pk)

    with pytest.raises(services.Refused, match="REQUEST_TRANSITION_INVALID"):
        services.withdraw_request(request_id=request.pk, submitter=request.submitter)
    assert stored(request).status == status


def test_what_was_withdrawn_is_not_submitted(committed_db):
    request = draft()
    services.withdraw_request(request_id=request.pk, submitter=request.submitter)

    with pytest.raises(services.Refused, match="REQUEST_TRANSITION_INVALID"):
        services.submit_request(request_id=request.pk, submitter=request.submitter)
