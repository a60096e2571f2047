"""The search of the header: there at once, a choice, or a sentence; nothing of anybody else's."""

import re
from urllib.parse import quote
from uuid import uuid4

import pytest

from ledgerdb import finding
from ledgerdb.reads import rows
from registry import services
from registry.selectors import requests
from tests import make
from tests.portal.cast import signed_in, somebody

TOKEN = re.compile('name="csrfmiddlewaretoken" value="[^"]*"')


def look_for(person, typed):
    return signed_in(person).get(f"/search?q={quote(typed)}")


def leads_to(person, typed):
    """Return where a search leads at once."""
    answer = look_for(person, typed)
    return answer.headers.get("Location", f"{answer.status_code} without a redirect")


def block_of(account, number):
    return rows(
        "SELECT item_id AS id FROM ledger.leaves"
        " WHERE account_id = %s AND %s BETWEEN first_no AND last_no",
        [account.id, number],
    )[0]["id"]


@pytest.mark.parametrize(
    "typed",
    [
        "SOL 777",
        "sol 777",
        "  SOL\u00a0777 ",
        "SOL #777",
        "SOL 777 \N{EN DASH} 1000",
        "SOL 777 to 1000",
        "certificate SOL 777",
    ],
)
def test_a_serial_number_leads_to_the_block_that_has_it(cast, typed):
    cast.executed(400)
    block = block_of(cast.source, 777)

    assert leads_to(cast.marsh, typed) == f"/blocks/{block}?number=777"


def test_grouped_digits_are_a_number(cast):
    make.mint(cast.source, 4000, facility=make.facility(cast.alder), commodity=cast.commodity)
    block = block_of(cast.source, 4021)

    for typed in ("SOL 4,021", "SOL 4 021", "SOL 4\u20090\u200921"):
        assert leads_to(cast.marsh, typed).startswith("/blocks/"), typed
    assert leads_to(cast.marsh, "SOL 4 021") == f"/blocks/{block}?number=4021"


def test_the_block_page_says_that_the_number_is_in_it(cast):
    page = signed_in(cast.marsh).get(leads_to(cast.marsh, "SOL 777"))

    assert page.context["number"] == 777
    assert "is in this block" in page.content.decode()


@pytest.mark.parametrize("number", ["0", "99999", "x", "\u0667", "9" * 30, "", "\x00"])
def test_a_number_that_is_not_in_the_block_is_left_out(cast, number):
    block = block_of(cast.source, 777)

    page = signed_in(cast.marsh).get(f"/blocks/{block}?number={quote(number)}")

    assert page.status_code == 200
    assert page.context["number"] is None


def test_everything_with_a_number_or_a_code_is_found(cast):
    item = cast.executed(400)
    block = block_of(cast.target, 400)

    for typed, address in {
        f"block {block}": f"/blocks/{block}",
        "SOL-2": "/transactions/SOL-2",
        "sol-2": "/transactions/SOL-2",
        f"request {item.number}": f"/requests/{item.number}",
        f"Request #{item.number}": f"/requests/{item.number}",
        str(item.idempotency_key): f"/requests/{item.number}",
        str(item.id): f"/requests/{item.number}",
        "ald-01": "/accounts/ALD-01/holdings",
    }.items():
        assert leads_to(cast.marsh, typed) == address


def test_a_statement_is_found_by_its_reference_however_it_is_written(cast):
    for typed in ("8BN1-HSA7-ES00-0DCK", "8bn1hsa7es000dck", "statement 8BN1 HSA7 ES00 0DCK"):
        assert leads_to(cast.marsh, typed) == "/verify/8BN1-HSA7-ES00-0DCK"

    assert "Nothing found" in look_for(cast.marsh, "8BN1-HSA7-ES00-0DCX").content.decode()


def test_a_request_is_found_by_its_reference_in_the_system_it_came_from(cast):
    item = services.draft_request(
        kind="transfer",
        submitter=cast.marsh,
        commodity=cast.commodity,
        source=cast.source,
        target=cast.target,
        volume=5,
        source_event="OLD-77/b",
    )

    assert leads_to(cast.marsh, "OLD-77/b") == f"/requests/{item.number}"
    assert look_for(cast.outsider, "OLD-77/b").context["found"] == []


