"""What happened meanwhile: changed blocks, other decisions, stale forms, and forms sent twice."""

import threading

import pytest
from django.db import connections

from registry import services
from registry.models import PreviewOpening, Request
from tests import make
from tests.portal.cast import agreement, signed_in


def state(item):
    return Request.objects.get(id=item.id).status


def text(answer):
    return answer.content.decode()


def shown(client, item):
    """Open the page of the decision and return what its form sends."""
    page = client.get(f"/approvals/{item.number}")
    return {
        "decision": "approve",
        "reason": "",
        "fingerprint": page.context["preview"]["fingerprint"],
    }


def decide(client, item, form):
    return client.post(f"/approvals/{item.number}/decision", form)


def marked(answer, side):
    """Return the first numbers of the consumed blocks that only one side has."""
    difference = answer.context["differences"][-1]["sides"]["consumed"][side]
    return [row["first"] for row in difference["rows"] if row["differs"]]


# Changed blocks.


def test_a_change_meanwhile_is_shown_side_by_side_and_nothing_is_written(cast):
    item, client = cast.submitted(400), signed_in(cast.approver)
    form = shown(client, item)
    cast.executed(100)
    opened = PreviewOpening.objects.count()

    answer = decide(client, item, form)

    assert (answer.status_code, state(item)) == (409, "submitted")
    assert marked(answer, "then") == [1]
    assert marked(answer, "now") == [101]
    assert "What is different since D. Marsh agreed" in text(answer)
    assert "What is different since you looked" in text(answer)
    assert "Check again" in text(answer)
    assert "Confirm decision" not in text(answer)
    assert PreviewOpening.objects.count() == opened


def test_checking_again_offers_the_decision_on_the_new_blocks(cast):
    item, client = cast.submitted(400), signed_in(cast.approver)
    stale = shown(client, item)
    cast.executed(100)
    decide(client, item, stale)

    again = client.get(f"/approvals/{item.number}")

    assert "Confirm decision" in text(again)
    assert "What is different since you looked" in text(again)
    assert decide(client, item, shown(client, item)).status_code == 302
    assert state(item) == "executed"


def test_the_page_opened_again_without_a_change_shows_no_difference(cast):
    item, client = cast.submitted(400), signed_in(cast.approver)
    shown(client, item)

    page = client.get(f"/approvals/{item.number}")

    assert page.context["differences"] == []


def test_the_submitters_check_is_shown_side_by_side_too(cast):
    item, client = cast.draft(400), signed_in(cast.marsh)
    stale = agreement(client.get(f"/requests/{item.number}/check"))
    cast.executed(100)

    answer = client.post(f"/requests/{item.number}/submit", stale)

    assert (answer.status_code, state(item)) == (409, "draft")
    assert marked(answer, "then") == [1]
    assert marked(answer, "now") == [101]
    assert "Check again" in text(answer)
    assert "Submit transfer" not in text(answer)

    fresh = agreement(client.get(f"/requests/{item.number}/check"))
    assert client.post(f"/requests/{item.number}/submit", fresh).status_code == 302
    assert state(item) == "submitted"


def test_the_request_shows_what_changed_since_it_was_agreed(cast):
    item = cast.submitted(400)
    cast.executed(100)

    for person in (cast.marsh, cast.approver):
        page = signed_in(person).get(f"/requests/{item.number}")
        assert marked(page, "now") == [101]


def test_a_receiver_sees_no_blocks_of_the_sender(cast):
    item = cast.submitted(400)
    cast.executed(100)

    page = signed_in(cast.cole).get(f"/requests/{item.number}")

    assert page.context["differences"] == []


def test_blocks_that_were_never_shown_cannot_be_approved(cast):
    item = cast.submitted(400)
    forged = {"decision": "approve", "reason": "", "fingerprint": item.submitted_fingerprint}

    answer = decide(signed_in(cast.approver), item, forged)

    assert (answer.status_code, state(item)) == (409, "submitted")
    assert "PREVIEW_NOT_OPENED" in text(answer)


@pytest.mark.parametrize("missing", ["fingerprint", "version"])
def test_a_submission_says_what_was_shown(cast, missing):
    item, client = cast.draft(400), signed_in(cast.marsh)
    form = agreement(client.get(f"/requests/{item.number}/check"))

    for wrong in ("", "\x00", "x" * 200):
        answer = client.post(f"/requests/{item.number}/submit", {**form, missing: wrong})
        assert (answer.status_code, state(item)) == (409, "draft")


# Other decisions.


def test_a_decision_meanwhile_is_told_with_who_and_when(cast):
    item, slower = cast.submitted(), signed_in(make.approver(name="J. Linde"))
    form, faster = shown(slower, item), signed_in(cast.approver)
    decide(faster, item, {"decision": "reject", "reason": "Wrong account"})

    answer = decide(slower, item, form)

    assert (answer.status_code, state(item)) == (409, "rejected")
    assert "M. Okafor decided it on" in text(answer)
    assert f"{Request.objects.get(id=item.id).decided_at:%Y}" in text(answer)


def test_a_withdrawal_meanwhile_is_told_as_that(cast):
    item, client = cast.submitted(), signed_in(cast.approver)
    form = shown(client, item)
    services.withdraw_request(request_id=item.id, submitter=cast.marsh)

    answer = decide(client, item, form)

    assert (answer.status_code, state(item)) == (409, "withdrawn")
    assert "Alder Wind took it back on" in text(answer)


