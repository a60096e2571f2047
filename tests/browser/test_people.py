"""Passkeys, codes and invitations in a browser, with and without JavaScript."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from playwright.sync_api import expect

from registry import services
from registry.models import Request
from tests import make

pytestmark = pytest.mark.browser
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
}


@pytest.fixture
def keyed(visit):
    """Open a browser whose device makes passkeys; they work on a named host alone."""

    def opened():
        visitor = visit()
        visitor.url = visitor.url.replace("127.0.0.1", "localhost")
        devices = visitor.page.context.new_cdp_session(visitor.page)
        devices.send("WebAuthn.enable")
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        return visitor

    return opened


def touch(visitor, name: str) -> None:
    """Press a button whose device answers a moment later, and look at where it leads."""
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name=name).click()
    visitor.look()


def confirm(visitor) -> None:
    visitor.page.get_by_label("Password").fill(make.PASSWORD)
    visitor.press("button", "Confirm")


def test_a_passkey_is_made_signs_in_and_decides(cast, keyed, settings):
    settings.REQUIRE_MFA = True
    item = cast.submitted()
    okafor = keyed()
    page = okafor.page

    okafor.type_sign_in(cast.approver.email)
    confirm(okafor)
    page.get_by_role("link", name="passkey", exact=True).click()
    okafor.look()
    okafor.fill("Name", "Laptop")
    touch(okafor, "Add passkey")
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    okafor.press("link", "I have kept them")
    expect(page.get_by_text("Passkey: Laptop")).to_be_visible()

    okafor.press("button", "Sign out")
    okafor.type_sign_in(cast.approver.email)
    expect(page.get_by_role("heading", level=1)).to_have_text("Second step")
    touch(okafor, "Use a passkey")
    expect(page.get_by_role("heading", level=1)).to_have_text("Registry desk")

    okafor.press("link", "Review oldest")
    page.get_by_label("Approve and execute").check()
    touch(okafor, "Confirm decision with a passkey")
    expect(page.get_by_text("The ledger recorded it as SOL-2")).to_be_visible()
    item.refresh_from_db()
    assert item.status == Request.Status.EXECUTED
    assert Authenticator.objects.get(type="webauthn").last_used_at


def test_a_passkey_of_nobody_is_a_sentence(cast, keyed):
    marsh = keyed()
    marsh.type_sign_in(cast.marsh.email)
    marsh.page.goto(f"{marsh.url}/me/passkeys/new")
    confirm(marsh)
    marsh.fill("Name", "Laptop")
    options = marsh.page.locator("[data-passkey]")
    options.evaluate("""each => {
          each.dataset.made = each.dataset.options;
          each.dataset.options = '{}';
        }""")

    options.click()

    expect(marsh.page.get_by_text("The browser gave no passkey.")).to_be_visible()
    # As under an address that is a number.
    options.evaluate(
        """each => {
          const options = JSON.parse(each.dataset.made);
          options.publicKey.rp.id = "127.0.0.1";
          each.dataset.options = JSON.stringify(options);
        }"""
    )
    options.click()
    expect(marsh.page.get_by_text("for an address with a name, such as localhost")).to_be_visible()
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_an_app_is_set_up_and_decides(cast, visit, settings, javascript):
    settings.REQUIRE_MFA = True
    cast.submitted()
    okafor = visit(javascript=javascript)
    page = okafor.page

    okafor.type_sign_in(cast.approver.email)
    confirm(okafor)
    secret = page.locator("ol code").inner_text().replace(" ", "")
    okafor.fill("Code that the app shows", services.code_at(secret, time.time() - 30))
    okafor.press("button", "Set up")
    codes = [each.replace(" ", "") for each in page.locator("ol code").all_inner_texts()]
    okafor.presses = okafor.fields = 0
    page.goto(okafor.url)
    okafor.press("link", "Review oldest")
    page.get_by_label("Approve and execute").check()
    okafor.presses += 1
    okafor.fill("Code", codes[0])
    okafor.press("button", "Confirm decision")

    expect(page.get_by_text("The ledger recorded it as SOL-2")).to_be_visible()
    assert (okafor.presses, okafor.fields) == (3, 1)


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_a_colleague_is_invited_and_comes(cast, visit, javascript):
    admin = make.person(cast.alder, "team_admin", name="A. Admin", password=make.PASSWORD)
    inviting, coming = visit(javascript=javascript), visit(javascript=javascript)

    inviting.type_sign_in(admin.email)
    inviting.press("link", "Team")
    inviting.press("link", "Invite somebody")
    inviting.fill("E-mail address", "new@alder.example")
    inviting.page.get_by_role("radio", name=re.compile("^Submitter")).check()
    inviting.fields += 1
    inviting.press("button", "Send invitation")
    expect(inviting.page.get_by_text("new@alder.example", exact=True)).to_be_visible()
    assert (inviting.presses, inviting.fields) == (3, 2)

    coming.page.goto(coming.url + re.search(r"/invitation/\S+", mail.outbox[0].body)[0])
    coming.look()
    coming.fill("Your name", "N. New")
    coming.fill("Password", make.PASSWORD)
    coming.press("button", "Make my sign-in")
    coming.type_sign_in("new@alder.example")
    expect(coming.page.get_by_role("heading", level=1)).to_have_text("Alder Wind")
    coming.page.goto(f"{coming.url}/me")
    coming.look()
    inviting.page.goto(f"{inviting.url}/team")
    inviting.press("link", "N. New")
    inviting.press("button", "Close sign-in")
    coming.page.reload()
    expect(coming.page.get_by_role("heading", level=1)).to_have_text("Sign in")
