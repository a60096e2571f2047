"""Attacks on the pages that must fail, each once for every page that it could be tried on."""

import threading
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.management import call_command
from django.db import connections
from django.test import Client

from ledgerdb.reads import rows
from registry import services
from registry.models import Account, DecisionRound, Organisation, Request, User
from tests import make
from tests.portal.cast import ROLES, agreement, signed_in, somebody

XSS = "<script>alert(1)</script><img src=x onerror=alert(2)><b hx-get='/sign-out' hx-trigger=load>"
NUL = "a\x00b"


def text(answer):
    return answer.content.decode()


def requests_now():
    return list(Request.objects.order_by("id").values())


@pytest.fixture
def pages(cast):
    """Every page of the registry that has something behind it, with who may open it."""
    draft, waiting, done = cast.draft(1), cast.submitted(2), cast.executed(3)
    block = rows("SELECT max(item_id) AS id FROM ledger.leaves")[0]["id"]
    ours = [
        "/", "/accounts", "/accounts/ALD-01/holdings", "/requests", "/requests?show=needs",
        "/requests?show=done", f"/requests/{draft.number}", f"/requests/{draft.number}/check",
        f"/requests/{draft.number}/details", f"/requests/{draft.number}/discard",
        f"/requests/{waiting.number}", f"/requests/{waiting.number}/withdraw",
        f"/requests/{done.number}", f"/requests/new/transfer?copy={done.number}",
        f"/blocks/{block}", "/transactions/SOL-2",
    ]  # fmt: skip
    theirs = [
        "/", "/approvals", f"/approvals/{waiting.number}", f"/requests/{waiting.number}",
        f"/approvals/several?number={waiting.number}", "/requests?show=needs", "/accounts",
    ]  # fmt: skip
    return [(signed_in(cast.marsh), ours), (signed_in(cast.approver), theirs)]


# Where the browser is sent, and by whom.


def test_the_host_that_a_client_claims_is_ignored(cast):
    answer = Client().get("/", headers={"X-Forwarded-Host": "evil.example"})

    assert "evil" not in answer.headers["Location"]


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/errors", "/\\evil.example/"])
def test_no_address_of_ours_leads_to_another_site(cast, path):
    answer = signed_in(cast.marsh).get("/", PATH_INFO=path)

    assert answer.status_code == 404


def test_a_line_break_in_an_address_ends_no_header(cast):
    answer = Client().get("/sign-in?next=/%0d%0aSet-Cookie:%20evil=1")

    assert "evil" not in answer.cookies
    assert Client().get("/%0d%0aSet-Cookie:evil=1").status_code in (302, 404)


def test_over_tls_a_form_without_a_referer_is_refused(cast):
    client = Client(enforce_csrf_checks=True)
    client.get("/sign-in", secure=True)
    token = client.cookies["csrftoken"].value

    answer = client.post("/sign-in", {"csrfmiddlewaretoken": token}, secure=True)

    assert answer.status_code == 403


def test_the_cookies_are_out_of_reach_of_scripts_and_of_other_sites(committed_db, settings):
    settings.SESSION_COOKIE_SECURE = True
    make.person(make.organisation(), email="a@example.org", password=make.PASSWORD)

    answer = Client().post("/sign-in", {"login": "a@example.org", "password": make.PASSWORD})

    cookie = answer.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Lax"


# Sessions and signing in.


def test_a_session_ends_when_the_password_changes(cast):
    client = signed_in(cast.marsh)
    assert client.get("/").status_code == 200

    cast.marsh.set_password("another long enough one")
    cast.marsh.save()

    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_a_session_of_somebody_switched_off_ends(cast):
    client = signed_in(cast.marsh)

    User.objects.filter(pk=cast.marsh.pk).update(is_active=False)

    assert client.get("/").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("who", ["known", "unknown", "switched off"])
def test_signing_in_hashes_a_password_whoever_is_named(committed_db, monkeypatch, who):
    """The work is the same, so that the time does not tell who has a sign-in."""
    make.person(make.organisation(), email="known@example.org", password=make.PASSWORD)
    off = make.person(make.organisation(), email="off@example.org", password=make.PASSWORD)
    User.objects.filter(pk=off.pk).update(is_active=False)
    email = {"known": "known@example.org", "unknown": "no@example.org"}.get(who, "off@example.org")
    hashed = []
    real = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda self, password, salt: hashed.append(1) or real(self, password, salt),
    )

    answer = Client().post("/sign-in", {"login": email, "password": "wrong"})

    assert answer.status_code == 422
    assert len(hashed) == 1


# What is kept, framed and cached.


