"""The pages about refusals, and the pages of last resort."""

import pytest
from django.db import DatabaseError
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from ledgerdb.reads import error_codes
from portal import refusals
from portal.views import errors
from tests.portal.cast import signed_in


def test_every_code_has_a_page_that_anybody_may_read(committed_db):
    client = Client()
    index = client.get("/errors").content.decode()

    for row in error_codes():
        page = client.get(f"/errors/{row['code']}")
        assert page.status_code == 200
        assert row["code"] in index


def test_an_unknown_code_offers_the_nearest(committed_db):
    page = Client().get("/errors/SELF_APROVAL")

    assert page.status_code == 404
    assert page.context["near"][0]["code"] == "SELF_APPROVAL"


def test_every_sentence_of_ours_is_for_a_code_that_exists(committed_db):
    assert set(refusals.SENTENCES) <= {row["code"] for row in error_codes()}


def test_a_code_without_a_sentence_of_ours_takes_the_ledgers_title(committed_db):
    known = {row["code"]: row for row in error_codes()}

    said = refusals.explain("FACILITY_NOT_ACTIVE")

    assert said.sentence == known["FACILITY_NOT_ACTIVE"]["title"]
    assert said.status == 422


def test_text_that_is_no_code_is_never_shown(committed_db):
    said = refusals.explain('null value in column "x" violates not-null constraint')

    assert "column" not in f"{said.code}{said.sentence}{said.what_to_do}"


def broken(request):
    raise DatabaseError("relation ledger.leaves DETAIL secret-row-value")


urlpatterns = [path("broken", broken)]
handler500 = errors.server_error


@pytest.mark.parametrize(
    ("method", "says"),
    [("get", "Nothing was written"), ("post", "all of a transaction or nothing")],
)
@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])
def test_a_failure_of_ours_gives_an_incident_number_and_no_database_text(caplog, method, says):
    answer = getattr(Client(raise_request_exception=False), method)("/broken")

    text = answer.content.decode()
    incident = next(r.getMessage() for r in caplog.records if r.name == "portal.views.errors")
    assert answer.status_code == 500
    assert incident.split()[1] in text
    assert says in text
    assert "secret" not in text
    assert "relation" not in text


def test_a_bad_request_page_needs_no_database():
    answer = errors.bad_request(RequestFactory().get("/"), ValueError())

    assert answer.status_code == 400
    assert "Nothing was written" in answer.content.decode()


def test_a_page_that_is_not_there_is_said_to_be_absent(cast):
    answer = signed_in(cast.marsh).get("/no-such-page")

    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
