"""The chain: no gap, nothing changed, removed or swapped unnoticed, and the same everywhere."""

from datetime import date

import psycopg
import pytest
from psycopg import sql

from ledgerdb import reads
from registry.models import Request
from tests import make
from tests.ledger import look, past
from tests.ledger.wrongs import tamper
from tests.server import Database, django_uses

CLAIM = {
    "beneficiary": "Town of Exampleton",
    "beneficiary_country": "CZ",
    "beneficiary_place": "Exampleton",
    "reason": "Supply of 2026",
    "consumption_start": date(2026, 1, 1),
    "consumption_end": date(2026, 1, 31),
}
NONE = b"\0" * 32


def a_history() -> list[Request]:
    """Let four things happen: heights 1 to 4. Return their requests."""
    source, target = make.account(), make.account()
    make.commodity(months_to_expiry=120)
    return [
        make.mint(source, 100, source_serial="GO-1"),
        make.transfer(source, target, 30),
        make.retire(target, 10, **CLAIM),
        make.transfer(source, target, 20),
    ]


def bad_height(first: int = 1, last: int | None = None) -> int | None:
    return look.bad_height(make.default_commodity().pk, first, last)


# -- Sound


def test_an_empty_chain_holds(committed_db):
    assert reads.verify_chain(make.commodity().pk) is None


def test_every_transaction_is_one_link_above_the_one_before(committed_db):
    history = a_history()

    links = look.rows("SELECT height, transaction_id FROM ledger.chain ORDER BY height")

    assert links == [(n, request.transaction_id) for n, request in enumerate(history, 1)]
    assert bad_height() is None


def test_each_link_names_the_hash_below_it(committed_db):
    a_history()

    links = look.rows("SELECT prev_hash, hash FROM ledger.chain ORDER BY height")

    assert [bytes(below) for below, _ in links] == [NONE, *(bytes(own) for _, own in links[:-1])]
    assert len({bytes(own) for _, own in links}) == 4


def test_each_commodity_has_a_chain_of_its_own(committed_db):
    sun, wind, target = make.commodity(), make.commodity(), make.account()

    for commodity in (sun, wind, sun):
        make.mint(target, 5, commodity=commodity)

    assert look.rows("SELECT commodity_id, height FROM ledger.chain ORDER BY transaction_id") == [
        (sun.pk, 1),
        (wind.pk, 1),
        (sun.pk, 2),
    ]
    assert reads.verify_chain(sun.pk) is reads.verify_chain(wind.pk) is None


def test_a_refused_request_leaves_no_gap(committed_db):
    source, target = make.account(holding=10), make.account()
    for volume in (3, 99, 4, 99):
        look.outcome(make.approved_transfer(source, target, volume))

    assert look.rows("SELECT height FROM ledger.chain ORDER BY height") == [(1,), (2,), (3,)]
    assert bad_height() is None


@pytest.mark.parametrize(("first", "last"), [(1, 4), (2, 3), (3, None), (4, 4)])
def test_part_of_a_chain_can_be_verified(committed_db, first, last):
    a_history()

    assert bad_height(first, last) is None


def test_a_chain_asked_beyond_its_top_does_not_hold(committed_db):
    a_history()

    assert bad_height(1, 6) == 5


def test_heads_are_reported_with_their_hashes(committed_db):
    a_history()

    (top,) = look.rows("SELECT hash FROM ledger.chain WHERE height = 4")

    assert reads.chain_heads() == {make.default_commodity().pk: (4, bytes(top[0]))}


# -- Changed: each column of each canonical table, of the transaction at one height

