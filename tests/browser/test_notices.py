"""Finding things from the header, and being told: with a browser, with and without JavaScript."""

import pytest
from playwright.sync_api import expect

from registry import services
from tests import make

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_a_serial_number_is_found_from_any_page(cast, visit, javascript):
    make.mint(cast.source, 1000, facility=make.facility(cast.alder), commodity=cast.commodity)
    draft = cast.draft(5)
    marsh = visit(javascript=javascript)
    marsh.sign_in("marsh@alder.example")

    marsh.fill("Search by number or code", "SOL 1777")
    marsh.page.keyboard.press("Enter")
    expect(marsh.page.get_by_text("Certificate SOL 1777 is in this block.")).to_be_visible()
    marsh.look()

    marsh.fill("Search by number or code", str(draft.number))
    marsh.press("button", "Search")
    expect(marsh.page.get_by_role("heading", level=1)).to_contain_text("more than one thing")
    marsh.press("link", f"Request {draft.number}")

    marsh.fill("Search by number or code", "nothing like it")
    marsh.press("button", "Search")
    expect(marsh.page.get_by_role("heading", name="What can be searched")).to_be_visible()
    assert marsh.complaints == []


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_an_approver_is_told_acts_and_is_not_asked_again(cast, visit, javascript):
    item = cast.submitted(400)
    okafor, marsh = visit(javascript=javascript), visit(javascript=javascript)
    okafor.sign_in("okafor@registry.example")

    okafor.press("link", "Notices")
    okafor.press("link", f"Request {item.number} waits for a decision")
    okafor.page.get_by_label("Reject").check()
    okafor.page.get_by_label("Reason").fill("No contract.")
    okafor.press("button", "Confirm decision")
    okafor.press("link", "Notices")
    expect(okafor.page.get_by_text("Action required")).to_have_count(0)

    marsh.sign_in("marsh@alder.example")
    expect(marsh.page.get_by_role("heading", name="Needs your attention")).to_be_visible()
    marsh.press("link", "Notices")
    expect(marsh.page.get_by_text("Action required")).to_have_count(1)
    marsh.press("button", "Mark all read")
    expect(marsh.page.get_by_text("Nothing new.")).to_be_visible()
    marsh.press("link", "Choose what comes by mail")
    marsh.page.get_by_label("Your request was rejected").uncheck()
    marsh.press("button", "Save")
    expect(marsh.page.get_by_role("status")).to_have_text("Saved.")
    assert okafor.complaints + marsh.complaints == []


def test_the_badge_and_the_sums_follow_without_a_reload(cast, visit):
    marsh = visit()
    marsh.sign_in("marsh@alder.example")
    page = marsh.page
    item = cast.submitted(400)
    services.reject_request(request_id=item.id, approver=cast.approver, reason="No.")

    # What the trigger of each minute does.
    page.evaluate("htmx.ajax('GET', '/notifications/badge', {target: '#badge', swap: 'outerHTML'})")

    expect(page.locator("#badge .count")).to_contain_text("2")
    expect(page.locator("#badge")).to_have_attribute("hx-trigger", "every 60s")


def test_the_badge_stops_asking_in_a_page_left_open_after_signing_out(cast, visit):
    marsh = visit()
    marsh.sign_in("marsh@alder.example")
    page = marsh.page
    page.context.clear_cookies()

    page.evaluate("htmx.ajax('GET', '/notifications/badge', {target: '#badge', swap: 'outerHTML'})")

    expect(page.locator("#badge")).to_have_text("You are signed out")
    assert page.locator("#badge").get_attribute("hx-trigger") is None
    assert page.url.rstrip("/") == marsh.url
