"""The list of transactions: filters, pages, downloads, and in whose eyes."""

import csv
import io
import random

import pytest

from ledgerdb import journal as rows
from registry import dates
from registry.selectors import journal
from tests import make
from tests.audit import played
from tests.audit.conftest import main
from tests.portal.cast import signed_in

PAGE = "/transactions"


def numbers(page):
    return [row["number"] for row in page.context["rows"]]


def download(client, **query):
    answer = client.get("/transactions.csv", query)
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_newest_comes_first_with_from_to_and_quantity(cast, auditor):
    item = cast.executed(400)

    first, second = auditor.get(PAGE).context["rows"]

    assert (first["number"], first["kind"], first["quantity"]) == ("SOL-2", "transfer", 400)
    assert (first["giver"], first["taker"]) == ("Alder Wind", "Cobalt Grid")
    assert first["request_number"] == item.number
    assert (second["number"], second["kind"], second["quantity"]) == ("SOL-1", "mint", 1000)


@pytest.mark.parametrize("seed", [6, 7])
def test_every_filter_finds_what_a_replay_says(committed_db, seed):
    history = played.play(seed)
    other = make.commodity()
    make.mint(history.accounts[0], 3, commodity=other)
    auditor = signed_in(make.person(make.organisation("regulator"), "auditor"))
    dice = random.Random(seed)

    def expected(**wanted):
        found = []
        before = {}
        for height, step in enumerate(history.steps, 1):
            moved = {n for n, where in step.held.items() if before.get(n) != where}
            touched = {where[0] for n in moved for where in (before.get(n), step.held[n]) if where}
            before = step.held
            if (
                wanted.get("kind", step.kind) == step.kind
                and wanted.get("account", "") in ("", *touched)
                and int(wanted.get("least", 0)) <= len(moved) <= int(wanted.get("most", 10**9))
            ):
                found.append(f"{history.commodity.code}-{height}")
        return found[::-1]

    for query in (
        {},
        {"kind": "retire"},
        {"kind": "reassign_region"},
        {"account": history.accounts[1].code},
        {"account": history.accounts[1].code, "kind": "transfer"},
        {"least": str(dice.randint(1, 20))},
        {"least": "2", "most": "12", "account": history.accounts[2].code},
    ):
        page = auditor.get(PAGE, {**query, "commodity": history.commodity.code})
        assert numbers(page) == expected(**query), query


def test_pages_follow_each_other_across_commodities_without_a_gap(cast, auditor, monkeypatch):
    monkeypatch.setattr(journal, "PAGE", 3)
    wind, bio = make.commodity(code="WND", name="Wind"), make.commodity(code="BIO-2", name="Bio")
    for commodity in (wind, bio, wind, bio, wind, cast.commodity, bio):
        make.mint(cast.source, 10, commodity=commodity)
    whole, query = [], ""
    for _ in range(9):
        page = auditor.get(f"{PAGE}?{query}")
        whole += numbers(page)
        query = page.context["next"]
        if not query:
            break

    assert whole == [
        "BIO-2-3", "SOL-2", "WND-3", "BIO-2-2", "WND-2", "BIO-2-1", "WND-1", "SOL-1",
    ]  # fmt: skip


def test_a_rare_kind_is_looked_for_piece_by_piece_and_found(cast, auditor, monkeypatch):
    monkeypatch.setattr(journal, "LOOK", 2)
    make.retire(cast.source, 5, commodity=cast.commodity)
    for _ in range(5):
        make.transfer(cast.source, cast.target, 1, commodity=cast.commodity)

    first = auditor.get(PAGE, {"kind": "retire"})
    assert (numbers(first), first.context["last"]) == ([], "SOL-6")
    assert "Look further back than SOL-6" in first.content.decode()

    assert [row["number"] for row in download(auditor, kind="retire")] == ["SOL-2"]


def test_dates_include_both_their_days(cast, auditor):
    today = f"{dates.today():%Y-%m-%d}"

    assert numbers(auditor.get(PAGE, {"since": today, "until": today})) == ["SOL-1"]
    assert numbers(auditor.get(PAGE, {"until": "2020-01-01"})) == []
    assert numbers(auditor.get(PAGE, {"since": today, "account": "ALD-01"})) == ["SOL-1"]
    assert numbers(auditor.get(PAGE, {"until": "2020-01-01", "account": "ALD-01"})) == []


