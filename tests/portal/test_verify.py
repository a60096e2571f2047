"""Anybody checks a statement by its reference, and learns nothing else."""

import itertools
import logging
import re

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledgerdb.reads import rows
from registry.reference import SYMBOLS, NotAReference, grouped, tidy
from tests import make
from tests.ledger.wrongs import tamper
from tests.portal.cast import signed_in
from tests.portal.test_statement import CLAIM, many_ranges, plain


def reference_of(item):
    found = rows("SELECT reference FROM ledger.statement(%s)", [item.transaction_id])
    return grouped(found[0]["reference"])


def retire(cast, volume=10, **asks):
    return make.retire(cast.source, volume, commodity=cast.commodity, **{**CLAIM, **asks})


@pytest.fixture
def published(cast):
    """Ten certificates retired by Alder, for anybody to read for whom."""
    return retire(cast, claim_published=True)


@pytest.fixture
def discreet(cast):
    """Ten certificates retired by Alder, for whom is nobody's business."""
    return retire(cast)


def look_up(reference, query="", client=None):
    return (client or Client()).get(f"/verify/{reference}{query}")


def test_a_genuine_statement_is_called_genuine_and_says_what_was_retired(cast, published):
    page = look_up(reference_of(published))

    text = plain(page)
    assert page.status_code == 200
    assert "Genuine: 10 retired by Alder Wind on" in text
    for said in (
        "Town of Exampleton, Exampleton, CZ",
        "Supply of 2026",
        "Fieldgate Solar",
        "North region",
        "SOL-2, link 2 of the chain",
        "Blocks in the retirement account that received them, unused: 1 of 1.",
        "was worked out again from what is stored",
        page.context["statement"].facts["hash"],
    ):
        assert said in text, said


def test_a_claim_that_was_not_published_stays_where_it_was_made(cast, discreet):
    text = plain(look_up(reference_of(discreet)))

    assert "Genuine: 10 retired by Alder Wind" in text
    assert "Not published. The statement itself says for whom and why." in text
    assert not re.search(r"Exampleton|\bCZ\b|Supply of 2026", text)


@pytest.mark.parametrize("signed", [True, False])
def test_the_page_shows_a_stranger_nothing_else(cast, published, signed):
    canary = make.organisation(code="CANARY", name="Canary Power")
    other = make.account(organisation=canary, code="CAN-01")
    make.transfer(cast.source, other, 50, commodity=cast.commodity, note="Canary note")
    make.retire(other, 5, commodity=cast.commodity, beneficiary="Canary Town", reason="Canary")

    client = signed_in(cast.outsider) if signed else Client()
    reference = reference_of(published)
    page = look_up(reference, client=client)
    main = page.content.decode().partition("<main")[2]
    for random in (reference, page.context["statement"].facts["hash"]):
        main = main.replace(random, "")

    hidden = ["Canary", "CAN-", "ALD-", "Marsh", "Okafor", "@", "Cobalt", "Registry operator"]
    hidden += [str(published.number), str(published.id), str(published.idempotency_key)]
    hidden += [str(cast.source.pk), str(published.target_id), cast.facility.code + "<", "/blocks/"]
    assert [name for name in hidden if name in main] == []
    assert "/requests/" not in main
    assert "/transactions/" not in main


def test_what_the_page_reads_is_what_the_public_may_read(cast, published):
    facts = look_up(reference_of(published)).context["statement"].facts

    assert not {"request_number", "request_id", "account"} & set(facts)


# -- What is typed


@pytest.mark.parametrize(
    "typed",
    [
        str.lower,
        lambda r: r.replace("-", ""),
        lambda r: r.replace("-", " "),
        lambda r: "  " + r.replace("-", " \N{EN DASH} ") + "\t",
        lambda r: r.replace("0", "O"),
        lambda r: r.replace("0", "o").replace("1", "l"),
        lambda r: r.replace("1", "I"),
    ],
)
def test_case_spaces_and_look_alikes_are_forgiven(cast, published, typed):
    reference = reference_of(published)

    answer = Client().get("/verify", {"reference": typed(reference)})

    assert answer.headers["Location"] == f"/verify/{reference}"
    assert look_up(typed(reference)).context["statement"].is_confirmed


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Type the reference of the statement."),
        ("7K3M", "A reference has 16 digits and letters. This has 4."),
        ("A" * 21, "This has 21."),
        ("0000-0000-0000-0001", "There is a mistake in it."),
        ("UUUU-0000-0000-0000", "never the letter U"),
        ("\N{FULLWIDTH DIGIT SEVEN}K3M-QX9D-F200-006C", "only digits and letters"),
        ("<script>", "only digits and letters"),
        ("A" * 61, "at most 60 characters"),
        ("\0" * 16, "Null characters are not allowed."),
    ],
)
def test_what_cannot_be_a_reference_is_named_and_kept(cast, typed, sentence):
    answer = Client().get("/verify", {"reference": typed})

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert answer.context["form"]["reference"].value() == typed
    assert "<script>" not in answer.content.decode()


