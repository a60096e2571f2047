"""One number for one request, the log, the health pages, and the pages of last resort."""

import json
import logging
import re

import pytest
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, OperationalError, connections
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import path

from portal.views import errors
from registry import logs
from registry.models import Request
from registry.selectors import people
from tests.portal.cast import signed_in

WELL_FORMED = re.compile(r"[0-9a-f]{32}")


def text(answer):
    return answer.content.decode()


@pytest.fixture
def lines():
    """What the log of production says meanwhile, line by line."""
    written = []

    class Kept(logging.Handler):
        def emit(self, record):
            written.append(self.format(record))

    handler = Kept()
    handler.setFormatter(logs.Json())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(before)


def entries(lines):
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("path", ["/invitation/{}", "/{}", "/reset-password/{}-x", "/verify/{}"])
def test_no_link_is_logged_whatever_came_of_it(committed_db, lines, path):
    secret = "aUsed0rForgottenOne"

    for client in (Client(), Client(enforce_csrf_checks=True)):
        client.get(path.format(secret))
        client.post(path.format(secret), {"name": ""})

    assert len(lines) > 4
    assert secret not in "".join(lines)


def test_a_link_that_breaks_a_page_is_not_logged(committed_db, lines, monkeypatch):
    monkeypatch.setattr(people, "offered_by", lambda token: 1 / 0)

    answer = Client(raise_request_exception=False).get("/invitation/aSecret0fSomebody")

    assert answer.status_code == 500
    assert "ZeroDivisionError" in "".join(lines)
    assert "aSecret0fSomebody" not in "".join(lines)


# The number.


def test_every_answer_has_a_number_and_each_its_own(cast):
    client = signed_in(cast.marsh)

    found = [client.get(each).headers["X-Request-ID"] for each in ("/", "/nothing", "/health/live")]

    assert all(WELL_FORMED.fullmatch(number) for number in found)
    assert len(set(found)) == 3


def test_a_number_from_outside_is_not_believed(committed_db):
    answer = Client().get("/health/live", headers={"X-Request-ID": "somebody-elses-number"})

    assert answer.headers["X-Request-ID"] != "somebody-elses-number"


@override_settings(BEHIND_PROXY=True)
@pytest.mark.parametrize(
    ("given", "believed"),
    [
        ("0f3a9c12-77aa", True),
        ("x" * 64, True),
        ("short", False),
        ("x" * 65, False),
        ("with space 1", False),
        ("line\r\nbreak-12", False),
        ("<b>bold-1234</b>", False),
        ("\N{FULLWIDTH DIGIT ONE}" * 10, False),
    ],
)
def test_a_number_of_our_proxy_is_believed_when_it_is_one(committed_db, given, believed):
    answer = Client().get("/health/live", headers={"X-Request-ID": given})

    assert (answer.headers["X-Request-ID"] == given) is believed


# The log.


def test_a_request_is_one_line_with_its_number_and_the_persons(cast, lines):
    answer = signed_in(cast.marsh).get("/requests?show=done&q=Grandmother")

    (line,) = [each for each in entries(lines) if each["logger"] == "portal.correlation"]
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["user_id"] == str(cast.marsh.pk)
    assert (line["method"], line["route"], line["status"]) == ("GET", "requests", 200)
    assert "Grandmother" not in json.dumps(line)


def test_the_log_has_no_names_no_addresses_and_no_typed_words(cast, lines):
    item = cast.submitted(note="Confidential-note")
    client = signed_in(cast.approver)
    Client().post("/sign-in", {"login": "marsh@alder.example", "password": "Secret-typed"})
    client.get(f"/approvals/{item.number}")
    client.post(
        f"/approvals/{item.number}/decision", {"decision": "reject", "reason": "Private-reason"}
    )
    client.get("/errors/Typed-by-somebody")

    everything = "\n".join(lines)
    for word in ("marsh@", "Marsh", "Okafor", "Secret-typed", "Private-reason", "Confidential"):
        assert word not in everything


