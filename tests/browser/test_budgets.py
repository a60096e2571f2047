"""
How many presses and fields the commonest tasks take, from the page after signing in.

A press is one activation, Enter included; a field is one answer that is typed. More than these is a
failure: docs say so, and people count.
"""

import re
import time

import pytest
from django.core import mail
from playwright.sync_api import expect

from registry import dates, services
from registry.models import Request
from tests import make
from tests.ledger import look
from tests.portal.cast import last_request

pytestmark = pytest.mark.browser
SECRET = "STRATADEMO234567"


def cost(visitor):
    return visitor.presses, visitor.fields


def staff(role, home=None):
    return make.person(home or make.registry(), role, email=f"{role}@registry.example")


def test_a_part_is_transferred_with_four_presses_and_two_fields(cast, visit):
    marsh = visit()
    marsh.sign_in(cast.marsh.email)

    marsh.press("link", "Transfer certificates")
    marsh.fill("To account", "COB-01")
    marsh.fill("Certificates", "400")
    marsh.press("button", "Continue")
    expect(marsh.heading()).to_have_text("Check your transfer")
    marsh.press("button", "Submit transfer of 400")

    expect(marsh.heading()).to_have_text("Transfer 400 SOL from Alder Wind to Cobalt Grid")
    assert cost(marsh) <= (4, 2)


def test_a_part_is_retired_with_four_presses_and_four_fields(cast, visit):
    make.account(organisation=cast.alder, type="retirement", code="ALD-RET")
    marsh = visit(mode="plain")
    marsh.sign_in(cast.marsh.email)

    marsh.press("link", "Retire certificates")
    marsh.fill("Certificates", "400")
    marsh.fill("Beneficiary", "Town of Exampleton")
    marsh.fill("Purpose", "Supply of 2025")
    marsh.fill("Consumed from", "2025")
    marsh.press("button", "Continue")
    marsh.press("button", "Submit retirement of 400")

    assert last_request().status == Request.Status.SUBMITTED
    assert marsh.presses <= 4
    assert marsh.fields <= 4


def test_a_waiting_request_is_withdrawn_with_three_presses(cast, visit):
    item, marsh = cast.submitted(), visit()
    marsh.sign_in(cast.marsh.email)

    marsh.press("link", str(item.number), exact=True)
    marsh.press("link", "Withdraw request")
    marsh.press("button", "Withdraw request")

    item.refresh_from_db()
    assert item.status == Request.Status.WITHDRAWN
    assert cost(marsh) <= (3, 0)


def test_the_oldest_is_decided_with_three_presses_and_a_code(cast, visit, settings):
    settings.REQUIRE_MFA = True
    item, okafor = cast.submitted(), visit()
    # The code at sign-in was another one.
    services.set_up_app(
        user=cast.approver, secret=SECRET, code=services.code_at(SECRET, time.time() - 30)
    )
    okafor.sign_in(cast.approver.email)

    okafor.press("link", "Review oldest")
    okafor.choose("Approve and execute")
    okafor.fill("Code", services.code_at(SECRET, time.time()))
    okafor.press("button", "Confirm decision")

    expect(okafor.page.get_by_text("The ledger recorded it as SOL-2")).to_be_visible()
    item.refresh_from_db()
    assert item.status == Request.Status.EXECUTED
    assert okafor.presses <= 3
    assert okafor.fields <= 1


def test_an_auditor_finds_holders_and_holdings_of_a_day(cast, visit):
    make.retire(cast.source, 100, commodity=cast.commodity)
    auditor = staff("auditor", make.organisation("regulator"))
    today = f"{dates.today():%Y-%m-%d}"
    eye = visit(mode="plain")

    eye.sign_in(auditor.email)
    eye.fill("Certificate and date", f"SOL 5 on {today}")
    eye.press("button", "Find")
    assert "was retired by Alder Wind" in eye.page.locator(".sentence").inner_text()
    assert cost(eye) <= (1, 1)

    eye.presses = eye.fields = 0
    eye.go("/")
    eye.fill("Search by number or code", f"ALD-01 on {today}")
    eye.press("button", "Search")
    with eye.page.expect_download() as download:
        eye.presses += 1
        eye.page.get_by_role("link", name="Download CSV").click()
    assert "SOL" in download.value.path().read_text()
    assert today in download.value.suggested_filename
    assert cost(eye) <= (2, 1)


def test_an_operator_sees_without_a_press_whether_the_ledger_is_sound(cast, visit):
    services.reconcile()
    operator = staff("operator")
    eye = visit()

    eye.sign_in(operator.email)
    expect(eye.page.locator("main").get_by_text("Sound", exact=True)).to_be_visible()
    assert cost(eye) == (0, 0)

    eye.press("link", "What was proved")
    expect(eye.page.get_by_role("table", name="The four checks")).to_be_visible()
    assert cost(eye) == (1, 0)


def test_a_colleague_is_invited_with_three_presses_and_two_fields(cast, visit):
    admin = make.person(cast.alder, "team_admin", name="A. Admin")
    inviting = visit(mode="keyboard")
    inviting.sign_in(admin.email)

    inviting.press("link", "Team")
    inviting.press("link", "Invite somebody")
    inviting.fill("E-mail address", "new@alder.example")
    inviting.choose(re.compile("^Submitter"))
    # The role is the other of the two answers, given by a key and not by typing.
    inviting.presses, inviting.fields = inviting.presses - 1, inviting.fields + 1
    inviting.press("button", "Send invitation")

    assert mail.outbox[-1].to == ["new@alder.example"]
    assert cost(inviting) <= (3, 2)


def test_a_reference_from_paper_is_verified_with_one_press_and_one_field(cast, visit):
    retired = make.retire(cast.source, 10, commodity=cast.commodity)
    reference = look.value("SELECT reference FROM ledger.statement(%s)", retired.transaction_id)
    stranger = visit()
    stranger.go("/sign-in")

    stranger.fill("Reference", reference.lower().replace("-", " "))
    stranger.press("button", "Verify")

    expect(stranger.heading()).to_contain_text("Genuine: 10")
    assert cost(stranger) <= (1, 1)
