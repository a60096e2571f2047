"""
Each kind of request, from the first page to the ledger, by two people.

Once the one who asks has no mouse and the one who decides has no JavaScript; once the other way.
"""

from datetime import date

import pytest
from playwright.sync_api import expect

from registry.models import Request
from registry.selectors import evidence
from tests import make
from tests.ledger import look
from tests.portal.cast import last_request

pytestmark = pytest.mark.browser


@pytest.fixture
def ready(cast):
    """Let each kind have something to be about."""
    make.account(organisation=cast.alder, type="retirement", code="ALD-RET")
    make.person(make.registry(), "operator", email="operator@registry.example")
    south = make.region(code="S", name="South region")
    cast.commodity.reassignable = True
    cast.commodity.save()
    make.services.allow_region_change(
        commodity=cast.commodity,
        from_region=cast.facility.region,
        to_region=south,
        valid_from=date(2020, 1, 1),
    )
    old = make.commodity(code="OLD", name="Old wind", months_to_expiry=18)
    days = {"production_start": date(2022, 1, 1), "production_end": date(2022, 1, 31)}
    make.mint(cast.target, 100, commodity=old, **days)
    return cast


def transfer(person, files):
    person.press("link", "Transfer certificates")
    person.fill("To account", "COB-01")
    person.fill("Certificates", "400")
    return "transfer of 400"


def hand_picked(person, files):
    person.press("link", "Holdings", exact=True)
    person.press("link", "ALD-01")
    person.tick("Select SOL 1 to 1000")
    person.press("button", "Transfer selected")
    person.fill("To account", "COB-01")
    return "transfer of 1,000"


def retire(person, files):
    person.press("link", "Retire certificates")
    person.fill("Certificates", "400")
    person.fill("Beneficiary", "Town of Exampleton")
    person.fill("Purpose", "Supply of 2025")
    person.fill("Consumed from", "2025")
    return "retirement of 400"


def issue(person, files):
    readings = files / "meter readings.pdf"
    readings.write_bytes(b"%PDF-1.7 readings")
    person.go("/requests/new/issue")
    person.pick("Facility", "Fieldgate")
    person.pick("Commodity", "Solar")
    person.fill("Certificates", "250")
    person.fill("Produced from", "Feb 2026")
    person.attach("Evidence", readings)
    return "issue of 250"


def region(person, files):
    person.go("/requests/new/region")
    person.pick("Change of region", "SOL")
    person.fill("Certificates", "400")
    return "change of region of 400"


def expiry(person, files):
    person.go("/requests/new/expiry")
    person.pick("Commodity", "Old")
    return "expiry run"


def received(item):
    """Return which accounts a request brought certificates, and how many."""
    return dict(
        look.rows(
            "SELECT a.code, sum(p.credit)::bigint FROM ledger.credits_debits p"
            " JOIN registry_account a ON a.id = p.account_id"
            " WHERE p.credit > 0 AND p.transaction_id = %s GROUP BY a.code",
            item.transaction_id,
        )
    )


KINDS = {
    "transfer": (transfer, "transfer", "COB-01", 400),
    "hand-picked": (hand_picked, "transfer", "COB-01", 1000),
    "retire": (retire, "retire", "ALD-RET", 400),
    "issue": (issue, "mint", "ALD-01", 250),
    "region": (region, "reassign_region", "ALD-01", 400),
    "expiry": (expiry, "expire", "OLD-EXPIRY", 100),
}


@pytest.mark.parametrize("asks", ["keyboard", "plain"])
@pytest.mark.parametrize("name", KINDS)
def test_two_people_bring_it_to_the_ledger(ready, visit, settings, tmp_path, name, asks):
    settings.EVIDENCE_DIR = tmp_path / "kept"
    ask, kind, receiver, volume = KINDS[name]
    decides = {"keyboard": "plain", "plain": "keyboard"}[asks]
    asker, okafor = visit(mode=asks), visit(mode=decides)
    asker.sign_in("operator@registry.example" if kind == "expire" else ready.marsh.email)

    noun = ask(asker, tmp_path)
    asker.press("button", "Continue")
    asker.press("button", f"Submit {noun}")
    item = last_request()
    expect(asker.page.get_by_text(f"Request {item.number} is with the registry.")).to_be_visible()

    okafor.sign_in(ready.approver.email)
    okafor.press("link", "Review oldest")
    okafor.choose("Approve and execute")
    okafor.press("button", "Confirm decision")

    expect(okafor.page.get_by_text("The ledger recorded it as")).to_be_visible()
    asker.page.reload()
    expect(asker.page.locator("#request-state")).to_have_text("Completed")
    item.refresh_from_db()
    assert (item.kind, item.status, item.approver) == (
        kind, Request.Status.EXECUTED, ready.approver,
    )  # fmt: skip
    assert received(item) == {receiver: volume}
    if kind == "mint":
        assert evidence.of(item).name == "meter readings.pdf"
