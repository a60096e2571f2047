"""A statement on the screen and on paper, and anybody who checks it."""

import io

import pypdf
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from tests import make
from tests.ledger.wrongs import tamper
from tests.portal.test_statement import CLAIM, many_ranges
from tests.portal.test_verify import reference_of

pytestmark = pytest.mark.browser

A4 = (595, 842)


@pytest.fixture
def address(live_url, settings):
    """Let statements name the server of the test."""
    settings.PUBLIC_ADDRESS = live_url
    return live_url


@pytest.fixture
def retired(cast):
    """Ten certificates retired by Alder for a town, published."""
    return make.retire(cast.source, 10, commodity=cast.commodity, claim_published=True, **CLAIM)


def scanned(page):
    """Return what a camera reads from the code on a page."""
    picture = page.locator(".code svg").screenshot()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)))
    return code.text


def printed(page):
    """Print a page as a browser does, and return the sheets."""
    return pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_code_on_the_statement_leads_to_its_check(cast, visit, address, retired, scheme):
    marsh, stranger = visit(), visit()
    marsh.sign_in("marsh@alder.example", at=f"/requests/{retired.number}")
    marsh.press("link", "Retirement statement")
    marsh.page.emulate_media(color_scheme=scheme)

    target = scanned(marsh.page)
    stranger.page.goto(target)
    stranger.look()

    assert target == f"{address}/verify/{reference_of(retired)}"
    expect(stranger.page.get_by_role("heading", level=1)).to_contain_text(
        "Genuine: 10 retired by Alder Wind on"
    )
    assert (stranger.presses, stranger.fields) == (0, 0)
    assert scanned(stranger.page) == target


def test_a_reference_typed_from_paper_takes_one_field_and_one_press(cast, visit, address, retired):
    stranger = visit(mode="plain")
    stranger.go("/verify")

    stranger.fill("Reference", reference_of(retired).lower().replace("-", " ").replace("0", "o"))
    stranger.press("button", "Verify")

    expect(stranger.page.get_by_role("heading", level=1)).to_contain_text("Genuine: 10")
    assert (stranger.presses, stranger.fields) == (1, 1)


def test_what_is_not_found_or_not_readable_can_be_used_by_everybody(cast, visit, address):
    stranger = visit()
    stranger.page.goto(f"{address}/verify")
    stranger.page.get_by_label("Reference").fill("7K3M")
    stranger.page.get_by_role("button", name="Verify").click()
    expect(stranger.page.get_by_role("alert")).to_be_focused()
    stranger.look()

    stranger.page.goto(f"{address}/verify/0000-0000-0000-0000")
    stranger.look()

    heading = stranger.page.get_by_role("heading", level=1)
    expect(heading).to_have_text("No retirement has this reference")
    # Chromium reports the statuses 422 and 404 itself.
    stranger.complaints = [
        each for each in stranger.complaints if not ("422" in each or "404" in each)
    ]


def test_a_retirement_that_is_not_confirmed_is_read_by_everybody(
    cast, visit, address, retired, committed_db
):
    tamper(
        committed_db,
        "leaves",
        f"UPDATE ledger.leaves SET account_id = '{cast.source.pk}' WHERE first_no = 1",
    )
    stranger = visit()

    stranger.page.goto(f"{address}/verify/{reference_of(retired)}")
    stranger.look()

    expect(stranger.page.get_by_role("heading", level=1)).to_contain_text("Not confirmed")
    expect(stranger.page.get_by_text("Still retired, not passed")).to_have_count(1)


def test_a_statement_of_ten_prints_on_one_sheet(cast, visit, address, retired):
    marsh, stranger = visit(), visit()
    marsh.sign_in("marsh@alder.example", at=f"/requests/{retired.number}/statement")
    stranger.page.goto(f"{address}/verify/{reference_of(retired)}")

    for page in (marsh.page, stranger.page):
        page.emulate_media(media="print")
        expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
        sheets = printed(page)
        assert len(sheets) == 1
        text = sheets[0].extract_text()
        assert reference_of(retired) in text
        assert "Town of Exampleton" in text
        assert "SOL-2" in text
        assert not page.locator("form:visible, button:visible, .button:visible").count()


def test_a_long_statement_prints_every_range_under_repeated_headers(cast, visit, address):
    done, numbers = many_ranges(cast, 300)
    marsh = visit()
    marsh.sign_in("marsh@alder.example", at=f"/requests/{done.number}/statement")
    marsh.press("link", "All on one page, for printing")

    sheets = printed(marsh.page)

    texts = [sheet.extract_text() for sheet in sheets]
    assert len(sheets) > 3
    assert all("Serial range" in text for text in texts)
    joined = "".join("".join(texts).split()).replace("\N{THIN SPACE}", "")
    assert [number for number in numbers if str(number) not in joined] == []
    assert "300 ranges together" in texts[-1]
    assert "ranges together" not in "".join(texts[:-1])
    for sheet in sheets:
        assert tuple(round(float(side)) for side in sheet.mediabox[2:]) == A4
        _fits(sheet)


def _fits(sheet):
    """See that no text begins outside the sheet."""
    places = []

    def seen(text, user, matrix, font, size):
        if text.strip():
            places.append((matrix[4] * user[0] + user[4], text))

    sheet.extract_text(visitor_text=seen)
    assert [text for x, text in places if not 0 <= x <= A4[0]] == []


def test_nothing_on_paper_is_wider_than_the_paper(cast, visit, address, retired):
    done = make.retire(
        cast.source, 5, commodity=cast.commodity, **CLAIM | {"beneficiary": "W" * 200}
    )
    marsh = visit()
    marsh.sign_in("marsh@alder.example")
    marsh.page.emulate_media(media="print")
    # What is left of A4 between the margins.
    marsh.page.set_viewport_size({"width": 688, "height": 900})

    for item in (retired, done):
        marsh.page.goto(f"{address}/requests/{item.number}/statement")
        wider = marsh.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0
    marsh.page.emulate_media(media="screen")
    marsh.look()
