"""The approver's queue and decision."""

import pytest

from registry import services
from registry.models import Request
from tests import make
from tests.portal.cast import signed_in


def opened(person, item):
    return services.open_preview(request_id=item.id, person=person)["fingerprint"]


def decide(person, item, **answers):
    answers = {"decision": "approve", "reason": "", **answers}
    answers.setdefault("fingerprint", opened(person, item))
    return signed_in(person).post(f"/approvals/{item.number}/decision", answers)


def state(item):
    return Request.objects.get(id=item.id).status


def test_approving_executes_and_shows_the_result(cast):
    item = cast.submitted()

    answer = decide(cast.approver, item)

    done = Request.objects.get(id=item.id)
    assert answer.headers["Location"] == f"/requests/{item.number}"
    assert (done.status, done.approver) == ("executed", cast.approver)
    assert done.approved_fingerprint == item.submitted_fingerprint


def test_whoever_has_decided_goes_on_to_the_oldest_that_is_not_their_own(cast):
    first, second = cast.submitted(1), cast.submitted(2)
    decide(cast.approver, first)

    result = signed_in(cast.approver).get(f"/requests/{first.number}").content.decode()
    others = signed_in(cast.marsh).get(f"/requests/{first.number}").content.decode()

    assert f'href="/approvals/{second.number}">Review next' in result
    assert "Review next" not in others
    cast.approver.role = "auditor"
    cast.approver.save()
    assert (
        "Review next"
        not in signed_in(cast.approver).get(f"/requests/{first.number}").content.decode()
    )


def test_the_page_says_that_nothing_has_changed_since_the_check(cast):
    item = cast.submitted()

    page = signed_in(cast.approver).get(f"/approvals/{item.number}").content.decode()

    assert "Nothing has changed since D. Marsh checked it." in page
    assert "Checks, all 6 passed" in page


def test_the_page_says_that_the_blocks_have_changed(cast):
    item = cast.submitted(400)
    cast.executed(100)

    page = signed_in(cast.approver).get(f"/approvals/{item.number}").content.decode()

    assert "The blocks have changed since D. Marsh checked them." in page


def test_a_decision_on_other_blocks_than_those_shown_is_not_taken(cast):
    item = cast.submitted(400)
    stale = opened(cast.approver, item)
    cast.executed(100)

    answer = decide(cast.approver, item, fingerprint=stale)

    text = answer.content.decode()
    assert (answer.status_code, state(item)) == (409, "submitted")
    assert "PREVIEW_CHANGED" in text
    assert text.count("Nothing was written.") == 1
    assert "<title>Error: " in text


@pytest.mark.parametrize("answers", [{}, {"decision": "reject"}, {"decision": "maybe"}])
def test_an_incomplete_decision_is_not_taken(cast, answers):
    item = cast.submitted()

    answer = signed_in(cast.approver).post(f"/approvals/{item.number}/decision", answers)

    assert (answer.status_code, state(item)) == (422, "submitted")


def test_a_rejection_keeps_its_reason(cast):
    item = cast.submitted()

    decide(cast.approver, item, decision="reject", reason="Wrong account")

    done = Request.objects.get(id=item.id)
    assert (done.status, done.decision_reason) == ("rejected", "Wrong account")


def own_request(cast):
    item = services.draft_request(
        kind="mint",
        submitter=cast.approver,
        commodity=cast.commodity,
        target=cast.source,
        facility=cast.facility,
        volume=5,
        production_start="2026-02-01",
        production_end="2026-02-28",
    )
    return services.submit_request(request_id=item.id, submitter=cast.approver)


def test_ones_own_request_has_no_form_and_says_why(cast):
    item = own_request(cast)

    page = signed_in(cast.approver).get(f"/approvals/{item.number}").content.decode()

    assert "SELF_APPROVAL" in page
    assert "/decision" not in page
    assert "Yours: locked" in signed_in(cast.approver).get("/approvals").content.decode()


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_nobody_decides_their_own_request(cast, decision):
    item = own_request(cast)

    answer = decide(cast.approver, item, decision=decision, reason="x")

    assert (answer.status_code, state(item)) == (403, "submitted")


def test_a_second_sign_in_of_the_same_person_is_the_same_person(cast):
    item = own_request(cast)
    twin = make.approver(person_id=cast.approver.person_id)

    answer = decide(twin, item)

    assert (answer.status_code, state(item)) == (403, "submitted")


def test_the_slower_approver_is_told_who_decided(cast):
    item = cast.submitted()
    slower = make.approver(name="J. Linde")
    fingerprint = item.submitted_fingerprint
    decide(cast.approver, item)

    answer = signed_in(slower).post(
        f"/approvals/{item.number}/decision",
        {"decision": "reject", "reason": "No", "fingerprint": fingerprint},
    )

    assert (answer.status_code, state(item)) == (409, "executed")
    assert "M. Okafor decided it" in answer.content.decode()


def test_what_the_ledger_would_refuse_can_only_be_rejected(cast):
    item = cast.draft(5000)
    services.submit_request(request_id=item.id, submitter=cast.marsh)
    client = signed_in(cast.approver)

    page = client.get(f"/approvals/{item.number}").content.decode()
    approved = client.post(f"/approvals/{item.number}/decision", {"decision": "approve"})
    assert 'value="approve" disabled' in page
    assert (approved.status_code, state(item)) == (422, "submitted")

    client.post(f"/approvals/{item.number}/decision", {"decision": "reject", "reason": "Too much"})
    assert state(item) == "rejected"


def test_the_queue_is_oldest_first(cast):
    first, second = cast.submitted(1), cast.submitted(2)
    client = signed_in(cast.approver)

    waiting = client.get("/approvals").context["waiting"]
    place = client.get(f"/approvals/{second.number}").context["queue"]

    assert [item.number for item in waiting] == [first.number, second.number]
    assert place == {"place": 2, "of": 2, "previous": first.number, "next": None}


@pytest.mark.parametrize(
    ("role", "queue", "decision"), [("operator", 200, 403), ("approver", 200, 200)]
)
def test_the_queue_is_for_registry_staff_and_the_decision_for_approvers(
    cast, role, queue, decision
):
    item = cast.submitted()
    client = signed_in(make.person(make.registry(), role))

    assert client.get("/approvals").status_code == queue
    assert client.get(f"/approvals/{item.number}").status_code == decision


def test_a_submitter_cannot_approve_by_address(cast):
    item = cast.submitted()

    answer = decide(cast.marsh, item)

    assert (answer.status_code, state(item)) == (403, "submitted")
    assert "a registry approver" in answer.content.decode()


def test_a_decision_by_get_is_no_decision(cast):
    item = cast.submitted()

    assert signed_in(cast.approver).get(f"/approvals/{item.number}/decision").status_code == 405