def unknown_ones(item):
    """Return what is no reference, nearly one, or one of something that was not retired."""
    right = reference_of(item).replace("-", "")
    yield from ("0000-0000-0000-0000", "ABC", "%00", "é", "'--", right[:-1], right + "0", "a" * 300)
    for place in (0, 9, 12, 15):
        yield right[:place] + ("2" if right[place] != "2" else "3") + right[place + 1 :]
    for row in rows(
        "SELECT ledger.statement_reference(t.request_id, c.height, c.hash) AS made"
        " FROM ledger.transactions t JOIN ledger.chain c ON c.transaction_id = t.id"
        " WHERE t.kind <> 'retire'"
    ):
        yield row["made"]


def test_every_unknown_reference_is_answered_alike(cast, published):
    cast.executed(3)

    answers = [look_up(each) for each in unknown_ones(published)]

    typed = re.compile(r'\s?value="[^"]*"')
    assert len({typed.sub("", answer.content.decode()) for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {404}
    assert "No retirement has this reference" in plain(answers[0])


def test_every_unknown_reference_asks_the_same_of_the_database(cast, published):
    asked = []
    for each in unknown_ones(published):
        with CaptureQueriesContext(connections["default"]) as queries:
            look_up(each)
        asked.append(
            [re.sub(r"'.*'", "", query["sql"]) for query in queries if "ledger" in query["sql"]]
        )

    assert all(each == asked[0] for each in asked)
    assert len(asked[0]) == 1


# -- What the ledger says now


def test_a_ledger_that_was_tampered_with_is_not_called_genuine(
    cast, published, committed_db, caplog
):
    reference = reference_of(published)
    tamper(
        committed_db,
        "transaction_items",
        "UPDATE ledger.transaction_items SET account_id ="
        f" '{cast.source.pk}' WHERE transaction_id = {published.transaction_id} AND first_no = 11",
        "UPDATE ledger.transaction_items SET region_id = region_id + 0, last_no = last_no - 1,"
        f" volume = volume - 1 WHERE transaction_id = {published.transaction_id} AND first_no = 1",
    )

    with caplog.at_level(logging.CRITICAL):
        page = look_up(reference)

    text = plain(page)
    assert "Not confirmed: the ledger does not agree with its own record" in text
    assert "Genuine" not in text
    assert "is not the one that the chain holds" in text
    assert "is not confirmed by the ledger" in caplog.text


def test_a_retired_block_that_is_held_again_is_not_called_genuine(cast, published, committed_db):
    tamper(
        committed_db,
        "leaves",
        f"UPDATE ledger.leaves SET account_id = '{cast.source.pk}' WHERE first_no = 1",
    )

    text = plain(look_up(reference_of(published)))

    assert "Not confirmed" in text
    assert "unused: 0 of 1." in text


def test_a_long_statement_is_read_in_parts(cast):
    done, numbers = many_ranges(cast, 150)

    first = look_up(reference_of(done)).context["statement"]
    second = look_up(reference_of(done), f"?after={first.after}").context["statement"]

    assert [part["first_no"] for part in (*first.ranges, *second.ranges)] == numbers
    assert second.after is None


# -- How it is served


@pytest.mark.parametrize("path", ["/verify", "/verify?reference=x", "/verify/x", "/verify/{right}"])
def test_nobody_keeps_or_lists_what_was_answered(cast, published, path):
    answer = Client().get(path.format(right=reference_of(published)))

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert '<meta name="robots" content="noindex, nofollow">' in answer.content.decode()
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert not answer.cookies


@pytest.mark.parametrize("path", ["/verify", "/verify/{right}"])
def test_looking_changes_nothing(cast, published, path):
    path = path.format(right=reference_of(published))

    for method in ("post", "put", "delete", "patch"):
        assert getattr(Client(), method)(path).status_code == 405


def test_who_asks_too_often_waits_and_others_do_not(cast, published):
    reference = reference_of(published)
    mine, theirs = Client(REMOTE_ADDR="198.51.100.7"), Client(REMOTE_ADDR="198.51.100.8")
    for _ in range(30):
        assert look_up("0000-0000-0000-0000", client=mine).status_code == 404

    stopped = look_up(reference, client=mine)

    assert stopped.status_code == 429
    assert "Too many attempts" in plain(stopped)
    assert stopped.headers["Retry-After"] == "60"
    assert stopped.headers["Cache-Control"] == "no-store"
    assert look_up(reference, client=theirs).status_code == 200
    cache.clear()


def test_no_header_of_the_visitor_changes_who_is_counted(cast, published):
    client = Client(REMOTE_ADDR="198.51.100.9")

    statuses = [
        client.get("/verify/x", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code
        for n in range(31)
    ]

    assert statuses == [404] * 30 + [429]
    cache.clear()


def test_who_is_not_signed_in_is_led_here(cast):
    page = Client().get("/sign-in").content.decode()

    assert 'href="/verify"' in page
    assert 'action="/verify"' in page
    assert 'href="/sign-in"' in Client().get("/verify").content.decode()


# -- References on their own


def test_groups_are_of_four():
    assert grouped("7K3MQX9DF200006C1") == "7K3M-QX9D-F200-006C-1"


def test_two_exchanged_symbols_are_noticed():
    right = "7GTP0EN3ZR0018M2"
    right = next(text for symbol in SYMBOLS if is_one(text := right[:15] + symbol))

    for one, other in itertools.combinations(range(16), 2):
        wrong = [*right]
        wrong[one], wrong[other] = right[other], right[one]
        assert is_one("".join(wrong)) == (right[one] == right[other])


def is_one(text):
    try:
        return tidy(text) == text
    except NotAReference:
        return False
