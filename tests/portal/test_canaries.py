"""No name of a third organisation reaches another one: pages, pieces, sheets and files."""

import io

import pypdf
import pytest
from django.test import Client

from ledgerdb.reads import rows
from registry import dates, services
from registry.models import User
from tests import make
from tests.portal import addresses
from tests.portal.cast import signed_in
from tests.registry.test_access import ROUTES

# Stands in every text of the third organisation, in no text of the portal, and in no address.
CANARY = "zebrafinch"
# Its codes: they stand in addresses, and a page may say back what was typed.
CODE = "ZEBRA9"


@pytest.fixture
def third(cast, settings, tmp_path):
    """Somebody of whom everything is named; Cobalt sends to them what Alder sent to Cobalt."""
    settings.EVIDENCE_DIR = tmp_path / "third"
    home = make.organisation(
        code=CODE,
        name=f"{CANARY} Power",
        registration_no=f"{CANARY} 1",
        address=f"1 {CANARY} street",
        contact=f"office@{CANARY}.example",
    )
    account = make.account(organisation=home, code=f"{CODE}-01", name=f"{CANARY} trading")
    make.account(
        organisation=home, type="retirement", code=f"{CODE}-RET", name=f"{CANARY} retirement"
    )
    plant = make.facility(home, code=f"{CODE}-F", name=f"{CANARY} plant")
    person = make.person(home, name=f"{CANARY} person", email=f"person@{CANARY}.example")
    make.transfer(cast.source, cast.target, 300, commodity=cast.commodity)
    sent = make.transfer(cast.target, account, 100, commodity=cast.commodity, note=f"{CANARY} note")
    retired = make.retire(
        account, 40, commodity=cast.commodity, beneficiary=f"Town of {CANARY}",
        beneficiary_place=CANARY, reason=f"{CANARY} supply",
    )  # fmt: skip
    make.mint(account, 50, facility=plant, commodity=cast.commodity)
    issue = _issue_with_a_file(person, plant, cast)
    back = make.request(
        "transfer", person, cast.commodity, source=account, target=cast.target, volume=1,
        note=f"{CANARY} note",
    )  # fmt: skip
    services.reject_request(
        request_id=back.id, approver=cast.approver, reason=f"{CANARY} is under review"
    )
    return {
        "sent": sent,
        "retired": retired,
        "issue": issue,
        "upload": _a_list(person, account, cast),
    }


def _issue_with_a_file(person, plant, cast):
    file = services.keep_evidence(
        uploader=person, name=f"{CANARY}.pdf", type="pdf", content=CANARY.encode()
    )
    return make.request(
        "mint", person, cast.commodity, facility=plant, evidence=file, note=f"{CANARY} note"
    )


def _a_list(person, account, cast):
    return services.keep_upload(
        submitter=person,
        kind="transfer",
        idempotency_key=make.key(),
        name=f"{CANARY}.csv",
        size=1,
        sha256="0" * 64,
        rows=[(2, {"source": account, "target": cast.target, "commodity": cast.commodity,
                   "volume": 1, "note": f"{CANARY} note"})],
    )  # fmt: skip


def _stands_for(third):
    """Return what leads to the third organisation's own things, as somebody may guess."""
    number = third["issue"].number
    everywhere = {
        "<uuid:key>": make.key(),
        "<str:commodity>/<str:number>": "SOL/1001",
        "<int:batch_id>": rows("SELECT max(id) AS id FROM ledger.assets")[0]["id"],
        "<int:run_id>": 1,
        "<int:number>": number,
        "<str:code>": f"{CODE}-01",
        "<int:block_id>": rows("SELECT max(item_id) AS id FROM ledger.leaves")[0]["id"],
        "<str:number>": "SOL-3",
        "<str:reference>": "0000-0000-0000-0000",
        "<int:rule_id>": 1,
        "<uuid:person>": User.objects.get(name=f"{CANARY} person").id,
        "<uuid:invitation>": make.key(),
        **addresses.MADE_UP,
    }
    retired = {"<int:number>": third["retired"].number}
    upload = {"<int:number>": third["upload"].number}
    special = {route: retired for route in ROUTES if "statement" in route}
    return {"": everywhere, **special, **{route: upload for route in ROUTES if "uploads" in route}}


