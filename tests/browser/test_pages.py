"""Every page there is, found from the addresses: for everybody, quiet, and cut off nowhere."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core import mail
from django.test import Client, override_settings

from registry import dates, services
from registry.access import HOLDERS, Right
from registry.models import Facility, User
from tests import make
from tests.browser.conftest import open_browser
from tests.portal import addresses
from tests.portal.cast import assemble
from tests.registry.test_access import (
    LINK,
    ORGANISATION,
    OWN,
    PUBLIC,
    ROUTES,
    SIGNED_IN,
    STEP,
    UNSET,
)  # fmt: skip
from tests.server import clone, django_uses

pytestmark = pytest.mark.browser

LONG = "Elektrizitätswirtschaftsgenossenschaft Überseehafen-Süd und Umgebung eG"
SECRET = "STRATADEMO234567"
PEOPLE = {
    "nobody": "",
    "viewer": "viewer@alder.example",
    "submitter": "marsh@alder.example",
    "team_admin": "admin@alder.example",
    "operator": "operator@registry.example",
    "approver": "okafor@registry.example",
    "auditor": "auditor@regulator.example",
}
# Who opens the pages of a kind: each who sees them in a way of their own.
OPENED_BY = {
    PUBLIC: {"nobody"},
    LINK: {"nobody"},
    SIGNED_IN: {"submitter", "auditor"},
    OWN: {"submitter", "auditor"},
    ORGANISATION: {"team_admin", "operator"},
    Right.SEE_TEAM: {"team_admin", "operator"},
    Right.SEE_QUEUE: {"operator", "approver"},
    Right.SUBMIT: {"submitter"},
    Right.MANAGE_TEAM: {"team_admin"},
}
# Files, and pieces of pages that are swapped in. A page between two steps of signing in, and one
# of a provider, are opened on the way: test_people and tests/portal/test_provider.py.
NO_PAGES = re.compile(r"\.(csv|pdf|json|zip)$|/evidence$|^(receivers|senders|health/.*|.*/badge)$")
# The same pages in another state.
STATES = {
    "nobody": ["errors?q=preview"],
    "viewer": ["", "requests", "accounts/ALD-01/holdings"],
    "submitter": [
        "accounts/ALD-01/holdings?as_of=2026-01-31",
        "accounts/ALD-01/holdings?at=SOL-2",
        "accounts/ALD-01/holdings?state=expired",
        "requests?show=needs",
        "requests?show=done",
        "requests/new/transfer?block=1",
        "search?q=nothing+like+it",
    ],
    "team_admin": ["", "requests", "me"],
    "operator": ["", "requests", "accounts", "registry?q=ald", "organisations/ALD", "log?q=nobody"],
    "approver": ["", "requests?show=needs", "notifications"],
    "auditor": [
        "who-held?q=SOL+5+on+{today}",
        "who-held?certificate=SOL+5&on=2020-01-01",
        "certificates/SOL/5?at=SOL-2",
        "holdings?at=SOL-2",
        "holdings?as_of=2020-01-01",
        "conservation?by=region",
        "conservation?by=batch",
        "conservation?as_of={today}",
        "accounts?as_of={today}",
        "batches/1/lineage?number=5&on={today}&at=SOL-2",
        "blocks/1?at=SOL-1",
    ],
}
# What says no instead, and how.
REFUSED = {
    "nobody": {"errors/PREVIEW_CHANGE": 404, "verify/0000-0000-0000-0000": 404},
    "submitter": {"no-such-page": 404, "registry": 403},
}
# Pages about one's own sign-in, once it was confirmed and has a second factor.
OWN_SIGN_IN = re.compile("^me/")


@pytest.fixture(scope="module")
def world(server, django_db_blocker, tmp_path_factory):
    """One registry with something in every state, that the tests here only look at."""
    with (
        clone(server) as database,
        django_uses(server, database.name),
        django_db_blocker.unblock(),
        override_settings(EVIDENCE_DIR=tmp_path_factory.mktemp("evidence")),
        override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"),
    ):
        mail.outbox = []
        yield _paths()


def _paths():
    """Fill the registry, and return the address of each route."""
    cast = assemble(password=make.PASSWORD)
    regulator = make.organisation("regulator", name="Energy Market Authority")
    homes = {"viewer": cast.alder, "team_admin": cast.alder, "operator": make.registry()}
    for role in ("viewer", "team_admin", "operator", "auditor"):
        home = homes.get(role, regulator)
        make.person(home, role, email=PEOPLE[role], password=make.PASSWORD, name=f"{role} {LONG}")
    stands_for = addresses.values(cast, settings, settings.EVIDENCE_DIR)
    _more(cast)
    draft, upload = cast.draft(1), addresses.an_upload(cast, submitted=False)
    cast.executed(5)
    for act in ("details", "check", "discard"):
        stands_for[f"requests/<int:number>/{act}"] = {"<int:number>": draft.number}
    for act in ("/submit", "/discard"):
        stands_for[f"requests/uploads/<int:number>{act}"] = {"<int:number>": upload}
    stands_for |= _links(cast) | _decided_together(cast)
    for route, code in (
        ("organisations/<str:code>/reactivate", "OFF"),
        ("facilities/<str:code>/reactivate", "F-OFF"),
        ("accounts/<str:code>/reopen", "OFF-01"),
    ):
        stands_for[route] = {"<str:code>": code}
    paths = addresses.filled(ROUTES, stands_for)
    for route in ("organisations", "facilities"):
        paths[f"{route}/<str:code>/reactivate"] = paths[f"{route}/<str:code>/reactivate"].replace(
            "ALD/" if route == "organisations" else "FG/",
            "OFF/" if route == "organisations" else "F-OFF/",
        )
    waiting = paths["approvals/<int:number>"].rsplit("/", 1)[1]
    paths["approvals/several"] += f"?number={waiting}"
    return paths


def _more(cast):
    """Add what is long, what was refused, what expires, and what is switched off."""
    off = make.organisation(code="OFF", name=LONG, status="suspended")
    make.account(organisation=off, code="OFF-01", name=LONG, status="suspended")
    make.facility(cast.alder, code="F-OFF", name=LONG, status=Facility.Status.SUSPENDED)
    make.account(organisation=cast.alder, type="retirement", code="ALD-RET", name=LONG)
    make.mint_ending(cast.source, 70, days=20)
    rejected = cast.submitted(7, note=LONG)
    services.reject_request(request_id=rejected.id, approver=cast.approver, reason=LONG)
    withdrawn = cast.submitted(8)
    services.withdraw_request(request_id=withdrawn.id, submitter=cast.marsh)
    failed = cast.draft(5000)
    services.submit_request(request_id=failed.id, submitter=cast.marsh)
    services.approve_request(request_id=failed.id, approver=cast.approver)


def _decided_together(cast):
    """Return what stands for the results of a form that decided several."""
    numbers = [cast.submitted(volume).number for volume in (11, 12)]
    done = services.decide_several(
        approver=cast.approver, key=make.key(), decision="reject", reason=LONG, numbers=numbers
    )
    return {"approvals/several/<uuid:key>": {"<uuid:key>": done.key}}


def _links(cast):
    """Return what stands for the parts of the addresses that come by mail, and who is invited."""
    admin = User.objects.get(email=PEOPLE["team_admin"])
    operator = User.objects.get(email=PEOPLE["operator"])
    _, token = services.invite(
        by=admin, organisation=cast.alder, email="new@alder.example", role="submitter"
    )
    staff, _ = services.invite(
        by=operator, organisation=make.registry(), email="n@registry.example", role="approver"
    )
    Client().post("/reset-password", {"email": cast.marsh.email})
    reset = next(key for key in addresses.MADE_UP if key.startswith("^reset"))
    link = re.search(r"/(reset-password/\S+)", mail.outbox[-1].body)[1]
    return {
        "invitation/<str:token>": {"<str:token>": token},
        "team/invitations/<uuid:invitation>/confirm": {"<uuid:invitation>": staff.id},
        reset: {reset: link},
    }


def _opened_by(needs):
    if needs in OPENED_BY:
        return OPENED_BY[needs]
    return set(sorted(HOLDERS[needs])[:1])


def routes_of(role):
    """Return the pages that somebody of this role opens."""
    return [
        route
        for route, (needs, methods) in ROUTES.items()
        if "get" in methods
        and needs not in (STEP, UNSET)
        and not NO_PAGES.search(route)
        and role in (["submitter"] if OWN_SIGN_IN.match(route) else _opened_by(needs))
        # A team admin has one organisation, and is led to it.
        and (role, route) != ("team_admin", "organisations")
    ]


def test_every_page_is_opened_by_somebody():
    opened = {route for role in PEOPLE for route in routes_of(role)}

    left = {route for route, (_, methods) in ROUTES.items() if "get" in methods} - opened
    assert {route for route in left if not NO_PAGES.search(route)} == {
        route for route, (needs, _) in ROUTES.items() if needs in (STEP, UNSET)
    } - {"sign-in/provider"}


@pytest.mark.parametrize("role", PEOPLE)
def test_every_page_can_be_used_by_everybody(world, browser, served, shapes, role):
    visitor = open_browser(browser, served, shapes)
    if PEOPLE[role]:
        visitor.type_sign_in(PEOPLE[role])
    if role == "submitter":
        _confirmed_with_an_app(visitor, world)
    refused = {f"/{path}": status for path, status in REFUSED.get(role, {}).items()}
    paths = [world[route] for route in routes_of(role)]
    paths += ["/" + each.format(today=f"{dates.today():%Y-%m-%d}") for each in STATES[role]]

    for path in dict.fromkeys([*paths, *refused]):
        answer = visitor.page.goto(served + path)
        shown = (answer.status, visitor.page.url.removeprefix(served))
        # The secret of a link in a mail goes from the address into the session.
        if shown != (refused.get(path, 200), path) and not path.startswith("/reset-password/"):
            visitor.complaints.append(f"{path} led to {shown}")
        assert visitor.page.locator("main").count() == 1, path
        visitor.look()
    visitor.forgive(403, 404)
    visitor.page.context.close()
    assert not visitor.complaints, "\n".join(visitor.complaints)


def _confirmed_with_an_app(visitor, world):
    """Give the password once more, and have a second factor: some pages are closed without."""
    visitor.go("/me/confirm")
    visitor.fill("Password", make.PASSWORD)
    visitor.press("button", "Confirm")
    marsh = User.objects.get(email=PEOPLE["submitter"])
    services.set_up_app(user=marsh, secret=SECRET, code=services.code_at(SECRET, time.time()))
    factor = Authenticator.objects.get(type="totp").id
    route = "me/factors/<int:factor>/remove"
    world[route] = world[route].replace("/1/", f"/{factor}/")