def test_digits_that_may_mean_several_things_offer_the_choice(cast):
    wind = make.commodity(code="WND", name="Wind")
    make.mint(cast.source, 10, facility=make.facility(cast.alder), commodity=wind)

    page = look_for(cast.marsh, "2")

    labels = [each.label for each in page.context["found"]]
    assert page.status_code == 200
    assert labels == ["Certificate SOL 2", "Certificate WND 2", "Block 2"]
    assert "Choose the one that you mean" in page.content.decode()


def test_a_request_and_a_certificate_of_the_same_number_are_a_choice(cast):
    item = cast.draft(1)
    make.mint(cast.source, 1000, facility=make.facility(cast.alder), commodity=cast.commodity)

    found = look_for(cast.marsh, str(item.number)).context["found"]

    assert [each.what for each in found] == ["certificate", "request"]


def test_nothing_found_says_what_can_be_searched(cast):
    page = look_for(cast.marsh, "SOL 999999")

    assert page.status_code == 200
    assert "Nothing found for SOL 999999" in page.content.decode()
    assert "What can be searched" in page.content.decode()


def test_nothing_typed_says_what_can_be_searched(cast):
    for path in ("/search", "/search?q=", "/search?q=%20"):
        page = signed_in(cast.marsh).get(path)

        assert page.status_code == 200
        assert "What can be searched" in page.content.decode()


def test_what_is_somebody_elses_answers_like_what_does_not_exist(cast):
    item = cast.executed(400)
    block = block_of(cast.target, 400)
    found_by_alder = {
        "SOL 777": "SOL 888888",
        f"block {block}": "block 888888",
        "SOL-2": "SOL-888888",
        f"request {item.number}": "request 888888",
        str(item.idempotency_key): str(uuid4()),
        str(item.id): str(uuid4()),
        "ALD-01": "ALD-99",
        "SOL-EXPIRY": "SOL-EXPIRE",
    }

    for foreign, absent in found_by_alder.items():
        one, other = (look_for(cast.outsider, typed) for typed in (foreign, absent))
        assert one.status_code == other.status_code == 200, foreign
        assert one.context["found"] == other.context["found"] == []
        bodies = [
            TOKEN.sub("", answer.content.decode())
            .replace(f"for {typed}<", "<")
            .replace(f'value="{typed}"', "")
            for answer, typed in ((one, foreign), (other, absent))
        ]
        assert bodies[0] == bodies[1], foreign


def test_a_seller_is_led_to_the_last_block_that_it_took_part_in(cast):
    cast.executed(400)
    far = make.account(organisation=make.organisation())
    make.transfer(cast.target, far, 400, commodity=cast.commodity)
    sold = rows(
        "SELECT i.id FROM ledger.transaction_items i WHERE i.account_id = %s", [cast.target.id]
    )[0]["id"]

    assert leads_to(cast.marsh, "SOL 5") == f"/blocks/{sold}?number=5"
    assert leads_to(cast.approver, "SOL 5") == f"/blocks/{block_of(far, 5)}?number=5"
    assert signed_in(cast.marsh).get(leads_to(cast.marsh, "SOL 5")).status_code == 200


@pytest.mark.parametrize("role", ["operator", "approver", "auditor"])
def test_who_sees_everything_finds_everything(cast, role):
    item = cast.executed(400)
    person = somebody(cast, role)

    assert leads_to(person, "ALD-01") == "/accounts/ALD-01/holdings"
    assert leads_to(person, str(item.idempotency_key)) == f"/requests/{item.number}"
    assert leads_to(person, "SOL 777").startswith("/blocks/")


def test_a_draft_is_found_by_its_own_organisation_alone(cast):
    draft = cast.draft(5)

    assert leads_to(cast.marsh, f"request {draft.number}") == f"/requests/{draft.number}"
    assert look_for(cast.approver, f"request {draft.number}").context["found"] == []


