"""The pages about requests."""

import re

import pytest

from registry import services
from registry.models import Request
from registry.selectors import requests
from tests import make
from tests.portal.cast import signed_in


def without_token(answer):
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", answer.content.decode())


def test_a_submitted_request_says_who_decides_next(cast):
    item = cast.submitted()

    page = signed_in(cast.marsh).get(f"/requests/{item.number}").content.decode()

    assert "A registry approver decides" in page
    assert "Withdraw request" in page


def test_an_executed_request_leads_to_its_transaction(cast):
    item = cast.executed()
    client = signed_in(cast.marsh)

    page = client.get(f"/requests/{item.number}")

    assert page.context["transaction"] == "SOL-2"
    assert client.get("/transactions/SOL-2").status_code == 200


def test_a_failed_request_says_why_and_that_nothing_was_written(cast):
    item = cast.draft(5000)
    services.submit_request(request_id=item.id, submitter=cast.marsh)
    services.approve_request(request_id=item.id, approver=cast.approver)

    page = signed_in(cast.marsh).get(f"/requests/{item.number}").content.decode()

    assert "INSUFFICIENT_TOTAL_BALANCE" in page
    assert "Nothing was written." in page


def test_the_reason_of_a_rejection_reaches_the_submitter(cast):
    item = cast.submitted()
    services.reject_request(request_id=item.id, approver=cast.approver, reason="Wrong account")

    assert "Wrong account" in signed_in(cast.marsh).get(f"/requests/{item.number}").content.decode()


def test_withdrawing_asks_first(cast):
    item, client = cast.submitted(), signed_in(cast.marsh)

    asked = client.get(f"/requests/{item.number}/withdraw")
    item.refresh_from_db()
    assert (asked.status_code, item.status) == (200, "submitted")

    client.post(f"/requests/{item.number}/withdraw")
    item.refresh_from_db()
    assert item.status == "withdrawn"


def test_what_was_decided_cannot_be_withdrawn(cast):
    item = cast.executed()

    answer = signed_in(cast.marsh).post(f"/requests/{item.number}/withdraw")

    assert answer.status_code == 409
    assert "already moved on" in answer.content.decode()


def test_the_receiver_sees_what_is_coming_and_no_draft(cast):
    draft, coming = cast.draft(1), cast.submitted(2)
    client = signed_in(cast.cole)

    assert client.get(f"/requests/{draft.number}").status_code == 404
    assert client.get(f"/requests/{coming.number}").status_code == 200
    assert client.get(f"/requests/{coming.number}").context["preview"] is None


@pytest.mark.parametrize("part", ["", "/check", "/details", "/withdraw"])
def test_somebody_elses_request_is_like_one_that_never_was(cast, part):
    item, client = cast.draft(), signed_in(cast.outsider)

    theirs = client.get(f"/requests/{item.number}{part}")
    absent = client.get(f"/requests/999999{part}")

    assert theirs.status_code == absent.status_code == 404
    assert without_token(theirs) == without_token(absent)


@pytest.mark.parametrize("act", ["submit", "withdraw"])
def test_nobody_acts_on_somebody_elses_request(cast, act):
    item = cast.draft()

    assert signed_in(cast.outsider).post(f"/requests/{item.number}/{act}").status_code == 404

    item.refresh_from_db()
    assert item.status == "draft"


def test_the_receiver_cannot_withdraw(cast):
    item = cast.submitted()

    assert signed_in(cast.cole).post(f"/requests/{item.number}/withdraw").status_code == 404


def test_the_lists_are_ones_own(cast):
    mine = cast.submitted()

    lists = {
        person.name: [
            item.number for item in signed_in(person).get("/requests").context["requests"]
        ]
        for person in (cast.marsh, cast.cole, cast.outsider)
    }

    assert lists == {"D. Marsh": [mine.number], "C. Cole": [mine.number], "X. Outside": []}


def test_older_requests_are_on_the_next_page(cast, monkeypatch):
    monkeypatch.setattr(requests, "PAGE", 2)
    for _ in range(3):
        cast.draft(1)
    client = signed_in(cast.marsh)

    first = client.get("/requests").context
    second = client.get(f"/requests?before={first['next']}").context

    numbers = [item.number for page in (first, second) for item in page["requests"]]
    drafts = Request.objects.filter(status="draft").order_by("-number")
    assert numbers == [item.number for item in drafts]


def test_what_people_write_stays_text(cast):
    item = cast.submitted(note='<script>alert(1)</script><b hx-get="/sign-out">x</b>')

    page = signed_in(cast.approver).get(f"/approvals/{item.number}").content.decode()

    assert "<script>alert" not in page
    assert "<b hx-get" not in page


def test_a_viewer_looks_and_does_not_ask(cast):
    viewer = make.person(cast.alder, "viewer")
    item = cast.submitted()
    client = signed_in(viewer)

    assert client.get(f"/requests/{item.number}").status_code == 200
    refused = client.get("/requests/new/transfer")
    assert refused.status_code == 403
    assert "a submitter or team admin of an organisation" in refused.content.decode()
