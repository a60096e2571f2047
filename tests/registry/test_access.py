"""Every address and every role: the table is made from the addresses that exist."""

from datetime import date

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ledgerdb.reads import rows
from registry import access, services
from registry.models import User
from tests import make
from tests.portal import replays
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
    "replay/<int:number>": (EVERYTHING, GET),
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


def routes(patterns, before=""):
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, before + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield before + str(pattern.pattern)


def test_every_address_is_classified():
    assert set(routes(get_resolver().url_patterns)) == set(ROUTES)


def test_every_right_has_holders_and_every_role_is_known():
    assert set(access.HOLDERS) == set(access.Right)
    assert set().union(*access.HOLDERS.values()) | access.ORGANISATION == set(User.Role)


# What leads nowhere, whoever asks.
MADE_UP = {
    "<int:factor>": 1,
    "<str:token>": "made-up",
    "<str:provider_id>": "oidc",
    "^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)$": "reset-password/a-b",
}
# What the codes in these addresses name; in the others, an account.
CODES = {
    "errors": "RANGE_INVALID", "organisations": "ALD", "facilities": "FG", "commodities": "SOL",
}  # fmt: skip


def an_upload(cast):
    """Return the number of an upload whose one row is submitted."""
    asks = {"source": cast.source, "target": cast.target, "commodity": cast.commodity, "volume": 1}
    upload = services.keep_upload(
        submitter=cast.marsh,
        kind="transfer",
        idempotency_key=make.key(),
        name="list.csv",
        size=1,
        sha256="0" * 64,
        rows=[(2, asks)],
    )
    services.submit_upload(number=upload.number, submitter=cast.marsh)
    return upload.number


def an_issue_with_evidence(cast, settings, directory):
    """Return the number of a submitted issue that a file goes with."""
    settings.EVIDENCE_DIR = directory
    file = services.keep_evidence(uploader=cast.marsh, name="a.pdf", type="pdf", content=b"%PDF-")
    item = make.request("mint", cast.marsh, facility=cast.facility, evidence=file)
    return item.number


def a_policy(cast):
    """Return a rule that lets certificates change their region."""
    return services.allow_region_change(
        commodity=cast.commodity,
        from_region=make.region(),
        to_region=make.region(),
        valid_from=date(2026, 1, 1),
    )


@pytest.fixture
def paths(cast, settings, tmp_path):
    """Each address with something real behind it, that belongs to Alder."""
    waiting = cast.submitted(1)
    cast.executed(2)
    retired = make.retire(cast.source, 3, commodity=cast.commodity)
    statement = rows("SELECT reference FROM ledger.statement(%s)", [retired.transaction_id])
    block = rows("SELECT max(item_id) AS id FROM ledger.leaves")[0]["id"]
    together = services.decide_several(
        approver=cast.approver, key=make.key(), decision="approve", reason="", numbers=[]
    )
    upload, issue = an_upload(cast), an_issue_with_evidence(cast, settings, tmp_path)
    special = {route: {"<int:number>": upload} for route in ROUTES if "uploads" in route}
    special["requests/<int:number>/evidence"] = {"<int:number>": issue}
    special |= {route: {"<int:number>": retired.number} for route in ROUTES if "statement" in route}
    run = replays.rehearsed()
    rejection = run.rejections.latest("id")
    decided = replays.decided(rejection, make.operator())
    special |= {
        route: {
            "<int:number>": decided.pk if "variances" in route else run.pk,
            "<int:rejection>": rejection.pk,
        }
        for route in ROUTES
        if route.startswith("replay/")
    }
    values = {
        "<uuid:key>": together.key,
        "<str:commodity>/<str:number>": "SOL/1000",
        "<int:batch_id>": rows("SELECT min(id) AS id FROM ledger.assets")[0]["id"],
        "<int:run_id>": services.reconcile(),
        "<int:number>": waiting.number,
        "<str:code>": "ALD-01",
        "<int:block_id>": block,
        "<str:number>": "SOL-2",
        "<str:reference>": statement[0]["reference"],
        "<int:rule_id>": a_policy(cast).id,
        "<uuid:person>": cast.marsh.id,
        "<uuid:invitation>": cast.marsh.id,
        **MADE_UP,
    }
    filled = {}
    for route in ROUTES:
        path = "/" + route
        if (kind := route.split("/")[0]) in CODES:
            path = path.replace("<str:code>", CODES[kind])
        for name, value in {**values, **special.get(route, {})}.items():
            path = path.replace(name, str(value))
        filled[route] = path
    return filled


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
