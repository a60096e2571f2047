"""The evidence of an issue: kept, shown, frozen, and handed out to those whom it concerns."""

import hashlib
import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from portal.forms.files import safe_name
from registry.models import Evidence, RequestEvidence
from registry.selectors import evidence as files
from tests import make
from tests.portal.cast import decide, last_request, same_key, send, signed_in, somebody

NEW = "/requests/new/issue"
PDF = b"%PDF-1.7\nmeter readings\n%%EOF"
CSV = b"month,MWh\n2026-02,250\n"
PNG = b"\x89PNG\r\n\x1a\n and so on"
JPEG = b"\xff\xd8\xff\xe0 and so on"


def workbook(*names):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names or ("[Content_Types].xml", "xl/workbook.xml"):
            archive.writestr(name, "<x/>")
    return made.getvalue()


def a_file(name="meter.pdf", content=PDF, said="application/octet-stream"):
    return SimpleUploadedFile(name, content, said)


@pytest.fixture(autouse=True)
def elsewhere(settings, tmp_path):
    """Keep files where the test can look."""
    settings.EVIDENCE_DIR = tmp_path
    return tmp_path


@pytest.fixture
def answers(cast):
    """What Fieldgate made in February, filled in."""
    return {
        "facility": "FG",
        "target": "ALD-01",
        "commodity": "SOL",
        "volume": "250",
        "production_start": "Feb 2026",
        "production_end": "",
        "source_serial": "",
        "note": "",
        "key": same_key(),
    }


def test_a_file_goes_with_the_request_to_the_approver(cast, answers, elsewhere):
    item = send(cast.marsh, NEW, answers | {"evidence": a_file()})
    sha256 = hashlib.sha256(PDF).hexdigest()

    pages = [
        signed_in(cast.marsh).get(f"/requests/{item.number}"),
        signed_in(cast.approver).get(f"/approvals/{item.number}"),
    ]
    done = decide(cast.approver, item)

    for page in pages:
        assert "meter.pdf" in page.content.decode()
        assert sha256 in page.content.decode()
        assert "29\xa0bytes" in page.content.decode()
    assert (files.of(done).sha256, files.of(done).type) == (sha256, "pdf")
    assert (elsewhere / sha256[:2] / sha256).read_bytes() == PDF
    assert done.status == "executed"


def test_the_check_shows_the_file_and_says_when_there_is_none(cast, answers):
    client = signed_in(cast.marsh)

    without = client.get(client.post(NEW, answers).headers["Location"]).content.decode()
    with_it = client.get(
        client.post(NEW, answers | {"evidence": a_file(), "key": same_key()}).headers["Location"]
    ).content.decode()

    assert "None was handed in" in without
    assert hashlib.sha256(PDF).hexdigest() in with_it


def test_a_download_is_never_opened_by_the_browser(cast, answers):
    send(cast.marsh, NEW, answers | {"evidence": a_file("Zähler “März”.pdf")})

    answer = signed_in(cast.marsh).get(f"/requests/{last_request().number}/evidence")

    assert answer.content == PDF
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith(
        "attachment; filename*=utf-8''Z%C3%A4hler"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("viewer", 200),
        ("submitter", 200),
        ("operator", 200),
        ("approver", 200),
        ("auditor", 200),
        ("outsider", 404),
    ],
)
def test_parties_and_staff_get_the_file_and_nobody_else(cast, answers, who, status):
    item = send(cast.marsh, NEW, answers | {"evidence": a_file()})
    person = cast.outsider if who == "outsider" else somebody(cast, who)

    assert signed_in(person).get(f"/requests/{item.number}/evidence").status_code == status


def test_without_a_file_there_is_nothing_to_download(cast, answers):
    issue, transfer = send(cast.marsh, NEW, answers), cast.submitted(5)

    for item in (issue, transfer):
        answer = signed_in(cast.marsh).get(f"/requests/{item.number}/evidence")
        assert answer.status_code == 404


def test_a_draft_of_another_organisation_and_its_file_do_not_exist(cast, answers):
    signed_in(cast.marsh).post(NEW, answers | {"evidence": a_file()})

    path = f"/requests/{last_request().number}/evidence"
    assert signed_in(cast.cole).get(path).status_code == 404
    assert signed_in(cast.approver).get(path).status_code == 404


def test_a_file_stays_when_something_else_is_wrong(cast, answers):
    client = signed_in(cast.marsh)

    refused = client.post(NEW, answers | {"volume": "", "evidence": a_file()})
    kept = refused.context["form"]["kept"].value()
    client.post(NEW, answers | {"kept": kept})

    assert refused.status_code == 422
    assert "Evidence kept: meter.pdf" in refused.content.decode()
    assert str(files.of(last_request()).id) == kept
    assert Evidence.objects.count() == 1