EDITS = {
    ("transactions", "kind"): (2, "kind = 'expire'"),
    ("transactions", "request_id"): (2, "request_id = gen_random_uuid()"),
    ("transactions", "commodity_id"): (2, "commodity_id = commodity_id + 1"),
    ("transactions", "actor_id"): (2, "actor_id = gen_random_uuid()"),
    ("transactions", "occurred_at"): (2, "occurred_at = occurred_at + interval '1 microsecond'"),
    ("transactions", "recorded_at"): (2, "recorded_at = recorded_at + interval '1 microsecond'"),
    ("assets", "transaction_id"): (1, "transaction_id = transaction_id + 1"),
    ("assets", "commodity_id"): (1, "commodity_id = commodity_id + 1"),
    ("assets", "facility_id"): (1, "facility_id = gen_random_uuid()"),
    ("assets", "region_id"): (1, "region_id = region_id + 1"),
    ("assets", "production_start"): (1, "production_start = production_start - 1"),
    ("assets", "production_end"): (1, "production_end = production_end + 1"),
    ("assets", "first_no"): (1, "first_no = 2, volume = 99"),
    ("assets", "last_no"): (1, "last_no = 99, volume = 99"),
    ("assets", "volume"): (1, "first_no = 101, last_no = 250, volume = 150"),
    ("assets", "transferable_until"): (1, "transferable_until = now()"),
    ("assets", "expires_at"): (1, "expires_at = now()"),
    ("assets", "source_serial"): (1, "source_serial = 'GO-2'"),
    ("transaction_items", "transaction_id"): (2, "transaction_id = transaction_id + 1"),
    ("transaction_items", "asset_id"): (2, "asset_id = asset_id + 1"),
    ("transaction_items", "account_id"): (2, "account_id = gen_random_uuid()"),
    ("transaction_items", "region_id"): (2, "region_id = region_id + 1"),
    ("transaction_items", "first_no"): (2, "first_no = first_no + 1, volume = volume - 1"),
    ("transaction_items", "last_no"): (2, "last_no = last_no - 1, volume = volume - 1"),
    ("transaction_items", "volume"): (2, "last_no = last_no + 1, volume = volume + 1"),
    ("transaction_items", "input_id"): (2, "input_id = input_id + 1"),
    ("transaction_item_inputs", "item_id"): (2, "item_id = item_id + 100"),
    ("transaction_item_inputs", "transaction_id"): (2, "transaction_id = transaction_id + 2"),
    ("credits_debits", "transaction_id"): (2, "transaction_id = transaction_id + 100"),
    ("credits_debits", "line"): (2, "line = line + 10"),
    ("credits_debits", "asset_id"): (2, "asset_id = asset_id + 1"),
    ("credits_debits", "commodity_id"): (2, "commodity_id = commodity_id + 1"),
    ("credits_debits", "account_id"): (2, "account_id = gen_random_uuid()"),
    ("credits_debits", "credit"): (2, "credit = debit, debit = credit"),
    ("credits_debits", "debit"): (2, "credit = credit * 2, debit = debit * 2"),
    ("credits_debits", "balance_after"): (2, "balance_after = balance_after + 1"),
    ("chain", "commodity_id"): (2, "commodity_id = commodity_id + 1"),
    ("chain", "height"): (4, "height = 5"),
    ("chain", "transaction_id"): (4, "transaction_id = transaction_id + 1"),
    ("chain", "recorded_at"): (2, "recorded_at = recorded_at + interval '1 microsecond'"),
    ("chain", "prev_hash"): (2, "prev_hash = sha256('')"),
    ("chain", "hash"): (2, "hash = sha256('')"),
}
# An id given by the database cannot be updated; written_in is of this server alone and a restore
# changes its meaning.
NOT_EDITED = {
    ("transactions", "id"),
    ("transactions", "written_in"),
    ("assets", "id"),
    ("transaction_items", "id"),
}


def test_every_column_of_the_history_is_edited_here(committed_db):
    columns = look.rows(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'ledger' AND table_name = ANY (%s)",
        list(look.KEYS)[:6],
    )

    assert set(columns) == {*EDITS, *NOT_EDITED}


def edit(database: Database, table: str, request: Request, statement: str) -> None:
    key = "id" if table == "transactions" else "transaction_id"
    tamper(
        database,
        table,
        statement.format(table=f"ledger.{table}", of=f"{key} = {request.transaction_id}"),
    )


@pytest.mark.parametrize(("table", "column"), EDITS)
def test_an_edit_is_found_at_its_height(committed_db, table, column):
    history = a_history()
    height, assignment = EDITS[table, column]
    where = "ctid = (SELECT min(ctid) FROM {table} WHERE {of})"
    edit(
        committed_db, table, history[height - 1], f"UPDATE {{table}} SET {assignment} WHERE {where}"
    )

    assert bad_height() == height


@pytest.mark.parametrize(
    ("table", "height"),
    [
        ("transactions", 2),
        ("assets", 1),
        ("transaction_items", 2),
        ("transaction_item_inputs", 2),
        ("credits_debits", 2),
        ("chain", 2),
        ("chain", 4),
        ("transactions", 4),
    ],
)
def test_a_removal_is_found_at_its_height(committed_db, table, height):
    history = a_history()

    edit(committed_db, table, history[height - 1], "DELETE FROM {table} WHERE {of}")

    assert bad_height() == height


def test_a_whole_transaction_cut_from_the_top_is_found(committed_db):
    last = a_history()[-1]

    for table in list(look.KEYS)[:6]:
        edit(committed_db, table, last, "DELETE FROM {table} WHERE {of}")

    assert bad_height() == 4


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (
            "credits_debits",
            "SELECT transaction_id, 9, asset_id, commodity_id, account_id, credit, debit,"
            " balance_after FROM {table} WHERE {of} LIMIT 1",
        ),
        ("transaction_item_inputs", "SELECT 999, transaction_id FROM {table} WHERE {of}"),
    ],
)
def test_an_addition_is_found_at_its_height(committed_db, table, row):
    history = a_history()

    edit(committed_db, table, history[1], f"INSERT INTO {{table}} {row}")

    assert bad_height() == 2


def test_a_transaction_outside_the_chain_is_found(committed_db):
    first = a_history()[0]

    edit(
        committed_db,
        "transactions",
        first,
        "INSERT INTO {table} (kind, request_id, commodity_id, actor_id, occurred_at, recorded_at,"
        " written_in) SELECT kind, gen_random_uuid(), commodity_id, actor_id, now(), now(),"
        " written_in FROM {table} WHERE {of}",
    )

    assert bad_height() == 5