def _paths(cast, third, settings, directory):
    known = [route for route, (_, methods) in ROUTES.items() if "get" in methods]
    own = addresses.filled(known, addresses.values(cast, settings, directory))
    foreign = addresses.filled(known, _stands_for(third))
    for route in ("organisations/<str:code>", "facilities/<str:code>"):
        kind = route.split("/")[0]
        code = CODE if kind == "organisations" else f"{CODE}-F"
        foreign[route] = f"/{kind}/{code}"
    # A statement of anybody is public to who holds its reference.
    del foreign["verify/<str:reference>"]
    blocks = rows("SELECT id FROM ledger.transaction_items ORDER BY id")
    today = f"{dates.today():%Y-%m-%d}"
    return list(dict.fromkeys([
        *own.values(),
        *foreign.values(),
        *(f"/blocks/{block['id']}" for block in blocks),
        *(f"/transactions/SOL-{height}" for height in range(1, 8)),
        *(f"/certificates/SOL/{number}" for number in (1, 250, 301, 1001)),
        *(f"/accounts/ALD-01/holdings{sheet}?at=SOL-{height}" for height in (2, 4, 6)
          for sheet in ("", ".csv")),
        f"/holdings?as_of={today}", f"/holdings.csv?account={CODE}-01",
        f"/holdings?account={CODE}-01",
        "/requests?show=done", "/requests?show=needs", "/transactions?kind=transfer",
        f"/search?q={CODE}-01", f"/search?q={CODE}", "/search?q=SOL+301", "/search?q=SOL-3",
        f"/requests/new/transfer?copy={third['sent'].number}", "/no-such-page",
    ]))  # fmt: skip


def _said(answer):
    """Return everything that an answer says: its text, headers, and the text of a PDF."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = content.decode("utf-8", "replace")
    if content.startswith(b"%PDF-1") and len(content) > 500:
        text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)
    return f"{text}{answer.headers}".lower()


@pytest.mark.parametrize("role", ["viewer", "submitter", "team_admin"])
def test_nothing_of_a_third_organisation_is_said(cast, third, settings, tmp_path, role):
    paths = _paths(cast, third, settings, tmp_path / "own")
    person = make.person(cast.alder, role, password=make.PASSWORD)
    found = 0

    for client in (signed_in(person), Client()):
        for path in paths:
            answer = client.get(path)
            text = _said(answer)
            found += answer.status_code == 200
            assert CANARY not in text, path
            if CODE not in path:
                assert CODE.lower() not in text, path
    assert found > 60


@pytest.mark.parametrize("target", ["sums", "result", "timeline-steps", "receivers", "main"])
def test_no_piece_of_a_page_says_more_than_the_page(cast, third, settings, tmp_path, target):
    client = signed_in(cast.marsh)

    for path in _paths(cast, third, settings, tmp_path / "own"):
        text = _said(client.get(path, headers={"HX-Request": "true", "HX-Target": target}))
        assert CANARY not in text, path


def test_the_canary_sings_where_it_may(cast, third):
    """The words are looked for as they are written: those who may, see them."""
    sings = {
        f"/requests/{third['issue'].number}": ["person", "note", ".pdf"],
        f"/requests/{third['retired'].number}": ["town of"],
        f"/organisations/{CODE}": ["power", "street", "office@"],
        f"/facilities/{CODE}-F": ["plant"],
    }
    own = signed_in(User.objects.get(name=f"{CANARY} person"))
    staff = signed_in(make.operator())

    for path, words in sings.items():
        text = _said(staff.get(path))
        for word in words:
            assert word in text, (path, word)
        assert CANARY in text, path
    assert CANARY in _said(own.get(f"/requests/{third['issue'].number}/evidence"))
