"""One's own page: sessions, password, clock; and what ends at once."""

import re
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from django.utils import timezone

from registry import services
from registry.models import User
from tests import make
from tests.portal.cast import signed_in
from tests.portal.phone import Phone, attempt

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"
NEW = "another horse, another battery"


@pytest.fixture
def person(committed_db):
    return make.person(make.organisation(), email="marsh@alder.example", password=make.PASSWORD)


def arrived(person, agent=FIREFOX, **kwargs) -> Client:
    client = Client(headers={"User-Agent": agent}, **kwargs)
    assert attempt(client, person).status_code == 302
    return client


def is_in(client) -> bool:
    return client.get("/me").status_code == 200


def test_the_page_says_where_somebody_is_signed_in(person):
    arrived(person, REMOTE_ADDR="192.0.2.7")
    here = arrived(person, agent="something made up")

    page = here.get("/me").content.decode()

    assert "Firefox on Linux" in page
    assert "192.0.2.7" in page
    assert "Another browser" in page
    assert page.count("This one") == 1


def test_signing_out_elsewhere_ends_the_others_and_not_this_one(person):
    other, here = arrived(person), arrived(person)

    answer = here.post("/me/sessions/end")

    assert answer.headers["Location"] == "/me"
    assert (is_in(other), is_in(here)) == (False, True)


def test_one_session_can_be_ended_alone(person):
    first, second, here = arrived(person), arrived(person), arrived(person)
    ended = UserSession.objects.get(session_key=first.session.session_key)

    here.post("/me/sessions/end", {"session": ended.pk})

    assert (is_in(first), is_in(second), is_in(here)) == (False, True, True)


@pytest.mark.parametrize("session", ["", "0", "x", "9" * 40, "\x00", "\uff11"])
def test_a_strangers_session_stays_whatever_is_sent(person, session):
    stranger = make.person(make.organisation(), password=make.PASSWORD)
    theirs = arrived(stranger)
    other = arrived(person)
    wanted = session or UserSession.objects.get(user=stranger).pk

    assert arrived(person).post("/me/sessions/end", {"session": wanted}).status_code == 302

    assert is_in(theirs)
    assert is_in(other)


def test_when_a_session_was_last_seen_is_noted_once_a_minute(person):
    client = arrived(person, REMOTE_ADDR="192.0.2.7")
    session = UserSession.objects.get(user=person)
    client.get("/", REMOTE_ADDR="192.0.2.8")
    session.refresh_from_db()
    soon = (session.last_seen_at, session.ip)
    long_ago = timezone.now() - timedelta(hours=1)
    UserSession.objects.update(last_seen_at=long_ago)

    client.get("/", REMOTE_ADDR="192.0.2.8")

    session.refresh_from_db()
    assert soon[1] == "192.0.2.7"
    assert session.last_seen_at > long_ago
    assert session.ip == "192.0.2.8"


def test_a_closed_sign_in_ends_with_the_next_page(person):
    client = arrived(person)

    User.objects.filter(pk=person.pk).update(is_active=False)

    assert client.get("/").headers["Location"].startswith("/sign-in")
    assert client.post("/requests/new/transfer").headers["Location"].startswith("/sign-in")


def test_a_changed_role_counts_from_the_next_page_on(person):
    client = arrived(person)
    assert client.get("/requests/new/transfer").status_code == 200

    User.objects.filter(pk=person.pk).update(role="viewer")

    assert client.get("/requests/new/transfer").status_code == 403


def change(client, old=make.PASSWORD, new=NEW, again=None):
    return client.post(
        "/me/password", {"oldpassword": old, "password1": new, "password2": again or new}
    )


def test_a_new_password_ends_every_other_session(person):
    other, here = arrived(person), arrived(person)

    answer = change(here)

    assert answer.headers["Location"] == "/me"
    assert (is_in(other), is_in(here)) == (False, True)
    assert attempt(Client(), person).status_code == 422
    assert attempt(Client(), person, NEW).status_code == 302
    assert person.notices.get().kind == "password"


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("wrong", NEW, NEW),
        (make.PASSWORD, NEW, "something else"),
        (make.PASSWORD, "short", "short"),
        (make.PASSWORD, "marsh@alder.example", "marsh@alder.example"),
        (make.PASSWORD, "passwordpassword\x00", "passwordpassword\x00"),
        ("", "", ""),
    ],
)
def test_a_password_that_does_not_do_is_refused_in_words(person, old, new, again):
    client = arrived(person)

    answer = change(client, old, new, again)

    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()
    assert attempt(Client(), person).status_code == 302