def test_a_last_transaction_that_is_gone_with_its_link_is_found(committed_db):
    last = a_history()[-1].transaction_id

    tamper(committed_db, "chain", f"DELETE FROM ledger.chain WHERE transaction_id = {last}")
    tamper(committed_db, "transactions", f"DELETE FROM ledger.transactions WHERE id = {last}")

    assert bad_height() == 4


def test_two_transactions_that_changed_places_are_found(committed_db):
    history = a_history()
    second, fourth = history[1].transaction_id, history[3].transaction_id

    tamper(
        committed_db,
        "chain",
        f"UPDATE ledger.chain SET transaction_id = -1 WHERE transaction_id = {second}",
        f"UPDATE ledger.chain SET transaction_id = {second} WHERE transaction_id = {fourth}",
        f"UPDATE ledger.chain SET transaction_id = {fourth} WHERE transaction_id = -1",
    )

    assert bad_height() == 2


def test_two_accounts_that_changed_places_are_found(committed_db):
    first, second = a_history()[:2]
    accounts = f"'{second.source_id}', '{second.target_id}'"

    edit(
        committed_db,
        "transaction_items",
        second,
        "UPDATE {table} SET account_id ="
        f" (CASE account_id WHEN {accounts.replace(', ', ' THEN ')}"
        f" ELSE '{first.target_id}' END)::uuid WHERE {{of}}",
    )

    assert bad_height() == 2


@pytest.mark.parametrize(
    ("column", "new"),
    [
        ("beneficiary", "reverse(beneficiary)"),
        ("beneficiary", "beneficiary || 's'"),
        ("beneficiary_country", "reverse(beneficiary_country)"),
        ("beneficiary_place", "reverse(beneficiary_place)"),
        ("reason", "reverse(reason)"),
        ("consumption_start", "consumption_start + 1"),
        ("consumption_end", "consumption_end + 1"),
    ],
)
def test_a_retirement_claimed_for_another_is_found(committed_db, column, new):
    third = a_history()[2]

    with psycopg.connect(committed_db.dsn()) as connection:
        connection.execute("ALTER TABLE registry_request DISABLE TRIGGER USER")
        connection.execute(
            f"UPDATE registry_request SET {column} = {new} WHERE id = %s", (third.pk,)
        )

    assert bad_height() == 3


def test_an_edit_below_the_part_asked_for_is_not_its_business(committed_db):
    second = a_history()[1]

    edit(committed_db, "transactions", second, "UPDATE {table} SET kind = 'expire' WHERE {of}")

    assert (bad_height(3), bad_height(1, 1), bad_height(2, 2)) == (None, None, 2)


def test_a_forged_hash_breaks_the_link_above_it(committed_db):
    second = a_history()[1]
    edit(committed_db, "transactions", second, "UPDATE {table} SET kind = 'expire' WHERE {of}")
    edit(
        committed_db,
        "chain",
        second,
        "UPDATE {table} l SET hash ="
        " ledger.link_hash(prev_hash, height, ledger.transaction_content(t))"
        " FROM ledger.transactions t WHERE t.id = l.transaction_id AND l.{of}",
    )

    assert bad_height() == 3


# -- The same everywhere


def in_the_past(number: int) -> dict:
    return {"occurred_at": past.at(f"2026-06-{number:02}")}


def copy_of(database: Database) -> Database:
    """Copy a database as it is, with no row of history yet, but with other ids to come."""
    name = f"{database.name}_copy"
    database.sign_everybody_out()
    database.server.administer(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(database.name)
        )
    )
    copy = Database(name, database.server)
    with psycopg.connect(copy.dsn(), autocommit=True) as connection:
        for table in ("transactions", "assets", "transaction_items"):
            connection.execute(f"SELECT setval('ledger.{table}_id_seq', 1000)")
        connection.execute(f"ALTER DATABASE {name} SET TimeZone = 'Asia/Kathmandu'")
    return copy


def hashes_of(database: Database, requests: list[Request]) -> list[tuple]:
    with django_uses(database.server, database.name):
        assert [look.outcome(request, using="replay") for request in requests] == ["done"] * 4
        assert bad_height() is None
        return look.rows("SELECT height, encode(hash, 'hex') FROM ledger.chain ORDER BY height")


def test_the_same_history_in_two_databases_has_the_same_hashes(committed_db):
    past.allow(committed_db)
    source, target = make.account(), make.account()
    make.commodity(months_to_expiry=120)
    requests = [
        make.approve(request)
        for request in (
            make.mint_request(source, 100, source_serial="GO-1", **in_the_past(1)),
            make.transfer_request(source, target, 30, **in_the_past(2)),
            make.retire_request(target, 10, **in_the_past(3)),
            make.transfer_request(source, target, None, ranges=((40, 50),), **in_the_past(4)),
        )
    ]
    copy = copy_of(committed_db)

    here, there = (hashes_of(database, requests) for database in (committed_db, copy))

    assert here == there
    assert len(here) == 4
