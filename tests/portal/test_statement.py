"""The statement of a retirement, for its parties: the page and the paper."""

import hashlib
import io
import re

import pypdf
import pytest
import zxingcpp
from django.conf import settings
from PIL import Image

from ledgerdb.reads import rows
from registry.reference import grouped
from tests import make
from tests.portal.cast import signed_in, somebody

CLAIM = {
    "beneficiary": "Town of Exampleton",
    "beneficiary_country": "CZ",
    "beneficiary_place": "Exampleton",
    "reason": "Supply of 2026",
}


@pytest.fixture
def retired(cast):
    """Ten certificates that Alder retired for a town."""
    return make.retire(cast.source, 10, commodity=cast.commodity, **CLAIM)


def page_of(item, person, query=""):
    return signed_in(person).get(f"/requests/{item.number}/statement{query}")


def pdf_of(item, person):
    answer = signed_in(person).get(f"/requests/{item.number}/statement.pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    return answer.content


def read(written):
    return pypdf.PdfReader(io.BytesIO(written))


def text_of(written):
    return "\n".join(page.extract_text() for page in read(written).pages)


def plain(page):
    """Return what a page says, without markup."""
    text = re.sub(r"<[^>]*>", "", page.content.decode())
    return " ".join(text.split())


def test_the_page_says_what_was_retired_by_whom_for_whom_and_where_to_check(cast, retired):
    page = page_of(retired, cast.marsh)

    facts, text = page.context["statement"].facts, plain(page)
    for said in (
        "Alder Wind retired 10 certificates (Solar) for Town of Exampleton, Exampleton, CZ.",
        "Supply of 2026",
        grouped(facts["reference"]),
        "SOL-2",
        facts["hash"],
        "Fieldgate Solar",
        "North region",
        "Jan 2026",
        f"{settings.PUBLIC_ADDRESS}/verify/{grouped(facts['reference'])}",
    ):
        assert said in text, said


def test_the_request_and_the_transaction_lead_to_the_statement(cast, retired):
    client = signed_in(cast.marsh)

    for path in (f"/requests/{retired.number}", "/transactions/SOL-2"):
        assert f'href="/requests/{retired.number}/statement"' in client.get(path).content.decode()


@pytest.mark.parametrize(
    "role", ["viewer", "submitter", "team_admin", "operator", "approver", "auditor"]
)
@pytest.mark.parametrize("leaf", ["statement", "statement.pdf"])
def test_every_role_that_sees_the_request_reads_its_statement(cast, retired, role, leaf):
    client = signed_in(somebody(cast, role))

    assert client.get(f"/requests/{retired.number}/{leaf}").status_code == 200


@pytest.mark.parametrize("leaf", ["statement", "statement.pdf"])
def test_somebody_elses_statement_is_not_found(cast, retired, leaf):
    client = signed_in(cast.outsider)

    absent, foreign = (client.get(f"/requests/{n}/{leaf}") for n in (999999, retired.number))

    assert foreign.status_code == absent.status_code == 404
    assert plain(foreign) == plain(absent)


@pytest.mark.parametrize("leaf", ["statement", "statement.pdf"])
def test_what_was_not_retired_has_no_statement(cast, leaf):
    client = signed_in(cast.marsh)
    waiting = make.retire_request(cast.source, 5, commodity=cast.commodity)

    for item in (cast.draft(), cast.executed(3), waiting):
        assert client.get(f"/requests/{item.number}/{leaf}").status_code == 404
    assert client.get(f"/requests/{10**30}/{leaf}").status_code == 404


def test_the_code_leads_to_the_public_page(cast, retired):
    page = page_of(retired, cast.marsh)

    (picture,) = read(pdf_of(retired, cast.marsh)).pages[0].images
    (code,) = zxingcpp.read_barcodes(picture.image.resize((400, 400), Image.Resampling.NEAREST))

    assert code.text == page.context["address"]
    assert code.text.startswith("http://localhost/verify/")
    assert "style=" not in page.context["code"]


def test_the_paper_is_an_archive_file_with_everything_on_it(cast, retired):
    written = pdf_of(retired, cast.marsh)

    document = read(written)
    pages, text = document.pages, " ".join(text_of(written).split())
    metadata = document.xmp_metadata.stream.get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" in metadata
    reference = grouped(page_of(retired, cast.marsh).context["statement"].facts["reference"])
    assert document.metadata.title == f"Retirement statement {reference}"
    assert [round(float(side)) for side in pages[0].mediabox[2:]] == [595, 842]
    assert sum(len(page.images) for page in pages) == 1
    for said in (
        "1 \N{EN DASH} 10",
        "Town of Exampleton",
        "Fieldgate Solar",
        "Jan 2026",
        "SOL-2",
        reference,
    ):
        assert said in text, said
    assert "/JavaScript" not in written.decode("latin-1")
    assert "/EmbeddedFile" not in written.decode("latin-1")


def test_the_same_statement_is_the_same_bytes(cast, retired):
    first = pdf_of(retired, cast.marsh)
    cast.executed(100)
    make.retire(cast.source, 10, commodity=cast.commodity)

    assert hashlib.sha256(pdf_of(retired, cast.approver)).digest() == hashlib.sha256(first).digest()


HOSTILE = [
    '#panic("x") *bold* _it_ $x$ `raw` \\ <label> @cite // gone',
    '#image("/etc/passwd") #read("/etc/passwd")',
    '"], "facts": [], "x": ["',
    "<script>alert(1)</script><b>&amp;",
    "株式会社 😀 ไทย \N{BELL} \N{RIGHT-TO-LEFT OVERRIDE}abc",
    "Ελλάδα Москва עברית Æthelstan & søn",
    "x" * 200,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_people_typed_stays_text(cast, name):
    done = make.retire(cast.source, 10, commodity=cast.commodity, **CLAIM | {"beneficiary": name})

    page = page_of(done, cast.marsh).content.decode()
    text = re.sub(r"\s", "", text_of(pdf_of(done, cast.marsh)))

    assert "<script>" not in page
    assert "root:" not in text
    expected = name if name.isascii() else ""
    assert re.sub(r"\s", "", expected) in text


def test_a_character_that_no_font_has_is_written_by_its_number(cast):
    done = make.retire(cast.source, 10, commodity=cast.commodity, **CLAIM | {"beneficiary": "A株B"})

    assert "A(U+682A)B" in text_of(pdf_of(done, cast.marsh))


def many_ranges(cast, count):
    """Retire every second number of a batch: as many ranges as certificates."""
    holder = make.account(organisation=cast.alder)
    minted = make.mint(holder, 2 * count, commodity=cast.commodity)
    batch = "SELECT first_no FROM ledger.assets WHERE transaction_id = %s"
    first = rows(batch, [minted.transaction_id])[0]["first_no"]
    numbers = [first + 2 * n for n in range(count)]
    ranges = tuple((number, number) for number in numbers)
    return make.retire(holder, None, commodity=cast.commodity, ranges=ranges, **CLAIM), numbers


def test_a_long_statement_is_shown_in_parts_that_miss_nothing(cast):
    done, numbers = many_ranges(cast, 250)

    seen, query = [], ""
    while query is not None:
        page = page_of(done, cast.marsh, query)
        statement = page.context["statement"]
        seen += [part["first_no"] for part in statement.ranges]
        query = f"?after={statement.after}" if statement.after else None
        assert "of 250 ranges shown" in plain(page)
    whole = page_of(done, cast.marsh, "?ranges=all").context["statement"]

    assert seen == numbers == [part["first_no"] for part in whole.ranges]
    assert whole.is_whole


@pytest.mark.parametrize(
    "query",
    ["?after=x", "?after=-1", "?after=\N{FULLWIDTH DIGIT ONE}", f"?after={10**40}", "?after=%00"],
)
def test_a_position_that_is_none_shows_the_first_ranges(cast, retired, query):
    assert page_of(retired, cast.marsh, query).context["statement"].ranges[0]["first_no"] == 1


def test_a_thousand_ranges_are_all_on_paper_under_repeated_headers(cast):
    done, numbers = many_ranges(cast, 1000)

    written = pdf_of(done, cast.marsh)

    pages = read(written).pages
    assert len(written) < 1_000_000
    texts = [page.extract_text() for page in pages]
    joined = "\n".join(texts)
    assert all("Serial range" in text for text in texts[:-1])
    assert [number for number in numbers if str(number) not in joined] == []
    assert f"Page {len(pages)} of {len(pages)}" in texts[-1]