def ask_for_link(email="marsh@alder.example"):
    return Client().post("/reset-password", {"email": email})


def link() -> str:
    return re.search(r"http://testserver(/reset-password/\S+)", mail.outbox[-1].body)[1]


def follow(client, path, new=NEW):
    form = client.get(path).headers.get("Location", path)
    return client.post(form, {"password1": new, "password2": new})


def test_a_link_by_mail_sets_a_new_password_once(person):
    session = arrived(person)
    ask_for_link()
    path = link()

    done = follow(Client(), path)
    again = Client().get(path)

    assert done.headers["Location"] == "/reset-password/done"
    assert not is_in(session)
    assert attempt(Client(), person, NEW).status_code == 302
    assert "This link is over" in again.content.decode()


def test_the_answer_is_the_same_for_an_address_that_nobody_has(person):
    known, unknown = ask_for_link(), ask_for_link("nobody@alder.example")

    assert known.status_code == unknown.status_code == 302
    assert known.headers["Location"] == unknown.headers["Location"] == "/reset-password/sent"
    assert [message.to for message in mail.outbox] == [
        ["marsh@alder.example"],
        ["nobody@alder.example"],
    ]
    assert "http" not in mail.outbox[1].body


def test_a_closed_sign_in_gets_no_link(person):
    User.objects.filter(pk=person.pk).update(is_active=False)

    ask_for_link()

    assert "http" not in mail.outbox[0].body


def test_a_link_is_over_after_an_hour(person, settings):
    ask_for_link()
    settings.PASSWORD_RESET_TIMEOUT = -1

    assert "This link is over" in Client().get(link()).content.decode()


def test_a_new_password_by_link_still_needs_the_second_factor(person):
    services.add_passkey(user=person, name="Key", credential={})
    ask_for_link()

    follow(Client(), link())

    assert attempt(Client(), person, NEW).headers["Location"] == "/sign-in/verify"


@pytest.mark.parametrize("email", ["", "x", "a@b\x00.example", "a" * 500 + "@b.example"])
def test_what_is_no_address_is_refused_in_words(committed_db, email):
    answer = ask_for_link(email)

    assert answer.status_code == 422
    assert mail.outbox == []


def test_asking_for_many_links_is_stopped(person):
    answers = [ask_for_link().status_code for _ in range(7)]

    assert answers == [302] * 5 + [429] * 2


@pytest.mark.parametrize("path", ["/reset-password/a-b", "/reset-password/zz-set-password"])
def test_a_made_up_link_is_over(committed_db, path):
    assert "This link is over" in Client().get(path).content.decode()


def test_what_is_wrong_with_a_new_password_stands_by_its_field(person):
    page = arrived(person).post("/me/password", {"password1": NEW}).content.decode()

    for name, sentence in {
        "oldpassword": "Type your present password.",
        "password2": "Type the new password once more.",
    }.items():
        assert f'<p class="error" id="id_{name}_error">{sentence}</p>' in page
        assert f'aria-describedby="id_{name}_error"' in page
    # A keeper of passwords learns whose it is.
    assert f'autocomplete="username" value="{person.email}" hidden' in page


def test_a_clock_is_kept(person):
    client = signed_in(person)

    client.post("/me/clock", {"time_zone": "Europe/Oslo"})
    wrong = client.post("/me/clock", {"time_zone": "Europe/Atlantis\x00"})

    person.refresh_from_db()
    assert person.time_zone == "Europe/Oslo"
    assert wrong.status_code == 422


def test_the_steps_of_a_request_are_also_on_ones_own_clock(cast):
    item = cast.submitted()
    User.objects.filter(pk=cast.marsh.pk).update(time_zone="America/New_York")

    mine = signed_in(cast.marsh).get(f"/requests/{item.number}").content.decode()
    theirs = signed_in(cast.approver).get(f"/requests/{item.number}").content.decode()

    assert " in New York)" in mine
    assert " in New York)" not in theirs


def test_no_page_comes_from_the_library(person, monkeypatch):
    client = arrived(person)
    Phone(monkeypatch).give_to(person)
    paths = ["/me", "/me/confirm", "/me/password", "/reset-password", "/sign-in", "/sign-in/verify"]
    paths += ["/reset-password/sent", "/reset-password/done", "/reset-password/a-b"]
    theirs = re.compile(r"^(account|mfa|socialaccount|usersessions|allauth)/")

    for each in (client, Client()):
        for path in paths:
            answer = each.get(path, follow=True)
            used = [template.name or "" for template in answer.templates]
            assert used
            assert not [name for name in used if theirs.match(name)], path
