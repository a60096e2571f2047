"""The whole way, as two people: a part of a block is transferred, approved, and seen."""

import pytest
from playwright.sync_api import expect

from registry.models import Request
from tests import make

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_going_back_after_submitting_does_not_submit_again(cast, visit, javascript):
    marsh = visit(javascript=javascript)
    marsh.sign_in("marsh@alder.example")
    marsh.press("link", "Transfer certificates")
    marsh.fill("To account", "COB-01")
    marsh.fill("Certificates", "400")
    marsh.press("button", "Continue")
    marsh.press("button", "Submit transfer of 400")
    shown = marsh.page.url

    marsh.page.go_back()
    if "/check" in marsh.page.url and marsh.page.get_by_role("button", name="Submit").count():
        marsh.page.get_by_role("button", name="Submit").click()

    expect(marsh.page).to_have_url(shown)
    assert Request.objects.filter(kind="transfer").count() == 1


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_an_operator_suspends_an_organisation_in_two_steps(cast, visit, javascript):
    make.person(
        make.registry(), "operator", email="operator@registry.example", password=make.PASSWORD
    )
    operator = visit(javascript=javascript)
    operator.sign_in("operator@registry.example")

    operator.press("link", "Registry", exact=True)
    operator.page.get_by_label("Find an organisation").fill("cobalt")
    # Not the search of the header.
    operator.page.get_by_role("main").get_by_role("button", name="Search").click()
    operator.press("link", "COB", exact=True)
    operator.press("link", "Suspend", exact=True)
    operator.fill("Reason", "Licence withdrawn.")
    operator.press("button", "Suspend organisation")

    expect(operator.page.get_by_text("none of its open requests is executed")).to_be_visible()
    expect(operator.page.get_by_role("table", name="Changes of this")).to_contain_text(
        "Licence withdrawn."
    )
    cast.target.refresh_from_db()
    assert cast.target.status == "suspended"


def test_filters_swap_the_blocks_and_leave_nothing_in_the_browser(cast, visit):
    marsh = visit()
    marsh.sign_in("marsh@alder.example", at="/accounts/ALD-01/holdings")

    marsh.page.get_by_label("State").select_option("available")

    marsh.page.wait_for_url("**state=available*")
    expect(marsh.page.get_by_role("table")).to_be_visible()
    marsh.look()
    assert marsh.page.context.storage_state()["origins"] == []


def test_on_paper_there_is_the_table_and_no_navigation(cast, visit):
    marsh = visit()
    marsh.sign_in("marsh@alder.example", at="/accounts/ALD-01/holdings")

    marsh.page.emulate_media(media="print")

    expect(marsh.page.get_by_text("Statement of holdings, ALD-01")).to_be_visible()
    expect(marsh.page.get_by_role("table")).to_be_visible()
    expect(marsh.page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(marsh.page.get_by_role("link", name="Transfer certificates")).to_be_hidden()


def test_a_mistake_takes_the_focus_to_its_summary(cast, visit):
    marsh = visit()
    marsh.sign_in("marsh@alder.example")
    marsh.press("link", "Transfer certificates")
    marsh.complaints.clear()

    marsh.page.get_by_role("button", name="Continue").click()

    expect(marsh.page.get_by_role("alert")).to_be_focused()
    # Chromium reports the status 422 itself.
    marsh.complaints = [each for each in marsh.complaints if "422" not in each]
    marsh.page.get_by_role("link", name="To account: Say who receives the certificates.").click()
    expect(marsh.page.get_by_label("To account")).to_be_focused()
