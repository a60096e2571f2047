"""Every address and every role: the table is made from the addresses that exist."""

import re

import pytest
from django.test import Client
from django.urls import get_resolver

from registry import access
from registry.models import User
from tests import make
from tests.portal import addresses
from tests.portal.cast import signed_in

PUBLIC, SIGNED_IN, OWN = "public", "signed in", "own organisation or everything"
PERSONAL = "one's own, whoever else sees everything"
SUBMIT, QUEUE, DECIDE = access.Right.SUBMIT, access.Right.SEE_QUEUE, access.Right.DECIDE
EXPIRY, RECONCILE = access.Right.PREPARE_EXPIRY, access.Right.RECONCILE
EVERYTHING, KEEP = access.Right.SEE_EVERYTHING, access.Right.KEEP_RECORDS
ORGANISATION = access.Right.SEE_ORGANISATION
TEAM, MANAGE, STAFF = (
    access.Right.SEE_TEAM,
    access.Right.MANAGE_TEAM,
    access.Right.CONFIRM_STAFF,
)
MIGRATE, SIGN = access.Right.MIGRATE, access.Right.SIGN_VARIANCE
# Between two steps of signing in; by a link alone; and not there unless it is configured.
STEP, LINK, UNSET = "second step", "link", "unset"
GET, POST, BOTH = {"get"}, {"post"}, {"get", "post"}