def test_a_file_of_somebody_else_is_not_taken(cast, answers):
    theirs = signed_in(cast.cole).post(NEW, answers | {"volume": "", "evidence": a_file()})
    make.facility(cast.cobalt, code="CG")
    theirs = signed_in(cast.cole).post(NEW, answers | {"volume": "", "evidence": a_file()})
    kept = theirs.context["form"]["kept"].value()

    answer = signed_in(cast.marsh).post(NEW, answers | {"kept": kept})

    assert kept
    assert answer.status_code == 422
    assert "The file is no longer there." in answer.content.decode()


def test_the_file_of_a_draft_is_replaced_kept_or_left_out(cast, answers):
    client = signed_in(cast.marsh)
    client.post(NEW, answers | {"evidence": a_file()})
    item = last_request()
    path = f"/requests/{item.number}/details"
    kept = {"kept": client.get(path).context["form"]["kept"].value()}

    client.post(path, answers | kept | {"volume": "260"})
    same = files.of(item).name
    client.post(path, answers | kept | {"evidence": a_file("new.csv", CSV)})
    other = files.of(item).name
    client.post(path, answers | {"kept": str(files.of(item).id), "without": "on"})

    assert (same, other, files.of(item)) == ("meter.pdf", "new.csv", None)
    assert RequestEvidence.objects.filter(request=item).count() == 3


def test_the_same_form_sent_twice_keeps_one_file(cast, answers):
    client = signed_in(cast.marsh)

    for _ in range(2):
        client.post(NEW, answers | {"evidence": a_file()})

    assert (Evidence.objects.count(), RequestEvidence.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", PDF),
        ("A.PDF", PDF),
        ("a.csv", CSV),
        ("a.csv", b"\xef\xbb\xbf" + CSV),
        ("a.xlsx", workbook()),
        ("a.png", PNG),
        ("a.jpg", JPEG),
        ("a.jpeg", JPEG),
    ],
)
def test_files_that_are_taken(cast, answers, name, content):
    item = send(cast.marsh, NEW, answers | {"evidence": a_file(name, content)})

    assert files.of(item).name == name


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", PNG, "FILE_TYPE"),
        ("a.png", PDF, "FILE_TYPE"),
        ("a.exe", PDF, "FILE_TYPE"),
        ("a.svg", b"<svg/>", "FILE_TYPE"),
        ("a.html", b"<script>,</script>", "FILE_TYPE"),
        ("a.pdf", b"<html>%PDF-", "FILE_TYPE"),
        ("a.csv", b"a,b\x00", "FILE_TYPE"),
        ("a.csv", b"\xff,", "FILE_TYPE"),
        ("a.xlsx", workbook("evil.txt"), "FILE_TYPE"),
        ("a.xlsx", b"PK\x03\x04 broken", "FILE_TYPE"),
        ("pdf", PDF, "FILE_TYPE"),
        ("a.pdf", b"", "FILE_EMPTY"),
        ("a.pdf", PDF + b"x" * 2000, "FILE_TOO_LARGE"),
    ],
)
def test_files_that_are_not_taken_are_named_and_nothing_typed_is_lost(
    cast, answers, settings, name, content, code
):
    settings.EVIDENCE_MAX_BYTES = 1024

    answer = signed_in(cast.marsh).post(
        NEW, answers | {"note": "Kept", "evidence": a_file(name, content)}
    )

    assert answer.status_code == 422
    assert code in answer.content.decode()
    assert answer.context["form"]["note"].value() == "Kept"
    assert not Evidence.objects.exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\me\\meter.pdf", "meter.pdf"),
        ("..pdf", "pdf"),
        ("a\r\nSet-Cookie: x.pdf", "a Set-Cookie x.pdf"),
        ("\u202egpj.pdf", "gpj.pdf"),
        ('a";b<c>.pdf', "a b c.pdf"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
        ("", "file"),
    ],
)
def test_a_name_is_made_safe(name, safe):
    assert safe_name(name) == safe


def test_a_file_that_was_changed_on_disk_is_not_handed_out(cast, answers, elsewhere):
    item = send(cast.marsh, NEW, answers | {"evidence": a_file()})
    sha256 = hashlib.sha256(PDF).hexdigest()
    path, client = f"/requests/{item.number}/evidence", signed_in(cast.marsh)

    (elsewhere / sha256[:2] / sha256).write_bytes(b"forged")
    changed = client.get(path)
    (elsewhere / sha256[:2] / sha256).unlink()
    gone = client.get(path)

    for answer in (changed, gone):
        assert answer.status_code == 500
        assert "no longer what was handed in" in answer.content.decode()


def test_what_is_far_too_large_is_not_even_written_down(cast, answers, settings):
    settings.EVIDENCE_MAX_BYTES = 100_000

    answer = signed_in(cast.marsh).post(
        NEW, answers | {"evidence": a_file(content=PDF + b"x" * 5_000_000)}
    )

    assert answer.wsgi_request.FILES["evidence"].size < 300_000
    assert "FILE_TOO_LARGE" in answer.content.decode()
