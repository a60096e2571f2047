"""Second factors: set up, asked for at sign-in, removed."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client

from registry import services
from registry.models import CodeUse
from registry.selectors import people
from tests import make
from tests.portal.cast import signed_in
from tests.portal.phone import SECRET, Phone, attempt, confirmed
from tests.together import together

NEWEST = "Use the newest code."


@pytest.fixture
def phone(monkeypatch) -> Phone:
    return Phone(monkeypatch)


@pytest.fixture
def person(committed_db):
    return make.person(make.organisation(), email="marsh@alder.example", password=make.PASSWORD)


@pytest.fixture
def approver(committed_db):
    return make.approver(email="okafor@registry.example", password=make.PASSWORD)


def verifying(person) -> Client:
    """Return a browser that has given the password and not the code."""
    client = Client()
    assert attempt(client, person).headers["Location"] == "/sign-in/verify"
    return client


def verify(client, code):
    return client.post("/sign-in/verify", {"code": code})


def test_the_newest_code_finishes_signing_in(person, phone):
    client = verifying(phone.give_to(person))

    page = client.get("/sign-in/verify").content.decode()
    before = client.get("/")
    done = verify(client, phone.code())

    assert 'autocomplete="one-time-code"' in page
    assert before.headers["Location"].startswith("/sign-in")
    assert done.headers["Location"] == "/"
    assert client.get("/").status_code == 200


def test_where_somebody_was_going_is_kept_through_the_second_step(person, phone):
    phone.give_to(person)
    client = Client()
    client.post("/sign-in", {"login": person.email, "password": make.PASSWORD, "next": "/requests"})

    assert verify(client, phone.code()).headers["Location"] == "/requests"


@pytest.mark.parametrize("off", [-30, 30])
def test_a_clock_that_is_half_a_minute_off_does_no_harm(person, phone, off):
    client = verifying(phone.give_to(person))
    shown = services.code_at(SECRET, phone.now + off)

    assert verify(client, shown).status_code == 302


@pytest.mark.parametrize("off", [-60, 60])
def test_an_older_or_a_later_code_is_not_the_newest(person, phone, off):
    client = verifying(phone.give_to(person))
    shown = services.code_at(SECRET, phone.now + off)

    answer = verify(client, shown)

    assert answer.status_code == 422
    assert NEWEST in answer.content.decode()


@pytest.mark.parametrize(
    "code",
    [
        "",
        "000000",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "12345\x00",
        "9" * 5000,
        "<script>",
        "0x1234",
    ],
)
def test_a_wrong_code_is_refused_in_words(person, phone, code):
    client = verifying(phone.give_to(person))

    answer = verify(client, code)

    assert answer.status_code == 422
    assert "newest code" in answer.content.decode()
    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_a_code_signs_in_once(person, phone):
    code = phone.code
    phone.give_to(person)
    assert verify(verifying(person), code()).status_code == 302

    again = verify(verifying(person), code())

    assert again.status_code == 422
    assert verify(verifying(person), phone.next_code()).status_code == 302


def test_after_five_wrong_codes_the_wait_is_stated_and_the_right_one_waits_too(person, phone):
    client = verifying(phone.give_to(person))
    for _ in range(5):
        assert verify(client, "000000").status_code == 422

    locked, right = verify(client, "000000"), verify(client, phone.code())

    assert locked.status_code == right.status_code == 429
    assert "Wait 5 minutes, then try again." in locked.content.decode()


def test_a_recovery_code_does_as_well_and_once(person, phone):
    phone.give_to(person)
    first, second, *_ = people.recovery_codes(person)

    assert verify(verifying(person), f"{first[:4]} {first[4:]}").status_code == 302
    assert verify(verifying(person), first).status_code == 422
    assert verify(verifying(person), second).status_code == 302
    assert len(people.recovery_codes(person)) == 8


def test_the_second_step_without_the_first_leads_to_the_first(committed_db):
    for method in ("get", "post"):
        assert getattr(Client(), method)("/sign-in/verify").headers["Location"] == "/sign-in"


def test_nothing_changes_before_somebody_has_shown_who_they_are(person, phone):
    phone.give_to(person)
    client = signed_in(person)
    factor = Authenticator.objects.get(user=person, type="totp")
    paths = ["/me/app", "/me/passkeys/new", "/me/recovery-codes", f"/me/factors/{factor.pk}/remove"]

    for path in paths:
        for method in ("get", "post"):
            answer = getattr(client, method)(path)
            assert answer.headers["Location"] == f"/me/confirm?next={path}"
    assert Authenticator.objects.filter(user=person).count() == 2


@pytest.mark.parametrize("answers", [{}, {"password": "wrong"}, {"code": "000000"}])
def test_who_shows_nothing_is_not_confirmed(person, answers):
    client = signed_in(person)

    answer = client.post("/me/confirm?next=/me/app", answers)

    assert answer.status_code == 422
    assert client.get("/me/app").status_code == 302


def test_somebody_with_nothing_to_show_is_not_confirmed(committed_db):
    client = signed_in(make.person(make.organisation()))

    page = client.get("/me/confirm").content.decode()

    assert client.get("/me/app").headers["Location"] == "/me/confirm?next=/me/app"
    assert client.post("/me/confirm", {"password": ""}).status_code == 422
    assert "You have no password yet" in page


def test_who_has_a_factor_confirms_by_it_and_not_by_password(person, phone):
    phone.give_to(person)
    client = signed_in(person)

    by_password = client.post("/me/confirm?next=/me", {"password": make.PASSWORD})

    assert by_password.status_code == 422
    confirmed(client, code=phone.code())
    assert client.get("/me/recovery-codes").status_code == 200


def test_confirming_leads_to_no_other_site(person):
    answer = signed_in(person).post(
        "/me/confirm?next=https://evil.example", {"password": make.PASSWORD}
    )

    assert answer.headers["Location"] == "/"


def set_up(client, phone):
    """Go through the page as a person with a phone does; return the secret and the answer."""
    page = client.get("/me/app").content.decode()
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")
    return secret, client.post("/me/app", {"code": phone.code(secret)})


def test_an_app_is_set_up_by_the_code_that_it_shows(person, phone):
    client = confirmed(signed_in(person))

    secret, answer = set_up(client, phone)

    assert answer.headers["Location"] == "/me/recovery-codes"
    assert len(re.findall(r"<li><code>", client.get("/me/recovery-codes").content.decode())) == 10
    assert verify(verifying(person), phone.code(secret)).status_code == 422
    assert verify(verifying(person), phone.next_code(secret)).status_code == 302
    told = person.notices.get()
    assert (told.kind, told.facts) == ("factor", {"what": "authenticator app set up"})


def test_a_wrong_code_sets_nothing_up_and_the_key_stays_the_same(person, phone):
    client = confirmed(signed_in(person))
    page = client.get("/me/app").context["secret"]

    answer = client.post("/me/app", {"code": "000000"})

    assert answer.status_code == 422
    assert answer.context["secret"] == page
    assert not Authenticator.objects.filter(user=person).exists()


def test_nothing_that_is_stored_shows_the_secret(person, phone):
    client = confirmed(signed_in(person))
    client.get("/me/app")
    waiting = str([session.get_decoded() for session in Session.objects.all()])
    secret, _ = set_up(client, phone)
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))

    assert "setting_up_app" in waiting
    assert secret not in waiting + stored
    assert all(code not in stored for code in people.recovery_codes(person))


def test_another_key_reads_no_secret_and_an_old_one_still_does(person, phone, settings):
    old, new = services.encrypt("mine"), "another key"
    settings.FACTOR_KEYS = [new, *settings.FACTOR_KEYS]
    assert services.decrypt(old) == "mine"

    settings.FACTOR_KEYS = [new]

    with pytest.raises(Exception, match="STRATA_FACTOR_KEYS"):
        services.decrypt(old)


def test_a_new_app_replaces_the_old_one(person, phone):
    phone.give_to(person)
    client = confirmed(signed_in(person), code=phone.code())
    phone.wait()

    secret, _ = set_up(client, phone)

    assert verify(verifying(person), phone.next_code()).status_code == 422
    assert verify(verifying(person), phone.next_code(secret)).status_code == 302


def test_a_removed_app_is_asked_for_no_more_and_its_recovery_codes_end(person, phone):
    phone.give_to(person)
    client = confirmed(signed_in(person), code=phone.code())
    factor = Authenticator.objects.get(user=person, type="totp")

    asked = client.get(f"/me/factors/{factor.pk}/remove").content.decode()
    done = client.post(f"/me/factors/{factor.pk}/remove")

    assert "Remove the authenticator app?" in asked
    assert done.headers["Location"] == "/me"
    assert not Authenticator.objects.filter(user=person).exists()
    assert attempt(Client(), person).headers["Location"] == "/"


def test_somebody_elses_factor_is_not_there(person, approver, phone):
    phone.give_to(person)
    phone.wait()
    client = confirmed(signed_in(approver))
    factor = Authenticator.objects.get(user=person, type="totp")

    for method in ("get", "post"):
        assert getattr(client, method)(f"/me/factors/{factor.pk}/remove").status_code == 404
    assert Authenticator.objects.filter(pk=factor.pk).exists()


def test_an_approver_keeps_the_last_factor(approver, phone, settings):
    settings.REQUIRE_MFA = True
    phone.give_to(approver)
    client = confirmed(signed_in(approver), code=phone.code())
    factor = Authenticator.objects.get(user=approver, type="totp")

    page = client.get(f"/me/factors/{factor.pk}/remove").content.decode()
    answer = client.post(f"/me/factors/{factor.pk}/remove")

    assert "This is your last second factor, and you need one." in page
    assert answer.status_code == 403
    assert Authenticator.objects.filter(pk=factor.pk).exists()


def test_an_approver_with_two_factors_may_remove_one(approver, phone, settings):
    settings.REQUIRE_MFA = True
    phone.give_to(approver)
    services.add_passkey(user=approver, name="Key", credential={})
    app, key = Authenticator.objects.filter(user=approver).exclude(type="recovery_codes")

    services.remove_factor(user=approver, factor_id=app.pk)

    with pytest.raises(services.Refused, match="LAST_FACTOR"):
        services.remove_factor(user=approver, factor_id=key.pk)


def test_new_recovery_codes_end_the_old_ones(person, phone):
    phone.give_to(person)
    old = people.recovery_codes(person)
    client = confirmed(signed_in(person), code=phone.code())

    client.post("/me/recovery-codes")

    assert set(old).isdisjoint(people.recovery_codes(person))
    assert verify(verifying(person), old[0]).status_code == 422


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "{}",
        "[]",
        "null",
        "[" * 9000,
        '{"type": 1}',
        '{"id": "a", "rawId": "a", "response": {}, "type": "public-key"}',
        '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "YQ",'
        ' "attestationObject": "YQ", "authenticatorData": "YQ", "signature": "YQ"}}',
        '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "e30",'
        ' "attestationObject": "oA", "authenticatorData": "oA", "signature": "oA"}}',
        "{\x00}",
        "x" * 20_000,
    ],
)
def test_a_made_up_passkey_is_refused_in_words(person, phone, credential):
    phone.give_to(person)
    client = confirmed(signed_in(person), code=phone.code())
    client.get("/me/passkeys/new")

    made = client.post("/me/passkeys/new", {"name": "Key", "credential": credential})
    used = verifying(person).post("/sign-in/verify", {"credential": credential})

    assert made.status_code == used.status_code == 422
    assert not Authenticator.objects.filter(user=person, type="webauthn").exists()


def test_a_used_code_stays_used_whatever_the_pages_try(person, phone, committed_db):
    phone.give_to(person)
    pages = committed_db.connect("portal_web", autocommit=True)

    for statement in ("DELETE FROM registry_codeuse", "UPDATE registry_codeuse SET step = 1"):
        with pytest.raises(Exception, match="permission denied"):
            pages.execute(statement)
    assert CodeUse.objects.filter(user=person).count() == 1


def test_one_code_sent_four_times_at_once_is_taken_once(person, phone):
    phone.give_to(person)
    code = phone.code()

    def use():
        try:
            return services.use_code(user=person, code=code, purpose="decision")
        finally:
            connections.close_all()

    taken = together(*[use] * 4)

    assert sum(factor is not None for factor in taken) == 1