# A route that is not listed here fails the first test.
ROUTES = {
    "": (SIGNED_IN, GET),
    "requests": (SIGNED_IN, GET),
    "requests/new/transfer": (SUBMIT, BOTH),
    "requests/new/retire": (SUBMIT, BOTH),
    "requests/new/issue": (SUBMIT, BOTH),
    "requests/new/region": (SUBMIT, BOTH),
    "requests/new/expiry": (EXPIRY, BOTH),
    "requests/new/bulk": (SUBMIT, BOTH),
    "requests/new/bulk/transfer.csv": (SUBMIT, GET),
    "requests/new/bulk/retire.csv": (SUBMIT, GET),
    "requests/uploads": (SIGNED_IN, GET),
    "requests/uploads/<int:number>": (OWN, GET),
    "requests/uploads/<int:number>/submit": (SUBMIT, POST),
    "requests/uploads/<int:number>/discard": (SUBMIT, BOTH),
    "requests/<int:number>": (OWN, GET),
    "requests/<int:number>/evidence": (OWN, GET),
    "requests/<int:number>/details": (SUBMIT, BOTH),
    "requests/<int:number>/check": (SUBMIT, GET),
    "requests/<int:number>/submit": (SUBMIT, POST),
    "requests/<int:number>/withdraw": (SUBMIT, BOTH),
    "requests/<int:number>/statement": (OWN, GET),
    "requests/<int:number>/statement.pdf": (OWN, GET),
    "verify": (PUBLIC, GET),
    "verify/<str:reference>": (PUBLIC, GET),
    "requests/<int:number>/discard": (SUBMIT, BOTH),
    "receivers": (SUBMIT, GET),
    "senders": (SUBMIT, GET),
    "approvals": (QUEUE, GET),
    "approvals/several": (DECIDE, BOTH),
    "approvals/several/<uuid:key>": (DECIDE, GET),
    "approvals/<int:number>": (DECIDE, GET),
    "approvals/<int:number>/decision": (DECIDE, POST),
    "notifications": (SIGNED_IN, GET),
    # To who is signed out it says so, and nothing else.
    "notifications/badge": (PUBLIC, GET),
    "notifications/read": (SIGNED_IN, POST),
    "notifications/preferences": (SIGNED_IN, BOTH),
    "notifications/<int:number>/read": (PERSONAL, POST),
    "notifications/<int:number>/dismiss": (PERSONAL, POST),
    "search": (SIGNED_IN, GET),
    "registry": (EVERYTHING, GET),
    "log": (EVERYTHING, GET),
    "log.csv": (EVERYTHING, GET),
    "organisations": (ORGANISATION, GET),
    "organisations/new": (KEEP, BOTH),
    "organisations/<str:code>": (ORGANISATION, GET),
    "organisations/<str:code>/edit": (KEEP, BOTH),
    "organisations/<str:code>/suspend": (KEEP, BOTH),
    "organisations/<str:code>/reactivate": (KEEP, BOTH),
    "organisations/<str:code>/account": (KEEP, BOTH),
    "accounts/<str:code>": (OWN, GET),
    "accounts/<str:code>/suspend": (KEEP, BOTH),
    "accounts/<str:code>/reopen": (KEEP, BOTH),
    "accounts/<str:code>/close": (KEEP, BOTH),
    "facilities": (SIGNED_IN, GET),
    "facilities/new": (KEEP, BOTH),
    "facilities/<str:code>": (OWN, GET),
    "facilities/<str:code>/edit": (KEEP, BOTH),
    "facilities/<str:code>/audit": (KEEP, BOTH),
    "facilities/<str:code>/suspend": (KEEP, BOTH),
    "facilities/<str:code>/reactivate": (KEEP, BOTH),
    "facilities/<str:code>/close": (KEEP, BOTH),
    "commodities": (SIGNED_IN, GET),
    "commodities/new": (KEEP, BOTH),
    "commodities/<str:code>": (SIGNED_IN, GET),
    "commodities/<str:code>/edit": (KEEP, BOTH),
    "commodities/<str:code>/policy": (KEEP, BOTH),
    "commodities/<str:code>/policy/<int:rule_id>/end": (KEEP, BOTH),
    "regions/new": (KEEP, BOTH),
    "errors": (PUBLIC, GET),
    "errors/": (PUBLIC, GET),
    "health/live": (PUBLIC, GET),
    "health/ready": (PUBLIC, GET),
    "errors/<str:code>": (PUBLIC, GET),
    "accounts": (SIGNED_IN, GET),
    "accounts/<str:code>/holdings": (OWN, GET),
    "accounts/<str:code>/holdings.csv": (OWN, GET),
    "holdings": (SIGNED_IN, GET),
    "holdings.csv": (SIGNED_IN, GET),
    "batches/<int:batch_id>": (EVERYTHING, GET),
    "batches/<int:batch_id>/lineage": (EVERYTHING, GET),
    "batches/<int:batch_id>/trace": (EVERYTHING, GET),
    "batches/<int:batch_id>/trace.csv": (EVERYTHING, GET),
    "activity": (EVERYTHING, GET),
    "activity.csv": (EVERYTHING, GET),
    "conservation": (EVERYTHING, GET),
    "conservation.csv": (EVERYTHING, GET),
    "expiry": (EVERYTHING, GET),
    "reconciliation": (EVERYTHING, GET),
    "reconciliation.json": (EVERYTHING, GET),
    "reconciliation/<int:run_id>": (EVERYTHING, GET),
    "reconciliation/start": (RECONCILE, POST),
    "who-held": (EVERYTHING, GET),
    "certificates/<str:commodity>/<str:number>": (OWN, GET),
    "transactions": (SIGNED_IN, GET),
    "transactions.csv": (SIGNED_IN, GET),
    "blocks/<int:block_id>": (OWN, GET),
    "transactions/<str:number>": (OWN, GET),
    "transactions/<str:number>/evidence.zip": (OWN, GET),
    "sign-in": (PUBLIC, BOTH),
    "sign-out": (SIGNED_IN, POST),
    "sign-up": (PUBLIC, set()),
    "sign-in/verify": (STEP, BOTH),
    "sign-in/provider": (UNSET, POST),
    "sign-in/<str:provider_id>/callback": (UNSET, GET),
    "reset-password": (PUBLIC, BOTH),
    "reset-password/sent": (PUBLIC, GET),
    "reset-password/done": (PUBLIC, GET),
    "^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)$": (PUBLIC, BOTH),
    "invitation/<str:token>": (LINK, BOTH),
    "welcome": (PUBLIC, GET),
    "me": (SIGNED_IN, GET),
    "me/confirm": (SIGNED_IN, BOTH),
    "me/password": (SIGNED_IN, BOTH),
    "me/app": (SIGNED_IN, BOTH),
    "me/passkeys/new": (SIGNED_IN, BOTH),
    "me/factors/<int:factor>/remove": (SIGNED_IN, BOTH),
    "me/recovery-codes": (SIGNED_IN, BOTH),
    "me/sessions/end": (SIGNED_IN, POST),
    "me/clock": (SIGNED_IN, POST),
    "team": (TEAM, GET),
    "team/invite": (MANAGE, BOTH),
    "team/invitations/<uuid:invitation>/confirm": (STAFF, BOTH),
    "team/invitations/<uuid:invitation>/withdraw": (MANAGE, POST),
    "team/people/<uuid:person>": (MANAGE, GET),
    "team/people/<uuid:person>/role": (MANAGE, POST),
    "team/people/<uuid:person>/access": (MANAGE, POST),
    "replay": (EVERYTHING, GET),
    "replay/start": (MIGRATE, POST),
    "replay/cutover": (EVERYTHING, GET),
    "replay/variances": (EVERYTHING, GET),
    "replay/variances/<int:number>": (EVERYTHING, GET),
    "replay/variances/<int:number>/sign": (SIGN, POST),
    # Who wrote it takes it back, who was to sign it sends it back.
    "replay/variances/<int:number>/send-back": (QUEUE, POST),
    "replay/variances/<int:number>/together": (SIGN, BOTH),
    "replay/<int:number>": (EVERYTHING, GET),
    "replay/<int:number>/together": (MIGRATE, BOTH),
    "replay/<int:number>/report": (EVERYTHING, GET),
    "replay/<int:number>/report.csv": (EVERYTHING, GET),
    "replay/<int:number>/rejections.csv": (EVERYTHING, GET),
    "replay/<int:number>/compare": (EVERYTHING, GET),
    "replay/<int:number>/compare.csv": (EVERYTHING, GET),
    "replay/<int:number>/<int:rejection>": (EVERYTHING, GET),
    "replay/<int:number>/<int:rejection>/decide": (MIGRATE, POST),
    "replay/<int:number>/<int:rejection>/take": (MIGRATE, POST),
}
OTHERWISE = {STEP: 302, LINK: 410, UNSET: 404}
ROLES = [
    ("participant", "viewer"),
    ("participant", "submitter"),
    ("participant", "team_admin"),
    ("registry", "operator"),
    ("registry", "approver"),
    ("regulator", "auditor"),
]


