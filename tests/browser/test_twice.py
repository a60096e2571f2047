"""Double clicks, Back, and pages that ask again by themselves, in a real browser."""

import re

import pytest
from playwright.sync_api import expect

from registry import services
from registry.models import Request
from registry.services import decisions
from tests import make
from tests.portal.cast import last_request

pytestmark = pytest.mark.browser

BOTH = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])


def details(marsh):
    marsh.sign_in("marsh@alder.example", at="/requests/new/transfer")
    marsh.fill("To account", "COB-01")
    marsh.fill("Certificates", "400")


def twice(person, name):
    """Press a button as people do who are used to icons."""
    person.page.get_by_role("button", name=name).dblclick()


@BOTH
def test_double_clicks_all_the_way_make_one_transfer(cast, visit, javascript):
    marsh, okafor = visit(javascript=javascript), visit(javascript=javascript)

    details(marsh)
    twice(marsh, "Continue")
    # Not wait_for_url: it gives up when the second press takes the place of the first.
    expect(marsh.page).to_have_url(re.compile(r"/check$"))
    twice(marsh, "Submit transfer of 400")
    expect(marsh.page.get_by_text("is with the registry")).to_be_visible()

    item = last_request()
    okafor.sign_in("okafor@registry.example", at=f"/approvals/{item.number}")
    okafor.page.get_by_label("Approve and execute").check()
    twice(okafor, "Confirm decision")
    expect(okafor.page.get_by_text("The ledger recorded it as SOL-2")).to_be_visible()

    assert Request.objects.filter(kind="transfer").count() == 1
    item.refresh_from_db()
    assert item.status == Request.Status.EXECUTED


@BOTH
def test_back_after_a_decision_leads_to_what_was_decided(cast, visit, javascript):
    item, okafor = cast.submitted(), visit(javascript=javascript)
    okafor.sign_in("okafor@registry.example", at=f"/approvals/{item.number}")
    okafor.page.get_by_label("Approve and execute").check()
    okafor.press("button", "Confirm decision")
    shown = okafor.page.url

    okafor.page.go_back()

    expect(okafor.page).to_have_url(shown)
    expect(okafor.page.get_by_role("button", name="Confirm decision")).to_have_count(0)


@BOTH
def test_a_double_click_on_discard_discards_once_and_back_does_no_harm(cast, visit, javascript):
    item, marsh = cast.draft(), visit(javascript=javascript)
    marsh.sign_in("marsh@alder.example", at=f"/requests/{item.number}/check")
    marsh.press("link", "Discard")
    twice(marsh, "Discard")
    expect(marsh.page.get_by_text("Discarded").first).to_be_visible()

    marsh.page.go_back()

    expect(marsh.page.get_by_text("Discarded").first).to_be_visible()
    item.refresh_from_db()
    assert item.status == Request.Status.WITHDRAWN


@BOTH
def test_two_tabs_submit_one_request(cast, visit, javascript):
    item, marsh = cast.draft(), visit(javascript=javascript)
    marsh.sign_in("marsh@alder.example")
    other = marsh.page.context.new_page()
    for page in (marsh.page, other):
        page.goto(f"{marsh.url}/requests/{item.number}/check")

    for page in (marsh.page, other):
        page.get_by_role("button", name="Submit transfer of 400").click()
        expect(page).to_have_url(f"{marsh.url}/requests/{item.number}")

    item.refresh_from_db()
    assert item.status == Request.Status.SUBMITTED


@BOTH
def test_several_are_decided_with_one_form(cast, visit, javascript):
    first, second = cast.submitted(1), cast.submitted(2)
    okafor = visit(javascript=javascript)
    okafor.sign_in("okafor@registry.example")
    for item in (first, second):
        okafor.page.goto(f"{okafor.url}/approvals/{item.number}")
    okafor.page.goto(f"{okafor.url}/approvals")
    for item in (first, second):
        okafor.page.get_by_label(f"Decide request {item.number} together").check()
    okafor.look()
    okafor.press("button", "Decide together")
    okafor.page.get_by_label("Reject all, with one reason").check()
    okafor.fill("Reason", "The contract ended.")
    twice(okafor, "Confirm 2 decisions")

    expect(okafor.page.get_by_role("heading", level=1)).to_have_text("2 of 2 rejected")
    okafor.look()
    assert set(Request.objects.filter(kind="transfer").values_list("status", flat=True)) == {
        Request.Status.REJECTED
    }