def test_a_line_break_in_a_message_stays_in_its_line(lines):
    logging.getLogger("somebody").warning("asked for %s", "a\r\nlevel=critical forged\u2028x")

    (line,) = lines
    assert "\n" not in line
    assert "\r" not in line
    assert json.loads(line)["message"].startswith("asked for a\r\n")


def test_an_exception_is_logged_by_type_and_place_without_its_text_and_variables(lines):
    secret = "row-value-of-somebody"
    try:
        try:
            raise DatabaseError(f"Key (email)=({secret}) already exists")
        except DatabaseError as error:
            raise ValueError(secret) from error
    except ValueError:
        logging.getLogger("somebody").exception("failed")

    (line,) = lines
    error = json.loads(line)["error"]
    assert secret not in line
    assert [each["type"] for each in error] == [
        "builtins.ValueError",
        "django.db.utils.DatabaseError",
    ]
    assert "test_correlation.py" in error[0]["at"][-1]


# Failures of ours.


def broken(request: HttpRequest):
    raise DatabaseError("relation ledger.leaves DETAIL secret-row-value")


def away(request: HttpRequest):
    raise OperationalError("connection to server at 10.0.0.7 failed")


def too_large(request: HttpRequest):
    raise RequestDataTooBig("Request body exceeded settings.DATA_UPLOAD_MAX_MEMORY_SIZE.")


urlpatterns = [path("broken", broken), path("away", away), path("large", too_large)]
handler400 = errors.bad_request
handler500 = errors.server_error
ONLY_OURS = override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["portal.correlation.Correlation"])


@ONLY_OURS
def test_the_number_on_the_page_is_that_of_the_header_and_of_the_log(lines):
    answer = Client(raise_request_exception=False).get("/broken")

    number = answer.headers["X-Request-ID"]
    failures = [each for each in entries(lines) if each["level"] == "error"]
    assert number in text(answer)
    assert failures
    assert {each["request_id"] for each in failures} == {number}
    assert "secret" not in "\n".join(lines)


@ONLY_OURS
@pytest.mark.parametrize(
    ("method", "says"), [("get", "Nothing was written."), ("post", "nothing was written, or all")]
)
def test_a_database_that_is_away_is_503_and_says_what_was_written(method, says):
    answer = getattr(Client(raise_request_exception=False), method)("/away")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert says in text(answer)
    assert "10.0.0.7" not in text(answer)


def test_without_a_database_every_page_says_so_at_once(cast):
    client = signed_in(cast.marsh)
    client.raise_request_exception = False
    settings = connections["default"].settings_dict
    port, settings["PORT"] = settings["PORT"], "1"
    connections["default"].close()
    try:
        pages = [client.get(each) for each in ("/", "/requests", "/sign-in", "/errors")]
        sent = client.post("/requests/new/transfer", cast.details())
        alive, ready = client.get("/health/live"), client.get("/health/ready")
    finally:
        settings["PORT"] = port

    assert [page.status_code for page in pages] == [503] * 4
    assert sent.status_code == 503
    assert (alive.status_code, ready.status_code) == (200, 503)
    assert text(ready) == "not ready\n"


@ONLY_OURS
def test_too_large_a_body_is_413():
    answer = Client(raise_request_exception=False).post("/large")

    assert answer.status_code == 413
    assert "Nothing was written" in text(answer)


def test_too_large_a_form_is_413_and_writes_nothing(cast, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = signed_in(cast.marsh).post("/requests/new/transfer", cast.details(note="x" * 2000))

    assert answer.status_code == 413
    assert not Request.objects.filter(kind="transfer").exists()


def test_too_many_fields_are_400(cast):
    answer = signed_in(cast.marsh).post(
        "/requests/new/transfer", {f"f{n}": "" for n in range(1500)}
    )

    assert answer.status_code == 400


def test_the_wrong_method_gets_a_page_that_names_none(cast):
    answer = signed_in(cast.marsh).post("/requests")

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert "Nothing was written." in text(answer)


def test_a_wait_is_stated_in_the_header_too(cast):
    answer = errors.too_many(HttpRequest())

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "300")
    assert "Wait 5 minutes" in text(answer)