def test_two_tabs_with_two_decisions_keep_the_first(cast):
    item, client = cast.submitted(), signed_in(cast.approver)
    form = shown(client, item)
    decide(client, item, form)

    answer = decide(client, item, {**form, "decision": "reject", "reason": "Wait, no"})

    assert (answer.status_code, state(item)) == (409, "executed")
    assert "You have decided this already" in text(answer)


# The same form twice.


def test_an_approval_sent_twice_is_one(cast):
    item, client = cast.submitted(), signed_in(cast.approver)
    form = shown(client, item)

    first, again = decide(client, item, form), decide(client, item, form)

    assert first.headers["Location"] == again.headers["Location"] == f"/requests/{item.number}"
    assert state(item) == "executed"


def test_a_rejection_sent_twice_is_one(cast):
    item, client = cast.submitted(), signed_in(cast.approver)
    form = {"decision": "reject", "reason": "Wrong account", "fingerprint": ""}

    first, again = decide(client, item, form), decide(client, item, form)

    assert first.headers["Location"] == again.headers["Location"]
    assert state(item) == "rejected"


def test_an_approval_sent_twice_at_once_is_one(cast):
    item = cast.submitted()
    clients = [signed_in(cast.approver) for _ in range(2)]
    form = shown(clients[0], item)

    answers = together(*(lambda client=client: decide(client, item, form) for client in clients))

    assert [answer.headers["Location"] for answer in answers] == [f"/requests/{item.number}"] * 2
    assert state(item) == "executed"


def test_a_submission_sent_twice_at_once_is_one(cast):
    item = cast.draft()
    clients = [signed_in(cast.marsh) for _ in range(2)]
    form = agreement(clients[0].get(f"/requests/{item.number}/check"))

    answers = together(
        *(
            lambda client=client: client.post(f"/requests/{item.number}/submit", form)
            for client in clients
        )
    )

    assert [answer.headers["Location"] for answer in answers] == [f"/requests/{item.number}"] * 2
    assert state(item) == "submitted"


def test_details_sent_twice_at_once_are_one_draft(cast):
    form = cast.details()
    clients = [signed_in(cast.marsh) for _ in range(2)]

    answers = together(
        *(lambda client=client: client.post("/requests/new/transfer", form) for client in clients)
    )

    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert Request.objects.filter(kind="transfer").count() == 1


@pytest.mark.parametrize(("start", "act"), [("submitted", "withdraw"), ("draft", "discard")])
def test_taking_back_twice_is_once(cast, start, act):
    item, client = getattr(cast, start)(), signed_in(cast.marsh)

    first = client.post(f"/requests/{item.number}/{act}")
    again = client.post(f"/requests/{item.number}/{act}")

    assert first.headers["Location"] == again.headers["Location"] == f"/requests/{item.number}"
    assert state(item) == "withdrawn"


# Stale forms.


def test_a_stale_discard_does_not_withdraw_what_was_submitted(cast):
    item, client = cast.draft(), signed_in(cast.marsh)
    assert "Discard this draft?" in text(client.get(f"/requests/{item.number}/discard"))
    form = agreement(client.get(f"/requests/{item.number}/check"))
    client.post(f"/requests/{item.number}/submit", form)

    answer = client.post(f"/requests/{item.number}/discard")

    assert (answer.status_code, state(item)) == (409, "submitted")
    assert "it was submitted on" in text(answer)


def test_a_discarded_draft_is_called_that_and_cannot_be_submitted(cast):
    item, client = cast.draft(), signed_in(cast.marsh)
    form = agreement(client.get(f"/requests/{item.number}/check"))
    client.post(f"/requests/{item.number}/discard")

    answer = client.post(f"/requests/{item.number}/submit", form)

    assert (answer.headers["Location"], state(item)) == (f"/requests/{item.number}", "withdrawn")
    assert "Discarded" in text(client.get(f"/requests/{item.number}"))


def test_a_check_of_other_answers_does_not_submit_these(cast):
    make.account(organisation=cast.alder, type="retirement", code="ALD-RET")
    retire = services.draft_request(
        kind="retire", submitter=cast.marsh, commodity=cast.commodity, source=cast.source,
        target=cast.alder.accounts.get(type="retirement"), volume=10, beneficiary="Town A",
        reason="Supply",
    )  # fmt: skip
    client = signed_in(cast.marsh)
    form = agreement(client.get(f"/requests/{retire.number}/check"))
    # In another tab: the blocks are the same, the beneficiary is not.
    services.update_draft(request_id=retire.id, submitter=cast.marsh, beneficiary="Town B")

    answer = client.post(f"/requests/{retire.number}/submit", form)

    assert (answer.status_code, state(retire)) == (409, "draft")
    assert "Town B" in text(answer)
    assert "Check again" in text(answer)


def test_a_withdrawal_that_comes_too_late_says_who_decided(cast):
    item = cast.submitted()
    client = signed_in(cast.marsh)
    client.get(f"/requests/{item.number}/withdraw")
    services.reject_request(request_id=item.id, approver=cast.approver, reason="No")

    answer = client.post(f"/requests/{item.number}/withdraw")

    assert (answer.status_code, state(item)) == (409, "rejected")
    assert "M. Okafor decided it on" in text(answer)


def together(*acts):
    """Do things at the same moment, each in a thread with connections of its own."""
    results, start = [None] * len(acts), threading.Barrier(len(acts))

    def run(place, act):
        start.wait()
        try:
            results[place] = act()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