def test_no_private_page_is_kept_by_a_browser_or_a_proxy(pages):
    for client, paths in pages:
        for each in paths:
            answer = client.get(each)
            assert answer.status_code == 200, each
            assert answer.headers["Cache-Control"] == "no-store", each
            assert answer.headers["X-Frame-Options"] == "DENY", each
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], each
            assert answer.headers["X-Content-Type-Options"] == "nosniff", each
            assert answer.headers["Referrer-Policy"] == "same-origin", each


def test_an_answer_to_nobody_is_not_kept_either(cast):
    for path in ("/", "/sign-in", "/nothing"):
        assert Client().get(path).headers["Cache-Control"].startswith(("no-store", "max-age=0"))


def test_a_deployment_passes_the_checks_of_django(settings, monkeypatch):
    # The tests' own, for the browser.
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
    settings.SECRET_KEY = "".join(uuid4().hex for _ in range(3))
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True

    call_command("check", deploy=True, fail_level="WARNING", databases=[])


# Reading does not write.


def test_no_visit_changes_a_request(pages):
    before, rounds = requests_now(), DecisionRound.objects.count()

    for client, paths in pages:
        for each in paths:
            client.get(each)
            client.head(each)

    assert requests_now() == before
    assert DecisionRound.objects.count() == rounds


@pytest.mark.parametrize("act", ["submit", "decision"])
def test_an_act_by_a_visit_is_refused(cast, act):
    item = cast.submitted()
    client = signed_in(cast.approver if act == "decision" else cast.marsh)
    face = "approvals" if act == "decision" else "requests"

    assert client.get(f"/{face}/{item.number}/{act}").status_code == 405


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods_are_refused(pages, method):
    for client, paths in pages:
        for each in paths:
            assert getattr(client, method)(each).status_code == 405, each


def test_there_is_no_address_that_executes(cast):
    item = cast.submitted()

    for person in (cast.marsh, cast.approver):
        for path in ("execute", "approve", "status"):
            assert signed_in(person).post(f"/requests/{item.number}/{path}").status_code == 404


# Somebody else's.


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true", "HX-Target": "timeline-steps"}])
def test_a_fragment_is_as_closed_as_its_page(cast, headers):
    item, client = cast.submitted(), signed_in(cast.outsider)

    for path in (f"/requests/{item.number}", "/accounts/ALD-01/holdings", "/transactions/SOL-1"):
        assert client.get(path, headers=headers).status_code == 404, path
    for path in ("/approvals", "/approvals?since=0", f"/approvals/{item.number}"):
        assert client.get(path, headers=headers).status_code == 403, path


def test_a_foreign_account_cannot_be_chosen(cast):
    strangers = make.account(organisation=make.organisation(), code="STR-01")
    make.mint(strangers, 10, commodity=cast.commodity)

    answer = signed_in(cast.marsh).post(
        "/requests/new/transfer", cast.details(source=f"STR-01/{cast.commodity.code}")
    )

    assert answer.status_code == 422
    assert not Request.objects.filter(kind="transfer").exists()


def test_a_foreign_request_cannot_be_copied(cast):
    item = cast.executed()

    answer = signed_in(cast.outsider).get(f"/requests/new/transfer?copy={item.number}")

    assert answer.status_code == 404


# Fields that no form has.

EXTRA = {
    "status": "executed",
    "organisation": str(uuid4()),
    "organisation_id": str(uuid4()),
    "submitter": str(uuid4()),
    "approver": str(uuid4()),
    "approver_id": str(uuid4()),
    "decided_at": "2020-01-01",
    "number": "1",
    "id": str(uuid4()),
    "transaction_id": "1",
    "approved_fingerprint": "0" * 64,
    "occurred_at": "2020-01-01",
    "source_event": "x",
}


def test_fields_that_a_form_does_not_have_are_ignored(cast):
    client = signed_in(cast.marsh)
    client.post("/requests/new/transfer", cast.details() | EXTRA)
    item = Request.objects.get(kind="transfer")
    client.post(f"/requests/{item.number}/details", cast.details(volume="300") | EXTRA)
    check = agreement(client.get(f"/requests/{item.number}/check"))
    client.post(f"/requests/{item.number}/submit", check | EXTRA)

    item.refresh_from_db()
    assert (item.status, item.volume, item.submitter) == ("submitted", 300, cast.marsh)
    assert (item.organisation, item.approver, item.decided_at) == (cast.alder, None, None)
    assert (item.occurred_at, item.source_event, item.approved_fingerprint) == (None, None, "")


def test_one_field_answered_twice_is_no_decision(cast):
    item, client = cast.submitted(), signed_in(cast.approver)
    shown = client.get(f"/approvals/{item.number}").context["preview"]["fingerprint"]

    answer = client.post(
        f"/approvals/{item.number}/decision",
        {"decision": ["reject", "approve"], "reason": "x", "fingerprint": shown},
    )

    item.refresh_from_db()
    assert (answer.status_code, item.status) == (422, "submitted")


