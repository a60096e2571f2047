"""The whole way, as two people: a part of a block is transferred, approved, and seen."""

import pytest
from playwright.sync_api import expect

from registry.models import Request
from tests import make
from tests.portal.cast import last_request

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_two_people_move_part_of_a_block(cast, visit, javascript):
    marsh, okafor = visit(javascript=javascript), visit(javascript=javascript)

    marsh.sign_in("marsh@alder.example")
    marsh.press("link", "Transfer certificates")
    marsh.fill("To account", "COB-01")
    marsh.fill("Certificates", "400")
    marsh.press("button", "Continue")
    expect(marsh.page.get_by_role("heading", level=1)).to_have_text("Check your transfer")
    marsh.press("button", "Submit transfer of 400")

    item = last_request()
    heading = marsh.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Transfer 400 SOL from Alder Wind to Cobalt Grid")
    expect(marsh.page.get_by_text(f"Request {item.number} is with the registry.")).to_be_visible()
    assert (marsh.presses, marsh.fields) == (3, 2)

    okafor.sign_in("okafor@registry.example")
    okafor.press("link", "Review oldest")
    expect(okafor.page.get_by_text("Nothing has changed since D. Marsh")).to_be_visible()
    okafor.presses += 1
    okafor.page.get_by_label("Approve and execute").check()
    okafor.press("button", "Confirm decision")
    expect(okafor.page.get_by_text("The ledger recorded it as SOL-2")).to_be_visible()
    assert okafor.presses == 3
    item.refresh_from_db()
    assert item.status == Request.Status.EXECUTED

    marsh.page.reload()
    marsh.press("link", "SOL-2")
    marsh.press("link", "1", exact=True)
    children = marsh.page.get_by_role("rowgroup").filter(has_text="Cut from this block")
    expect(children).to_contain_text("Cobalt Grid")
    expect(children).to_contain_text("Alder Wind")
    expect(marsh.page.get_by_text("Spent", exact=True)).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_two_people_retire_for_a_beneficiary(cast, visit, javascript):
    make.account(organisation=cast.alder, type="retirement", code="ALD-RET")
    marsh, okafor = visit(javascript=javascript), visit(javascript=javascript)

    marsh.sign_in("marsh@alder.example")
    marsh.press("link", "Retire certificates")
    marsh.fill("Certificates", "400")
    marsh.fill("Beneficiary", "Town of Exampleton")
    marsh.fill("Purpose", "Supply of 2025")
    marsh.fill("Consumed from", "2025")
    marsh.press("button", "Continue")
    expect(marsh.page.get_by_role("heading", level=1)).to_have_text("Check your retirement")
    marsh.press("button", "Submit retirement of 400")
    assert (marsh.presses, marsh.fields) == (3, 4)

    okafor.sign_in("okafor@registry.example")
    okafor.press("link", "Review oldest")
    okafor.page.get_by_label("Approve and execute").check()
    okafor.press("button", "Confirm decision")
    expect(okafor.page.get_by_text("The ledger recorded it as SOL-2")).to_be_visible()
    assert last_request().status == Request.Status.EXECUTED


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


def test_every_page_can_be_used_by_everybody(cast, visit):
    draft, waiting, done = cast.draft(1), cast.submitted(2), cast.executed(3)
    make.person(
        make.organisation("regulator"),
        "auditor",
        email="auditor@regulator.example",
        password=make.PASSWORD,
    )
    marsh, okafor, auditor = visit(), visit(), visit()
    marsh.sign_in("marsh@alder.example")
    okafor.sign_in("okafor@registry.example")
    auditor.sign_in("auditor@regulator.example")

    for path in [
        "accounts",
        "accounts/ALD-01/holdings",
        "accounts/ALD-01/holdings?as_of=2026-01-31",
        "requests",
        "requests/new/transfer?block=1",
        f"requests/{draft.number}/check",
        f"requests/{draft.number}/discard",
        f"requests/{done.number}",
        "errors",
        "errors/SELF_APPROVAL",
    ]:
        marsh.page.goto(f"{marsh.url}/{path}")
        marsh.look()
    for path in [
        "approvals",
        f"approvals/{waiting.number}",
        "accounts",
        "blocks/1",
        "transactions/SOL-1",
        "transactions/SOL-2",
    ]:
        okafor.page.goto(f"{okafor.url}/{path}")
        okafor.look()


def test_every_page_of_the_desk_can_be_used_by_everybody(cast, visit):
    make.person(
        make.registry(), "operator", email="operator@registry.example", password=make.PASSWORD
    )
    make.facility(cast.alder, code="F2", status="suspended")
    operator = visit()
    operator.sign_in("operator@registry.example")

    for path in [
        "registry?q=ald",
        "organisations",
        "organisations/new",
        "organisations/ALD",
        "organisations/ALD/suspend",
        "accounts/ALD-01",
        "accounts/ALD-01/close",
        "facilities",
        "facilities/new",
        "facilities/F2",
        "facilities/FG/audit",
        "commodities",
        "commodities/SOL",
        "commodities/SOL/edit",
        "commodities/SOL/policy",
        "log",
    ]:
        operator.page.goto(f"{operator.url}/{path}")
        operator.look()


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
    marsh.sign_in("marsh@alder.example")
    marsh.page.goto(f"{marsh.url}/accounts/ALD-01/holdings")

    marsh.page.get_by_label("State").select_option("available")

    marsh.page.wait_for_url("**state=available*")
    expect(marsh.page.get_by_role("table")).to_be_visible()
    assert marsh.page.evaluate("localStorage.length") == 0


def test_on_paper_there_is_the_table_and_no_navigation(cast, visit):
    marsh = visit()
    marsh.sign_in("marsh@alder.example")
    marsh.page.goto(f"{marsh.url}/accounts/ALD-01/holdings")

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
