"""Who is told what, once, in the transaction of what happened; and what is left for them to do."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connections, transaction
from django.test.utils import CaptureQueriesContext

from registry import services
from registry.models import Notice, Request
from registry.selectors import notices as selectors
from registry.services import execution, notices
from tests import make
from tests.registry.inbox import needs, told

pytestmark = pytest.mark.usefixtures("nothing_told")


def rejected(cast):
    return services.reject_request(
        request_id=cast.submitted(400).id, approver=cast.approver, reason="No contract."
    )


def approved_elsewhere(cast, monkeypatch, volume=400):
    """Approve where the process may not execute."""
    monkeypatch.setattr("registry.services.decisions.holds_ledger_login", lambda: False)
    return services.approve_request(request_id=cast.submitted(volume).id, approver=cast.approver)


def test_approvers_are_told_of_a_request_and_nobody_else_is(cast):
    second = make.approver(name="Second")
    operator, auditor = make.operator(), make.person(make.organisation("regulator"), "auditor")
    gone = make.approver(is_active=False)

    cast.submitted(400)

    for approver in (cast.approver, second):
        assert told(approver) == needs(approver) == ["submitted"]
    for other in (cast.marsh, cast.cole, cast.outsider, operator, auditor, gone):
        assert told(other, "submitted") == []


def test_an_approver_who_submitted_is_not_asked_nor_is_his_other_sign_in(cast):
    asks = make.approver(name="Asks")
    same = make.approver(name="Same", person_id=asks.person_id)

    make.request("expire", asks, make.commodity(months_to_expiry=1))

    assert told(asks) == told(same) == []
    assert told(cast.approver) == ["submitted"]


def test_a_draft_tells_nobody(cast):
    cast.draft(400)

    assert told(cast.approver, "submitted") == []


def test_submitting_twice_tells_once(cast):
    item = cast.submitted(400)
    services.submit_request(request_id=item.id, submitter=cast.marsh)

    assert told(cast.approver) == ["submitted"]


def test_a_refused_submission_tells_nobody(cast):
    cast.commodity.transferable = False
    cast.commodity.save()
    item = cast.draft(400)
    with pytest.raises(services.Refused):
        services.submit_request(request_id=item.id, submitter=cast.marsh, fingerprint="old")

    assert told(cast.approver, "submitted") == []


def test_the_submitter_and_the_receivers_people_are_told_of_an_execution(cast):
    viewer = make.person(cast.cobalt, "viewer")

    cast.executed(400)

    assert told(cast.marsh) == ["approved", "executed"]
    assert told(cast.cole) == told(viewer) == ["moved"]
    assert Notice.objects.get(person=cast.cole).facts == {"volume": 400, "way": "in"}
    assert told(cast.outsider) == []


def test_the_promise_of_an_outcome_is_closed_by_the_outcome(cast):
    cast.executed(400)

    promise = Notice.objects.get(person=cast.marsh, kind="approved", request__volume=400)

    assert promise.closed_at
    assert promise.read_at
    assert promise.mail_due_at is None


def test_a_transfer_between_own_accounts_is_told_once(cast):
    second = make.account(organisation=cast.alder)

    make.transfer(cast.source, second, 10, commodity=cast.commodity)

    assert told(cast.marsh, "moved") == []


def test_what_the_registry_moves_for_an_organisation_is_told_to_its_people(cast):
    services.approve_request(
        request_id=make.request(
            "transfer", make.operator(), cast.commodity,
            source=cast.source, target=cast.target, volume=5,
        ).id,
        approver=cast.approver,
    )  # fmt: skip

    out = Notice.objects.get(person=cast.marsh, kind="moved")
    assert out.facts == {"volume": 5, "way": "out"}
    assert told(cast.cole, "moved") == ["moved"]


def test_an_expiry_tells_each_holder_its_own_number_alone(cast, committed_db):
    commodity = make.commodity(months_to_expiry=1)
    for account, volume in ((cast.source, 30), (cast.target, 7)):
        make.mint(account, volume, commodity=commodity)
    services.approve_request(request_id=make.expire_request(commodity).id, approver=cast.approver)

    volumes = {
        notice.person: notice.facts["volume"]
        for notice in Notice.objects.filter(kind="moved").select_related("person")
    }
    assert volumes == {cast.marsh: 30, cast.cole: 7}
    assert told(cast.outsider) == []


def test_a_rejection_is_told_to_its_submitter_alone_who_may_copy_it(cast):
    rejected(cast)

    assert told(cast.marsh, "rejected") == needs(cast.marsh) == ["rejected"]
    assert told(cast.cole) == []
    assert needs(cast.approver) == []


def test_a_failure_is_told_with_its_code_and_may_be_copied(cast):
    item = cast.draft(5000)
    services.submit_request(request_id=item.id, submitter=cast.marsh)

    services.approve_request(request_id=item.id, approver=cast.approver)

    (failed,) = selectors.needing(cast.marsh)
    assert "INSUFFICIENT_TOTAL_BALANCE" in failed.told.text
    assert "copy it" in failed.told.to_do
    assert told(cast.cole) == []


@pytest.mark.parametrize("end", ["approve", "reject", "withdraw"])
def test_the_action_disappears_for_all_when_somebody_acted(cast, end):
    second = make.approver(name="Second")
    item = cast.submitted(400)

    if end == "approve":
        services.approve_request(request_id=item.id, approver=second)
    elif end == "reject":
        services.reject_request(request_id=item.id, approver=second, reason="No.")
    else:
        services.withdraw_request(request_id=item.id, submitter=cast.marsh)

    waiting = Notice.objects.filter(kind="submitted", request=item)
    assert needs(cast.approver) == needs(second) == []
    assert not waiting.filter(mail_due_at__isnull=False).exists()
    assert not waiting.filter(read_at=None).exists()


def test_the_action_needs_the_right_to_act_now(cast):
    cast.submitted(400)
    cast.approver.role = "viewer"
    cast.approver.save()

    assert needs(cast.approver) == []


def test_a_withdrawal_is_told_to_the_approvers_and_by_a_colleague_to_the_submitter(cast):
    colleague = make.person(cast.alder)

    services.withdraw_request(request_id=cast.submitted(1).id, submitter=cast.marsh)
    services.withdraw_request(request_id=cast.submitted(2).id, submitter=colleague)

    assert told(cast.approver) == ["submitted", "withdrawn", "submitted", "withdrawn"]
    assert told(cast.marsh, "withdrawn") == ["withdrawn"]
    assert told(colleague) == []


def test_a_copy_by_a_colleague_takes_the_rejection_off_the_list(cast):
    item = rejected(cast)

    services.draft_request(
        kind="transfer", submitter=make.person(cast.alder), commodity=cast.commodity,
        source=cast.source, target=cast.target, volume=5, instead_of=item,
    )  # fmt: skip

    assert needs(cast.marsh) == []


def test_a_crash_between_the_ledger_and_the_notice_loses_nothing(cast, monkeypatch):
    def crash(requests):
        raise DatabaseError("gone")

    monkeypatch.setattr(execution.notices, "ended", crash)
    item = cast.executed(400)
    monkeypatch.undo()
    lost = told(cast.marsh, "executed"), told(cast.cole)
    found = services.tell_missed_outcomes()
    again = services.tell_missed_outcomes()

    assert item.status == Request.Status.EXECUTED
    assert lost == ([], [])
    assert (found, again) == (1, 0)
    assert Notice.objects.filter(person=cast.marsh, kind="executed", request=item).count() == 1
    assert told(cast.cole) == ["moved"]


def test_an_execution_elsewhere_is_told_by_the_sweep(cast, monkeypatch):
    item = approved_elsewhere(cast, monkeypatch)
    before = told(cast.marsh)[-1]

    list(services.execute_approved())

    assert before == "approved"
    assert Notice.objects.filter(person=cast.marsh, kind="executed", request=item).exists()
    assert told(cast.cole) == ["moved"]


def test_what_is_still_approved_is_not_told_as_done(cast, monkeypatch):
    approved_elsewhere(cast, monkeypatch)

    assert services.tell_missed_outcomes() == 0


def test_telling_everything_again_changes_nothing(cast):
    item = cast.executed(400)
    before = Notice.objects.count()

    notices.submitted([item])
    notices.ended([item])

    assert Notice.objects.filter(kind__in=("executed", "moved"), request=item).count() == 2
    assert Notice.objects.count() == before


def test_what_a_replay_tells_of_the_past_is_no_news(cast):
    item = services.draft_request(
        kind="transfer", submitter=cast.marsh, commodity=cast.commodity, source=cast.source,
        target=cast.target, volume=5, occurred_at=datetime(2025, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    before = Notice.objects.count()
    services.submit_request(request_id=item.id, submitter=cast.marsh)
    services.reject_request(request_id=item.id, approver=cast.approver, reason="No.")

    assert Notice.objects.count() == before


def test_many_are_told_with_as_many_statements_as_one(cast, committed_db):
    statements = []
    for count in (1, 20):
        items = [cast.submitted(1) for _ in range(count)]
        committed_db.connect("postgres", autocommit=True).execute("DELETE FROM registry_notice")
        with CaptureQueriesContext(connections["default"]) as captured:
            notices.submitted(items)
        statements.append(len(captured))
        assert Notice.objects.count() == count

    assert statements[0] == statements[1]


def test_an_event_that_is_rolled_back_was_never_told(cast):
    item = cast.draft(400)
    with transaction.atomic():
        services.submit_request(request_id=item.id, submitter=cast.marsh)
        transaction.set_rollback(True)

    assert told(cast.approver, "submitted") == []


def test_a_request_whose_blocks_changed_is_told_once_to_its_submitter(cast):
    item = cast.submitted(1000)
    unchanged = services.tell_changed_previews()
    make.mint(cast.source, 1000, facility=make.facility(cast.alder), commodity=cast.commodity)
    make.transfer(cast.source, cast.target, 600, commodity=cast.commodity)

    found = services.tell_changed_previews(), services.tell_changed_previews()

    assert unchanged == 0
    assert found == (1, 0)
    assert "changed" in needs(cast.marsh)
    services.withdraw_request(request_id=item.id, submitter=cast.marsh)
    assert "changed" not in needs(cast.marsh)