def test_every_address_is_classified():
    assert set(addresses.routes(get_resolver().url_patterns)) == set(ROUTES)


def test_every_right_has_holders_and_every_role_is_known():
    assert set(access.HOLDERS) == set(access.Right)
    assert set().union(*access.HOLDERS.values()) | access.ORGANISATION == set(User.Role)


@pytest.fixture
def paths(cast, settings, tmp_path):
    """Each address with something real behind it, that belongs to Alder."""
    return addresses.filled(ROUTES, addresses.values(cast, settings, tmp_path))


def test_without_signing_in_only_the_public_pages_answer(paths):
    for route, (needs, methods) in ROUTES.items():
        for method in methods - ({"post"} if needs == PUBLIC else set()):
            answer = getattr(Client(), method)(paths[route])
            if needs in OTHERWISE:
                assert answer.status_code == OTHERWISE[needs], route
            elif needs == PUBLIC:
                assert answer.status_code == 200, route
            else:
                assert answer.headers.get("Location", "").startswith("/sign-in"), route


@pytest.mark.parametrize(("kind", "role"), ROLES)
def test_each_role_gets_what_it_may(cast, paths, kind, role):
    home = {"participant": cast.alder, "registry": make.registry()}.get(kind)
    client = signed_in(make.person(home or make.organisation(kind), role))
    user = User.objects.get(id=client.session["_auth_user_id"])

    for route, (needs, methods) in ROUTES.items():
        if "get" not in methods or needs in (PUBLIC, *OTHERWISE):
            continue
        answer = client.get(paths[route])
        if needs in access.Right and not access.may(user, needs):
            assert answer.status_code == 403, (role, route)
            assert needs.label in answer.content.decode()
        elif route == "approvals/several/<uuid:key>":
            # What came of a form is for the approver who sent it.
            assert answer.status_code == 404, (role, route)
        elif needs == SUBMIT and "<" in route and user.organisation_id != cast.alder.id:
            # The registry asks for others; it does not finish what they began.
            assert answer.status_code == 404, (role, route)
        elif needs == STAFF:
            # Nobody is invited.
            assert answer.status_code == 404, (role, route)
        else:
            assert answer.status_code in (200, 302), (role, route)


def test_an_outsider_finds_nothing_of_alder(cast, paths):
    client = signed_in(cast.outsider)

    for route, (needs, methods) in ROUTES.items():
        if "<" in route and needs in (OWN, SUBMIT, PERSONAL):
            for method in methods:
                assert getattr(client, method)(paths[route]).status_code == 404, (route, method)


def test_somebody_elses_answers_as_what_is_not_there(cast, paths):
    absent = {"<int:number>": 999_999, "<str:code>": "NONE", "<int:block_id>": 999_999,
              "<str:number>": "SOL-99", "<str:commodity>/<str:number>": "SOL/99999"}  # fmt: skip
    nowhere = addresses.filled(ROUTES, {"": {**absent, **addresses.MADE_UP}})
    client = signed_in(cast.outsider)

    for route, (needs, methods) in ROUTES.items():
        if any(part in route for part in absent) and needs in (OWN, SUBMIT) and "get" in methods:
            path = "/" + route if route.split("/")[0] == "facilities" else nowhere[route]
            theirs, none = client.get(paths[route]), client.get(path.replace("<str:code>", "NONE"))
            assert theirs.status_code == none.status_code == 404, route
            assert _without_tokens(theirs) == _without_tokens(none), route


def _without_tokens(answer):
    return re.sub(r'value="[^"]{64}"|[0-9a-f]{32}', "", answer.content.decode())


@pytest.mark.parametrize(("kind", "role"), ROLES)
def test_a_post_without_the_right_changes_nothing(cast, paths, kind, role):
    home = {"participant": cast.alder, "registry": make.registry()}.get(kind)
    client = signed_in(make.person(home or make.organisation(kind), role))
    user = User.objects.get(id=client.session["_auth_user_id"])

    for route, (needs, methods) in ROUTES.items():
        if "post" in methods and needs in access.Right and not access.may(user, needs):
            assert client.post(paths[route]).status_code == 403, (role, route)


def test_the_wrong_method_is_refused(cast, paths):
    client = signed_in(cast.marsh)

    for route, (_, methods) in ROUTES.items():
        for method in ({"get", "post"} if methods else set()) - methods:
            assert getattr(client, method)(paths[route]).status_code in (403, 405), (route, method)