# What people type.


def test_what_people_type_stays_text_on_every_page(cast, pages):
    Organisation.objects.update(name=f"Org {XSS}")
    Account.objects.filter(type="trading").update(name=f"Account {XSS}")
    User.objects.update(name=f"Name {XSS}")
    cast.commodity.name = XSS
    cast.commodity.save()
    cast.facility.name = f"Facility {XSS}"
    cast.facility.save()
    retirement = make.account(organisation=cast.alder, type="retirement", code="ALD-RET")
    retire = services.draft_request(
        kind="retire", submitter=cast.marsh, commodity=cast.commodity, source=cast.source,
        target=retirement, volume=10, beneficiary=XSS, beneficiary_place=XSS, reason=XSS, note=XSS,
    )  # fmt: skip
    rejected = cast.submitted(5, note=XSS)
    services.reject_request(request_id=rejected.id, approver=cast.approver, reason=XSS)
    pages[0][1].extend(
        [f"/requests/{retire.number}/check", f"/requests/{retire.number}/details",
         f"/requests/{retire.number}", f"/requests/{rejected.number}"]
    )  # fmt: skip

    for client, paths in pages:
        for each in paths:
            page = text(client.get(each))
            for part in ("<script>alert", "<img src=x", "<b hx-get"):
                assert part not in page, each
            assert "&lt;script&gt;" in page, each


@pytest.mark.parametrize("role", ROLES)
def test_nothing_typed_into_an_address_is_a_failure(cast, pages, role):
    client = signed_in(somebody(cast, role))
    client.raise_request_exception = True
    names = ("show", "kind", "status", "before", "after", "since", "number", "copy", "account",
             "block", "as_of", "q", "commodity", "state", "facility", "month")  # fmt: skip

    for path in ("/", "/requests", "/approvals", "/approvals/several", "/accounts", "/errors",
                 "/requests/new/transfer", "/accounts/ALD-01/holdings"):  # fmt: skip
        for value in (NUL, "9" * 40, "-1", "\N{FULLWIDTH DIGIT ONE}", "' OR 1=1 --", "%s%n", XSS):
            answer = client.get(path, dict.fromkeys(names, value))
            assert answer.status_code < 500, (path, value)
            assert "<script>alert" not in text(answer)


@pytest.mark.parametrize("path", ["/requests/{}", "/approvals/{}", "/blocks/{}"])
def test_a_number_larger_than_any_is_not_found(cast, path):
    for number in (10**18, 2**63, 10**40):
        for person in (cast.marsh, cast.approver):
            assert signed_in(person).get(path.format(number)).status_code in (403, 404)


@pytest.mark.parametrize(
    "value", [NUL, "\N{FULLWIDTH DIGIT ONE}", "x" * 5000, "\ud800".encode("utf-8", "surrogatepass")]
)
def test_nothing_typed_into_a_form_is_a_failure(cast, value):
    item = cast.submitted()
    draft = cast.draft(1)
    fields = ("source", "target", "volume", "note", "numbers", "key", "beneficiary", "reason",
              "decision", "fingerprint", "version", "number", "region", "facility")  # fmt: skip
    answers = dict.fromkeys(fields, value)
    marsh, okafor = signed_in(cast.marsh), signed_in(cast.approver)

    for client, path in (
        (marsh, "/requests/new/transfer"), (marsh, "/requests/new/retire"),
        (marsh, "/requests/new/issue"), (marsh, "/requests/new/region"),
        (marsh, f"/requests/{draft.number}/details"), (marsh, f"/requests/{draft.number}/submit"),
        (okafor, f"/approvals/{item.number}/decision"), (okafor, "/approvals/several"),
    ):  # fmt: skip
        assert 400 <= client.post(path, answers).status_code < 500, path
    item.refresh_from_db()
    assert item.status == "submitted"


# Races.


def test_of_an_approval_and_a_rejection_at_once_one_wins(cast):
    item, other = cast.submitted(), make.approver(name="J. Linde")
    first, second = signed_in(cast.approver), signed_in(other)
    shown = first.get(f"/approvals/{item.number}").context["preview"]["fingerprint"]
    path, start, found = f"/approvals/{item.number}/decision", threading.Barrier(2), []

    def decide(client, **answers):
        start.wait()
        try:
            found.append(client.post(path, answers).status_code)
        finally:
            connections.close_all()

    acts = [
        threading.Thread(
            target=decide, args=(first,), kwargs={"decision": "approve", "fingerprint": shown}
        ),
        threading.Thread(
            target=decide, args=(second,), kwargs={"decision": "reject", "reason": "No"}
        ),
    ]
    for act in acts:
        act.start()
    for act in acts:
        act.join()

    item.refresh_from_db()
    assert sorted(found) == [302, 409]
    assert item.status in ("executed", "rejected")
