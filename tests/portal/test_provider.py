"""Signing in through an OpenID Connect provider: a real one, run by the test."""

import contextlib
import re
from urllib.parse import parse_qs, urlsplit

import oidc_provider_mock
import pytest
import requests
from django.test import Client

from registry.models import User
from tests import make
from tests.portal.phone import Phone

# What the provider's own code is warned of.
pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")

FAILED = "/sign-in?provider=failed"
UNKNOWN = "/sign-in?provider=unknown"


@pytest.fixture
def provider(settings):
    """Run a provider that knows five people, and tell the portal about it."""
    known = {
        "marsh": {"email": "Marsh@alder.example", "email_verified": True},
        "unverified": {"email": "marsh@alder.example", "email_verified": False},
        "said": {"email": "marsh@alder.example", "email_verified": "true"},
        "stranger": {"email": "nobody@alder.example", "email_verified": True},
        "silent": {},
    }
    people = [oidc_provider_mock.User(sub=sub, claims=claims) for sub, claims in known.items()]
    with oidc_provider_mock.run_server_in_thread(require_nonce=True, user_claims=people) as server:
        settings.OIDC_ISSUER = f"http://localhost:{server.server_port}"
        settings.OIDC_LABEL = "Alder Wind"
        app = {
            "provider_id": "oidc",
            "name": "Alder Wind",
            "client_id": "strata",
            "secret": "secret",
            "settings": {"server_url": settings.OIDC_ISSUER},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}
        }
        yield settings.OIDC_ISSUER


@pytest.fixture
def person(committed_db):
    return make.person(make.organisation(), email="marsh@alder.example", password=make.PASSWORD)


def begin(client, **answers):
    """Press the button; return where the provider is asked, and the question."""
    sent = client.post("/sign-in/provider", answers)
    assert sent.status_code == 302
    where = sent.headers["Location"]
    return where, {name: each[0] for name, each in parse_qs(urlsplit(where).query).items()}


def answer_of(where: str, who: str) -> str:
    """Sign in at the provider; return the address that it sends the browser back to."""
    session = requests.Session()
    page = session.get(where)
    field = re.search(r'name="(\w+)"', page.text)[1]
    back = session.post(where, data={field: who}, allow_redirects=False)
    return back.headers["Location"].replace("http://testserver", "")


def sign_in(client, who="marsh", **answers):
    where, _ = begin(client, **answers)
    return client.get(answer_of(where, who))


def test_somebody_who_is_registered_signs_in_by_a_verified_address(person, provider):
    client = Client()

    page = client.get("/sign-in").content.decode()
    done = sign_in(client, next="/requests")

    assert "Sign in with Alder Wind" in page
    assert done.headers["Location"] == "/requests"
    assert client.get("/me").context["user"] == person
    person.refresh_from_db()
    assert person.check_password(make.PASSWORD)


@pytest.mark.parametrize("who", ["unverified", "said", "stranger", "silent"])
def test_nobody_else_gets_in_and_nobody_is_made(person, provider, who):
    client = Client()

    refused = sign_in(client, who)

    assert refused.headers["Location"] == UNKNOWN
    assert "Nobody is registered here" in client.get(UNKNOWN).content.decode()
    assert client.get("/").headers["Location"].startswith("/sign-in")
    assert User.objects.count() == 1


def test_a_closed_sign_in_stays_closed(person, provider):
    User.objects.update(is_active=False)

    assert sign_in(Client()).headers["Location"] == UNKNOWN


def test_the_second_factor_is_asked_for_as_always(person, provider, monkeypatch):
    Phone(monkeypatch).give_to(person)
    client = Client()

    assert sign_in(client).headers["Location"] == "/sign-in/verify"
    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_the_question_has_a_state_a_nonce_and_a_challenge(person, provider):
    _, first = begin(Client())
    _, second = begin(Client())

    assert first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == "http://testserver/sign-in/oidc/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 16
        assert first[name] != second[name]


def test_an_answer_is_good_in_the_browser_that_asked_and_once(person, provider):
    client = Client()
    where, _ = begin(client)
    back = answer_of(where, "marsh")

    stolen = Client().get(back)
    taken = client.get(back)
    again = client.get(back)

    assert stolen.headers["Location"] == FAILED
    assert taken.headers["Location"] == "/"
    assert again.headers["Location"] == FAILED


@pytest.mark.parametrize("what", ["state", "code"])
def test_a_changed_answer_is_refused(person, provider, what):
    client = Client()
    where, _ = begin(client)
    back = re.sub(rf"{what}=[^&]+", f"{what}=made-up", answer_of(where, "marsh"))

    assert client.get(back).headers["Location"] == FAILED
    assert client.get("/").headers["Location"].startswith("/sign-in")


def test_an_answer_to_another_question_is_refused(person, provider):
    client = Client()
    where, _ = begin(client)
    session = client.session
    session["oidc_nonce"] = "another"
    session.save()

    assert client.get(answer_of(where, "marsh")).headers["Location"] == FAILED


def test_who_turns_back_at_the_provider_is_told(person, provider):
    client = Client()
    _, asked = begin(client)

    back = client.get(f"/sign-in/oidc/callback?error=access_denied&state={asked['state']}")

    assert back.headers["Location"] == FAILED


def test_a_provider_that_does_not_answer_is_a_sentence(person, provider, settings):
    with contextlib.ExitStack() as stack:
        closed = stack.enter_context(oidc_provider_mock.run_server_in_thread())
        port = closed.server_port
    app = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
    app["settings"]["server_url"] = f"http://localhost:{port}"

    answer = Client().post("/sign-in/provider")

    assert answer.headers["Location"] == FAILED


def test_signing_in_leads_to_no_other_site(person, provider):
    assert sign_in(Client(), next="https://evil.example").headers["Location"] == "/"


def test_nothing_of_the_provider_is_kept(person, provider):
    sign_in(Client())

    assert person.socialaccount_set.count() == 0


@pytest.mark.parametrize("path", ["/sign-in/other/callback", "/sign-in/oidc/callback"])
def test_without_a_provider_there_is_no_way(committed_db, path):
    assert Client().get(path).status_code == 404
    assert Client().post("/sign-in/provider").status_code == 404
    assert "Sign in with" not in Client().get("/sign-in").content.decode()


def test_it_takes_a_post_with_its_token(committed_db, provider):
    assert Client().get("/sign-in/provider").status_code == 405
    assert Client(enforce_csrf_checks=True).post("/sign-in/provider").status_code == 403