@pytest.mark.parametrize(
    "typed",
    [
        "a\x00b",
        "\x00",
        "9" * 19,
        "SOL " + "9" * 60,
        "x" * 10_000,
        "\ud800",
        "SOL\x07 1",
        "\u202e12",
    ],
    ids=["nul", "nul alone", "large", "larger", "long", "surrogate", "bell", "turned"],
)
def test_what_cannot_be_searched_gets_a_sentence(cast, typed):
    answer = signed_in(cast.marsh).get("/search?q=" + quote(typed.encode("utf-8", "surrogatepass")))

    # A lone surrogate is replaced while the address is read, and is then only unknown.
    assert answer.status_code == (200 if typed == "\ud800" else 422)
    assert "500" not in answer.content.decode()[:200]


@pytest.mark.parametrize(
    "typed",
    [
        "\uff11\uff10\uff10",
        "\u0663\u0660",
        "5_000",
        "1.0",
        "+7",
        "-1",
        "0",
        "%",
        "' OR 1=1",
        "SOL-0",
        "<b>",
    ],
)
def test_odd_input_finds_nothing_and_harms_nothing(cast, typed):
    answer = look_for(cast.marsh, typed)

    assert answer.status_code == 200
    assert answer.context["found"] == []
    assert "<b>" not in answer.content.decode().split("<main")[1].split("</h1>")[0]


def test_the_field_is_on_every_page_of_who_is_signed_in(cast):
    client = signed_in(cast.marsh)

    for path in ("/", "/requests", "/accounts", "/errors", "/nowhere"):
        assert 'action="/search"' in client.get(path).content.decode(), path


def test_looking_up_a_serial_reads_no_whole_table(cast, committed_db):
    for volume in range(1, 40):
        make.transfer(cast.source, cast.target, volume, commodity=cast.commodity)
    connection = committed_db.connect("postgres", autocommit=True)
    connection.execute("ANALYZE")
    # A small table is read whole because that is cheapest; the question is whether it must be.
    connection.execute("SET enable_seqscan = off")
    plans = []
    original = finding.rows
    finding.rows = lambda statement, values: plans.append((statement, values)) or []
    try:
        for organisation in (None, cast.alder.id):
            finding.blocks_with([cast.commodity.id], 500, organisation)
            finding.block(3, organisation)
    finally:
        finding.rows = original

    for statement, values in plans:
        plan = "\n".join(
            line for (line,) in connection.execute(f"EXPLAIN (COSTS OFF) {statement}", values)
        )
        assert "Seq Scan" not in plan, plan
        assert "leaves_numbers_uq" in plan or "leaves" not in statement, plan


def test_looking_up_a_key_goes_by_its_index(cast, committed_db):
    cast.executed(1)
    connection = committed_db.connect("postgres", autocommit=True)
    connection.execute("ANALYZE")
    connection.execute("SET enable_seqscan = off")
    statement, values = (
        requests.visible(cast.approver)
        .filter(requests.with_key(uuid4()))[:10]
        .query.sql_with_params()
    )

    plan = str(connection.execute(f"EXPLAIN (COSTS OFF) {statement}", values).fetchall())

    assert "registry_request_idempotency_uq" in plan


def test_what_an_account_held_on_a_date_is_found(cast):
    answer = signed_in(cast.marsh).get("/search", {"q": "ald-01 on 31 May 2026"})

    assert answer.headers["Location"] == "/accounts/ALD-01/holdings?as_of=2026-05-31"


@pytest.mark.parametrize("day", ["31 June 2026", "06/07/2026", "1 Jan 2199"])
def test_a_date_that_is_none_is_said_in_a_sentence(cast, day):
    answer = signed_in(cast.marsh).get("/search", {"q": f"ALD-01 on {day}"})

    assert answer.status_code == 422
    assert answer.context["mistake"]


def test_nobody_elses_holdings_are_found_on_any_date(cast):
    answer = signed_in(cast.outsider).get("/search", {"q": "ALD-01 on 31 May 2026"})

    assert answer.context["found"] == []


def test_a_facility_is_found_and_an_organisation_by_who_may_open_it(cast):
    admin = make.person(cast.alder, "team_admin")
    for person, code, found in (
        (cast.marsh, "fg", "/facilities/FG"),
        (cast.outsider, "FG", None),
        (admin, "ALD", "/organisations/ALD"),
        (admin, "COB", None),
        (cast.marsh, "ALD", None),
        (cast.approver, "cob", "/organisations/COB"),
    ):
        answer = signed_in(person).get("/search", {"q": code})
        assert answer.headers.get("Location") == found, (person, code)