def test_the_last_of_a_page_never_moves_a_list_past_its_last_day(cast, auditor):
    page = auditor.get(PAGE, {"until": "2020-01-01", "after": "SOL-1"})

    assert numbers(page) == []


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("kind", "theft"),
        ("commodity", "COAL"),
        ("organisation", "Nobody"),
        ("account", "NO-01"),
        ("since", "06/07/2026"),
        ("until", "1 Jan 2999"),
        ("least", "-1"),
        ("most", "\uff11"),
        ("most", "9" * 30),
    ],
)
def test_a_bad_filter_says_so_by_its_field_and_keeps_what_was_typed(cast, auditor, name, typed):
    page = auditor.get(PAGE, {name: typed})

    assert page.status_code == 422
    assert list(page.context["mistakes"]) == [name]
    if name not in ("kind", "commodity"):
        assert f'value="{typed}"' in page.content.decode()
    assert auditor.get("/transactions.csv", {name: typed}).status_code == 422


@pytest.mark.parametrize("after", ["x", "SOL-x", "SOL-999", "\x00", "SOL-" + "9" * 30, "-1"])
def test_nonsense_as_a_place_in_the_list_is_its_start(cast, auditor, after):
    page = auditor.get(PAGE, {"after": after, "organisation": "alder wind\x00 "})

    assert page.status_code in (200, 422)
    assert numbers(auditor.get(PAGE, {"after": after})) == ["SOL-1"]


def test_an_organisation_is_found_by_code_or_name(cast, auditor):
    cast.executed(400)

    assert numbers(auditor.get(PAGE, {"organisation": "cob"})) == ["SOL-2"]
    assert numbers(auditor.get(PAGE, {"organisation": "Alder wind"})) == ["SOL-2", "SOL-1"]


def test_an_organisation_sees_the_transactions_it_took_part_in(cast):
    cast.executed(400)
    third = make.account(organisation=make.organisation(name="Canary Power"), code="CAN-01")
    make.transfer(cast.target, third, 100, commodity=cast.commodity)
    client = signed_in(cast.marsh)

    page = client.get(PAGE)

    assert numbers(page) == ["SOL-2", "SOL-1"]
    assert "Canary" not in main(page)
    assert client.get(PAGE, {"account": "CAN-01"}).status_code == 422
    assert numbers(client.get(PAGE, {"organisation": "Canary Power"})) == ["SOL-2", "SOL-1"]
    assert [row["number"] for row in download(client)] == ["SOL-2", "SOL-1"]


def test_a_sweep_shows_each_holder_its_own_quantity(cast, auditor):
    old = make.commodity(code="OLD", name="Old", months_transferable=1, months_to_expiry=1)
    make.mint(cast.source, 5, commodity=old)
    make.mint(cast.target, 7, commodity=old)
    make.done(make.expire_request(old))

    mine = signed_in(cast.marsh).get(PAGE, {"kind": "expire"})
    whole = auditor.get(PAGE, {"kind": "expire"}).context["rows"]

    assert [row["quantity"] for row in mine.context["rows"]] == [5]
    assert "Cobalt" not in main(mine)
    assert [(row["quantity"], row["givers"]) for row in whole] == [(12, 2)]


def test_a_download_has_every_row_and_goes_on_where_it_broke_off(cast, auditor, monkeypatch):
    monkeypatch.setattr(journal, "EXPORT", 2)
    for _ in range(4):
        make.transfer(cast.source, cast.target, 1, commodity=cast.commodity)

    whole = download(auditor)

    assert [row["number"] for row in whole] == [f"SOL-{n}" for n in range(5, 0, -1)]
    assert download(auditor, after="SOL-3") == whole[3:]
    assert whole[0]["quantity"] == "1"
    assert len(whole[0]["hash"]) == 64


def test_a_download_runs_nothing_in_a_spreadsheet(cast, auditor):
    villain = make.account(organisation=make.organisation(name="=cmd|'/c calc'!A1"))
    make.transfer(cast.source, villain, 1, commodity=cast.commodity)

    assert download(auditor)[0]["taker"] == "'=cmd|'/c calc'!A1"


def test_a_transaction_page_says_everything_of_its_record(cast, auditor):
    item = cast.executed(400)

    page = auditor.get("/transactions/SOL-2")
    text = main(page)

    assert "Consumed <b>1,000</b> = created <b>1,000</b>" in text
    assert "Debits <b>400</b> = credits <b>400</b>" in text
    found = page.context["transaction"]
    assert (found["previous"], found["next"], found["is_replayed"]) == ("SOL-1", None, False)
    below = auditor.get("/transactions/SOL-1").context["transaction"]
    assert found["prev_hash"] == below["hash"]
    assert found["hash"] in text
    assert str(item.idempotency_key) in text


def test_the_largest_moves_are_transfers_and_retirements(cast):
    cast.executed(400)
    make.retire(cast.source, 500, commodity=cast.commodity)

    found = rows.largest(dates.start_of(dates.today()))

    assert [(row["number"], row["quantity"]) for row in found] == [("SOL-3", 500), ("SOL-2", 400)]