# A form whose token went out of date.


def stale_post(person, path, fields, **headers):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    return client.post(path, fields, headers=headers)


def test_a_form_that_went_out_of_date_keeps_what_was_typed(cast):
    fields = cast.details(note="<b>Long words</b>")

    answer = stale_post(cast.marsh, "/requests/new/transfer", fields, Origin="http://testserver")

    assert answer.status_code == 403
    assert "&lt;b&gt;Long words&lt;/b&gt;" in text(answer)
    assert 'action="/requests/new/transfer"' in text(answer)
    assert not Request.objects.filter(kind="transfer").exists()


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
def test_a_form_of_another_site_is_not_offered_again(cast, origin):
    headers = {"Origin": origin} if origin else {}

    answer = stale_post(
        cast.marsh, "/requests/new/transfer", cast.details(note="Evil words"), **headers
    )

    assert answer.status_code == 403
    assert "Evil words" not in text(answer)
    assert "Open the page again" in text(answer)


def test_a_password_and_a_decision_are_not_offered_again(cast):
    item = cast.submitted()
    ours = {"Origin": "http://testserver"}

    sign_in = stale_post(cast.marsh, "/sign-in", {"password": "typed-secret"}, **ours)
    decision = stale_post(
        cast.approver, f"/approvals/{item.number}/decision", {"reason": "typed-reason"}, **ours
    )

    assert sign_in.status_code == decision.status_code == 403
    assert "typed-" not in text(sign_in) + text(decision)


# Health.


def test_the_health_pages_say_one_word_to_anybody(committed_db):
    live, ready = Client().get("/health/live"), Client().get("/health/ready")

    assert (live.status_code, text(live)) == (200, "live\n")
    assert (ready.status_code, text(ready)) == (200, "ready\n")
    assert not live.cookies
    assert not ready.cookies


@override_settings(SECURE_SSL_REDIRECT=True)
def test_the_health_pages_answer_without_tls_and_the_others_do_not(committed_db):
    assert Client().get("/health/live").status_code == 200
    assert Client().get("/errors").status_code == 301


# The codes.


def test_codes_are_found_by_words_and_by_name(committed_db):
    def found(words):
        return [row["code"] for row in Client().get("/errors", {"q": words}).context["codes"]]

    assert "PREVIEW_CHANGED" in found("blocks changed")
    assert found("preview changed") == found("PREVIEW_CHANGED") == ["PREVIEW_CHANGED"]
    assert found("LB001") == ["INSUFFICIENT_TOTAL_BALANCE"]
    assert found("no such words anywhere") == []
    assert len(found("\x00")) == len(found(""))


def test_a_code_says_which_functions_raise_it(committed_db):
    def raised(code):
        return Client().get(f"/errors/{code}").context["raised"]

    assert raised("VOLUME_OVERFLOW")["reached"] == ["ledger_api.mint", "ledger_api.preview"]
    assert raised("PREVIEW_NOT_OPENED") == {
        "functions": ["ledger.guard_preview_opened"],
        "reached": [],
        "tables": ["registry_request"],
    }
    assert "ledger_api.transfer" in raised("INSUFFICIENT_TOTAL_BALANCE")["reached"]


def test_every_code_is_raised_by_a_function(committed_db):
    from registry.selectors import errors as codes

    # What is wrong with a file or a form, the portal says before anything is sent.
    ours = [row["code"] for row in codes.every() if row["domain"] != "file"]
    silent = [code for code in ours if not codes.raised_by(code)["functions"]]

    # Python alone: a lock and a unique constraint of PostgreSQL's own, told apart by what they say,
    # and a form that is older than its record.
    assert set(silent) <= {
        "LOCK_NOT_AVAILABLE", "LEDGER_DDL_FROZEN", "CODE_TAKEN", "RECORD_CHANGED",
        "NUMBERS_OUTSIDE_FILTER",
    }  # fmt: skip


def test_a_page_that_is_not_there_offers_a_search(cast):
    page = text(signed_in(cast.marsh).get("/no-such-page"))

    assert "There is no such page" in page
    assert 'href="/errors"' in page
