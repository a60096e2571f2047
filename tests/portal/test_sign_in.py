"""Signing in and out."""

import pytest
from django.conf import settings
from django.test import Client

from registry import access
from tests import make
from tests.portal.cast import signed_in

WRONG = "The e-mail address or the password is not right."


@pytest.fixture
def person(committed_db):
    return make.person(make.organisation(), email="marsh@alder.example", password=make.PASSWORD)


def attempt(client, email="marsh@alder.example", password=make.PASSWORD, **more):
    return client.post("/sign-in", {"login": email, "password": password, **more})


def test_the_right_password_leads_to_the_overview(person):
    client = Client()

    answer = attempt(client)

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/").status_code == 200


def test_the_address_may_be_typed_in_capitals(person):
    assert attempt(Client(), email="MARSH@alder.example").status_code == 302


@pytest.mark.parametrize("email", ["mar\u017fh@alder.example", "simon\u0131@alder.example"])
def test_letters_whose_capitals_are_the_same_are_other_letters(committed_db, email):
    plain = email.replace("\u017f", "s").replace("\u0131", "i")
    make.person(make.organisation(), email=plain, password=make.PASSWORD)

    # Each spelling would have attempts of its own.
    assert attempt(Client(), email=email).status_code == 422
    assert access.signs_in_as(email) is None
    assert access.signs_in_as(plain.upper()) is not None


@pytest.mark.parametrize(
    ("email", "password"),
    [("marsh@alder.example", "wrong"), ("nobody@alder.example", make.PASSWORD)],
)
def test_every_failure_says_the_same(person, email, password):
    answer = attempt(Client(), email, password)

    assert answer.status_code == 422
    assert WRONG in answer.content.decode()


def test_a_closed_sign_in_says_the_same_even_with_the_right_password(person):
    person.is_active = False
    person.save(update_fields=["is_active"])

    answer = attempt(Client())

    assert answer.status_code == 422
    assert WRONG in answer.content.decode()


def test_after_five_failures_the_wait_is_stated_and_the_right_password_waits_too(person):
    client = Client()
    for _ in range(5):
        assert attempt(client, password="wrong").status_code == 422

    locked = attempt(client, password="wrong")
    right = attempt(client)

    assert locked.status_code == right.status_code == 429
    assert "Wait 5 minutes, then try again." in locked.content.decode()


def test_the_limit_holds_for_an_address_that_nobody_has(person):
    client = Client()
    for _ in range(5):
        attempt(client, "nobody@alder.example", "wrong")

    assert attempt(client, "nobody@alder.example", "wrong").status_code == 429


def test_the_limits_are_kept_in_the_database_for_all_processes():
    assert settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")


@pytest.mark.parametrize(
    "target", ["//evil.example", "https:evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(person, target):
    answer = attempt(Client(), next=target)

    assert answer.headers["Location"] == "/"


def test_signing_in_changes_the_session_key(person):
    client = Client()
    client.get("/sign-in")
    session = client.session
    session["mine"] = True
    session.save()
    before = session.session_key

    attempt(client)

    assert client.session.session_key != before


def test_signing_out_takes_a_post(person):
    client = signed_in(person)

    assert client.get("/sign-out").status_code == 405
    assert client.get("/").status_code == 200
    client.post("/sign-out")
    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_nobody_opens_an_account_by_themselves(committed_db):
    assert Client().get("/sign-up").status_code == 404


def test_a_fragment_asked_for_after_the_session_ended_leads_to_sign_in(committed_db):
    answer = Client().get("/accounts", headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/sign-in")
