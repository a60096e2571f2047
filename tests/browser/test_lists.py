"""A list, a search and a file, as somebody at a browser meets them."""

import pytest
from playwright.sync_api import expect

from registry.models import Request
from registry.selectors import evidence
from tests import make
from tests.portal.cast import last_request

pytestmark = pytest.mark.browser

HEAD = "from_account,to_account,commodity,quantity\n"


def csv(*lines):
    content = HEAD + "".join(f"{line}\n" for line in lines)
    return {"name": "list.csv", "mimeType": "text/csv", "buffer": content.encode()}


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_a_list_is_uploaded_and_submitted_in_one_step(cast, visit, javascript):
    marsh = visit(javascript=javascript)

    marsh.sign_in("marsh@alder.example")
    marsh.press("link", "Requests")
    marsh.press("link", "Upload a list")
    marsh.page.get_by_label("File", exact=True).set_input_files(
        csv("ALD-01,COB-01,SOL,400", "ALD-01,DUN-01,SOL,30")
    )
    marsh.press("button", "Check rows")
    expect(marsh.page.get_by_role("heading", level=1)).to_have_text("Upload 1: 2 transfers")
    expect(marsh.page.get_by_text("Ready", exact=True)).to_have_count(2)
    marsh.press("button", "Check and submit all")

    expect(marsh.page.get_by_text("Submitted.", exact=True)).to_be_visible()
    assert Request.objects.filter(status="submitted").count() == 2
    marsh.press("link", "Uploads")
    expect(marsh.page.get_by_role("link", name="Upload 1")).to_be_visible()


def test_what_is_wrong_with_a_list_can_be_read_by_everybody(cast, visit):
    marsh = visit()

    marsh.sign_in("marsh@alder.example", at="/requests/new/bulk")
    marsh.page.get_by_label("File", exact=True).set_input_files(
        csv("ALD-01,NONE,SOL,4.5", ",,,", "ALD-01,COB-01,SOL,99999")
    )
    marsh.press("button", "Check rows")

    expect(marsh.page.get_by_role("alert")).to_be_focused()
    expect(marsh.page.get_by_role("rowheader")).to_have_count(3)
    # The browser itself reports each answer that is not 200.
    marsh.complaints = [each for each in marsh.complaints if "status of 422" not in each]


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_a_receiver_is_found_by_its_name(cast, visit, javascript):
    marsh = visit(javascript=javascript)

    marsh.sign_in("marsh@alder.example")
    marsh.press("link", "Transfer certificates")
    if javascript:
        marsh.page.get_by_label("To account").press_sequentially("cobal")
        expect(marsh.page.get_by_text("1 account found")).to_be_visible()
        marsh.look()
        expect(marsh.page.get_by_label("To account")).to_be_focused()
    else:
        marsh.fill("To account", "cobal")
        marsh.press("button", "Continue")
    marsh.page.get_by_role("radio", name="COB-01").check()
    marsh.fill("Certificates", "5")
    marsh.press("button", "Continue")

    expect(marsh.page.get_by_role("heading", level=1)).to_have_text("Check your transfer")
    assert last_request().target == cast.target
    marsh.complaints = [each for each in marsh.complaints if "status of 422" not in each]


def test_another_account_has_other_changes_of_region(cast, visit):
    south, east = make.region(code="S", name="South"), make.region(code="E", name="East")
    cast.commodity.reassignable = True
    cast.commodity.save()
    for one, other in ((cast.facility.region, south), (south, east)):
        make.services.allow_region_change(
            commodity=cast.commodity, from_region=one, to_region=other, valid_from="2020-01-01"
        )
    second = make.account(organisation=cast.alder, code="ALD-02")
    make.mint(second, 10, facility=make.facility(cast.alder, region=south))
    marsh = visit()

    marsh.sign_in("marsh@alder.example", at="/requests/new/region")
    expect(marsh.page.get_by_label("Change of region").locator("option")).to_have_count(3)
    marsh.page.get_by_label("From").select_option("ALD-02/SOL")

    expect(marsh.page.get_by_label("Change of region").locator("option")).to_have_text(
        ["SOL: South to East"]
    )
    marsh.look()


def test_evidence_stays_when_the_form_comes_back(cast, visit, settings, tmp_path):
    settings.EVIDENCE_DIR = tmp_path
    marsh = visit()

    marsh.sign_in("marsh@alder.example", at="/requests/new/issue")
    marsh.page.get_by_label("Evidence").set_input_files(
        {"name": "meter.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 readings"}
    )
    marsh.fill("Produced from", "Feb 2026")
    marsh.press("button", "Continue")
    expect(marsh.page.get_by_text("Evidence kept: meter.pdf")).to_be_visible()
    marsh.fill("Certificates", "250")
    marsh.press("button", "Continue")

    expect(marsh.page.get_by_role("link", name="meter.pdf")).to_be_visible()
    assert evidence.of(last_request()).name == "meter.pdf"
    marsh.complaints = [each for each in marsh.complaints if "status of 422" not in each]
