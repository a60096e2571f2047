"""What holds on every page."""

import re

import pytest
from django.conf import settings
from django.test import Client

from ledgerdb.reads import rows
from tests import make
from tests.portal.cast import signed_in


def requests_of(draft, waiting):
    """Return the pages on which a submitter asks."""
    return [
        "/requests/new/transfer",
        "/requests/new/issue",
        "/requests/new/bulk",
        "/requests/uploads",
        "/receivers?target=cob",
        "/senders?source=ald",
        f"/requests/{draft.number}/details",
        f"/requests/{draft.number}/check",
        f"/requests/{draft.number}/discard",
        f"/requests/{waiting.number}/withdraw",
    ]


@pytest.fixture
def everything(cast):
    """One page of each kind, for a submitter and for an approver."""
    draft, waiting, done = cast.draft(1), cast.submitted(2), cast.executed(3)
    retired = make.retire(cast.source, 4, commodity=cast.commodity)
    reference = rows("SELECT reference FROM ledger.statement(%s)", [retired.transaction_id])
    block = rows("SELECT max(item_id) AS id FROM ledger.leaves")[0]["id"]
    shared = [
        "/",
        "/accounts",
        "/accounts/ALD-01/holdings",
        "/accounts/ALD-01/holdings?as_of=2026-01-31",
        "/requests",
        "/requests?show=done",
        f"/requests/{waiting.number}",
        f"/requests/{done.number}",
        "/transactions/SOL-2",
        f"/requests/{retired.number}/statement",
        f"/blocks/{block}",
        "/errors",
        "/errors/SELF_APPROVAL",
        "/nothing",
    ]
    ours = requests_of(draft, waiting)
    theirs = ["/approvals", f"/approvals/{waiting.number}", "/team"]
    shared += ["/me", "/me/confirm"]
    public = ["/sign-in", "/reset-password", "/reset-password/sent", "/reset-password/done"]
    teams = ["/team", "/team/invite", f"/team/people/{cast.marsh.id}", "/me/password"]
    return [
        (
            Client(),
            [*public, "/welcome", "/verify", "/verify/x", f"/verify/{reference[0]['reference']}"],
        ),
        (signed_in(make.person(cast.alder, "team_admin", password=make.PASSWORD)), teams),
        (signed_in(cast.marsh), shared + ours),
        (signed_in(cast.approver), shared + theirs),
        (signed_in(make.person(make.organisation("regulator"), "auditor")), shared),
    ]


def test_no_page_needs_what_the_policy_forbids(everything):
    for client, paths in everything:
        for each in paths:
            answer = client.get(each)
            text = answer.content.decode()
            policy = answer.headers["Content-Security-Policy"]
            assert answer.status_code in (200, 404), each
            assert "unsafe" not in policy
            assert "script-src 'self'" in policy
            assert not re.search(r"\sstyle=|<style|\son\w+=", text), each
            assert not re.search(r"<script(?![^>]*\ssrc=)", text), each
            assert not re.search(r'(src|href)="https?:', text), each


def test_every_page_has_one_heading_a_title_and_a_main(everything):
    for client, paths in everything:
        for each in paths:
            text = client.get(each).content.decode()
            assert text.count("<h1") == 1, each
            assert text.count("<main") == 1, each
            assert re.search("<title>[^<]+ \N{EN DASH} Strata</title>", text), each


def test_ids_are_unique_on_every_page(everything):
    for client, paths in everything:
        for each in paths:
            ids = re.findall(r'\sid="([^"]+)"', client.get(each).content.decode())
            assert len(ids) == len(set(ids)), each


def test_htmx_keeps_nothing_and_evaluates_nothing(cast):
    text = signed_in(cast.marsh).get("/").content.decode()

    for setting in ('"historyCacheSize": 0', '"allowEval": false', '"selfRequestsOnly": true'):
        assert setting in text
    assert 'hx-history="false"' in text


def test_no_button_says_cancel(everything):
    for client, paths in everything:
        for each in paths:
            assert not re.search(r">\s*Cancel\b", client.get(each).content.decode()), each


@pytest.mark.parametrize(
    "headers", [{}, {"HX-Request": "true"}, {"Origin": "https://evil.example"}]
)
def test_a_post_without_its_token_is_refused(cast, headers):
    item = cast.draft()
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.marsh)

    answer = client.post(f"/requests/{item.number}/submit", headers=headers)

    item.refresh_from_db()
    assert (answer.status_code, item.status) == (403, "draft")


def test_signing_in_needs_its_token_too(committed_db):
    assert Client(enforce_csrf_checks=True).post("/sign-in").status_code == 403


def test_another_host_is_refused(committed_db):
    assert Client().get("/sign-in", headers={"Host": "evil.example"}).status_code == 400


def test_no_page_may_be_framed(cast):
    assert signed_in(cast.marsh).get("/").headers["X-Frame-Options"] == "DENY"


def test_pages_name_no_stranger(cast):
    make.transfer(cast.source, cast.target, 300, commodity=cast.commodity)
    stranger = make.account(organisation=make.organisation(name="Canary Power"), code="CAN-01")
    make.transfer(cast.target, stranger, 100, commodity=cast.commodity)
    blocks = [row["id"] for row in rows("SELECT id FROM ledger.transaction_items")]
    client = signed_in(cast.marsh)
    paths = ["/", "/accounts", "/accounts/ALD-01/holdings", "/requests?show=done"]
    paths += [f"/transactions/SOL-{height}" for height in (1, 2, 3)]

    for each in paths + [f"/blocks/{block}" for block in blocks]:
        text = client.get(each).content.decode()
        assert "Canary" not in text, each
        assert "CAN-01" not in text, each


@pytest.mark.parametrize(
    "key", [r'"\000aaaaaaaaaaaa"', "a" * 5000, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 32]
)
def test_a_made_up_session_is_none(committed_db, key):
    cookie = f"{settings.SESSION_COOKIE_NAME}={key}"

    answer = Client().get("/", headers={"cookie": cookie})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/")