def test_the_queue_announces_what_is_new_and_moves_no_row(cast, visit):
    first, okafor = cast.submitted(1), visit()
    okafor.sign_in("okafor@registry.example")
    okafor.page.clock.install()
    okafor.page.goto(f"{okafor.url}/approvals")
    okafor.page.get_by_role("link", name=str(first.number)).focus()
    second = cast.submitted(2)

    okafor.page.clock.fast_forward(31_000)

    expect(okafor.page.get_by_text("1 new request waiting")).to_be_visible()
    expect(okafor.page.get_by_role("link", name=str(second.number))).to_have_count(0)
    expect(okafor.page.get_by_role("link", name=str(first.number))).to_be_focused()
    okafor.look()
    okafor.press("link", "Show it")
    expect(okafor.page.get_by_role("link", name=str(second.number))).to_be_visible()


def test_the_timeline_follows_the_execution_and_then_is_quiet(cast, visit, monkeypatch):
    monkeypatch.setattr(decisions, "holds_ledger_login", lambda: False)
    item, marsh = cast.submitted(), visit()
    services.approve_request(request_id=item.id, approver=cast.approver)
    marsh.sign_in("marsh@alder.example")
    marsh.page.clock.install()
    marsh.page.goto(f"{marsh.url}/requests/{item.number}")
    expect(marsh.page.get_by_text("Approved, not yet executed.")).to_be_visible()
    services.execute_request(request_id=item.id)

    marsh.page.clock.fast_forward(6_000)

    expect(marsh.page.get_by_text("The ledger recorded it as SOL-2")).to_be_visible()
    expect(marsh.page.locator("#request-state")).to_have_text("Completed")
    asked = []
    marsh.page.on("request", lambda request: asked.append(request.url))
    marsh.page.clock.fast_forward(30_000)
    assert asked == []


def test_codes_are_searched_while_typing_and_with_a_button(cast, visit):
    reader, plain = visit(), visit(javascript=False)

    reader.page.goto(f"{reader.url}/errors")
    reader.look()
    reader.page.get_by_label("Words or code").press_sequentially("preview changed")
    expect(reader.page.get_by_text("1 code about")).to_be_visible()
    expect(reader.page.get_by_label("Words or code")).to_be_focused()

    plain.page.goto(f"{plain.url}/errors")
    plain.page.get_by_label("Words or code").fill("preview changed")
    plain.page.get_by_role("button", name="Search").click()
    expect(plain.page.get_by_text("1 code about")).to_be_visible()


def test_the_new_pages_can_be_used_by_everybody(cast, visit):
    draft, waiting, changed = cast.draft(1), cast.submitted(2), cast.submitted(400)
    okafor, marsh = visit(), visit()
    okafor.sign_in("okafor@registry.example", at=f"/approvals/{waiting.number}")
    okafor.page.goto(f"{okafor.url}/approvals/{changed.number}")
    marsh.sign_in("marsh@alder.example", at=f"/requests/{draft.number}/check")
    make.transfer(cast.source, cast.target, 100, commodity=cast.commodity)

    okafor.complaints.clear()
    okafor.page.get_by_label("Approve and execute").check()
    okafor.page.get_by_role("button", name="Confirm decision").click()
    expect(okafor.page.get_by_text("What is different since you looked")).to_be_visible()
    okafor.look()
    marsh.page.get_by_role("button", name="Submit transfer of 1").click()
    expect(marsh.page.get_by_text("What is different since you checked")).to_be_visible()
    marsh.look()
    for path in ("requests?show=needs", "requests?show=done", "errors/PREVIEW_CHANGED",
                 "errors/PREVIEW_CHANGE", "no-such-page"):  # fmt: skip
        marsh.page.goto(f"{marsh.url}/{path}")
        marsh.look()
    okafor.page.goto(f"{okafor.url}/approvals/several?number={waiting.number}&number=1")
    okafor.look()
    for visitor in (okafor, marsh):
        # Chromium reports the statuses 404 and 409 itself.
        visitor.complaints = [
            each for each in visitor.complaints if "404" not in each and "409" not in each
        ]
