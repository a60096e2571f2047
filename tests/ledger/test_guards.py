"""The canonical tables: rows are added, whole, once, at their own time, and then never touched."""

import pytest
from psycopg import sql

from tests import make
from tests.ledger.forge import WRITERS, Forger, an_approved_transfer, refused
from tests.proof import prove
from tests.washing import stage_of

CANONICAL = (
    "transactions",
    "assets",
    "transaction_items",
    "transaction_item_inputs",
    "credits_debits",
    "chain",
)

REWRITES = {
    "update": "UPDATE ledger.{table} SET {key} = {key}",
    "update of no row": "UPDATE ledger.{table} SET {key} = {key} WHERE false",
    "delete": "DELETE FROM ledger.{table}",
    "merge": "MERGE INTO ledger.{table} t USING ledger.{table} s ON t.{key} = s.{key}"
    " WHEN MATCHED THEN DELETE",
    "truncate": "TRUNCATE ledger.{table}",
    "truncate cascade": "TRUNCATE ledger.{table} CASCADE",
    "upsert": "INSERT INTO ledger.{table} OVERRIDING SYSTEM VALUE SELECT * FROM ledger.{table}"
    " ON CONFLICT ON CONSTRAINT {constraint} DO UPDATE SET {key} = EXCLUDED.{key}",
}
CONSTRAINTS = {"transaction_item_inputs": "transaction_item_inputs_input_spent_once_pk"}


stage = stage_of(an_approved_transfer)


@pytest.fixture
def approved(staged):
    return staged


def rewrite(command: str, table: str) -> sql.Composed:
    return sql.SQL(REWRITES[command]).format(
        table=sql.Identifier(table),
        key=sql.Identifier("request_id" if table == "transactions" else "transaction_id"),
        constraint=sql.Identifier(CONSTRAINTS.get(table, f"{table}_pk")),
    )


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("command", REWRITES)
def test_history_is_never_rewritten(committed_db, approved, command, writer):
    forger = Forger(committed_db, writer)
    # The writer lacks the right; who has it meets the guard.
    name = "42501" if writer == "ledger_writer" else "APPEND_ONLY_VIOLATION"

    for table in CANONICAL:
        with refused(name), forger.connection.transaction():
            forger.connection.execute(rewrite(command, table))

    prove(committed_db)


@pytest.mark.parametrize("writer", ["ledger_owner", "replica"])
@pytest.mark.parametrize("table", ["registry_account", "registry_organisation", "registry_user"])
def test_truncating_a_reference_table_does_not_reach_history(committed_db, writer, table):
    forger = Forger(committed_db, writer)

    with refused("APPEND_ONLY_VIOLATION"):
        forger.run(f"TRUNCATE public.{table} CASCADE")


# ---- sealed


def posting(forger, transaction, block):
    forger.post(transaction, block["asset_id"], block["account_id"], credit=5)


def item(forger, transaction, block):
    forger.create(transaction, block)


def spent(forger, transaction, block):
    forger.consume(transaction, block["id"])


def batch(forger, transaction, block):
    forger.run(
        "INSERT INTO ledger.assets (transaction_id, commodity_id, facility_id, region_id,"
        " production_start, production_end, first_no, last_no, volume)"
        " SELECT transaction_id, commodity_id, facility_id, region_id, production_start,"
        " production_end, 101, 110, 10 FROM ledger.assets"
    )


def copied(forger, transaction, block):
    with forger.connection.cursor().copy("COPY ledger.credits_debits FROM STDIN") as copy:
        copy.write_row(
            (transaction["id"], 99, block["asset_id"], 1, block["account_id"], 5, 0, 105)
        )


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("add", [posting, item, spent, copied])
def test_nothing_joins_a_transaction_of_an_earlier_database_transaction(
    committed_db, approved, add, writer
):
    forger = Forger(committed_db, writer)
    old = forger.run("SELECT * FROM ledger.transactions ORDER BY id DESC LIMIT 1")[0]

    with refused("TRANSACTION_SEALED"):
        add(forger, old, forger.blocks(approved.source_id)[0])


@pytest.mark.parametrize("writer", WRITERS)
def test_no_batch_joins_an_earlier_mint(committed_db, approved, writer):
    forger = Forger(committed_db, writer)

    with refused("TRANSACTION_SEALED"):
        batch(forger, None, None)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("add", [posting, item, copied])
def test_nothing_joins_a_transaction_once_it_is_in_its_chain(committed_db, approved, add, writer):
    forger = Forger(committed_db, writer)
    transaction, block = forger.move(approved)
    forger.close(approved, transaction)

    with refused("TRANSACTION_SEALED"):
        add(forger, transaction, block)


def test_history_stays_sealed_after_a_restore_used_its_transaction_number_again(
    committed_db, approved
):
    forger = Forger(committed_db, "postgres")
    # After a restore numbers start again: this session gets the number that the row was written in.
    for table in ("transactions", "chain"):
        forger.run(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
    forger.run("DELETE FROM ledger.chain WHERE height = 2")
    old = forger.run(
        "UPDATE ledger.transactions SET written_in = pg_current_xact_id() WHERE id = 2 RETURNING *"
    )[0]

    with refused("TRANSACTION_SEALED"):
        posting(forger, old, forger.blocks(approved.source_id)[0])


# ---- stamped


@pytest.mark.parametrize("writer", WRITERS)
def test_the_database_states_when_it_learnt_of_a_transaction_whatever_it_is_told(
    committed_db, approved, writer
):
    forger = Forger(committed_db, writer)

    header = forger.header(approved, recorded_at="2001-01-01T00:00Z", written_in="3")

    assert header["recorded_at"] >= header["occurred_at"]
    assert header["written_in"] == str(forger.one("SELECT pg_current_xact_id()::text"))


@pytest.mark.parametrize("writer", WRITERS)
def test_a_link_is_computed_whatever_it_is_told(committed_db, approved, writer):
    forger = Forger(committed_db, writer)
    transaction, _ = forger.move(approved)
    forger.execute(approved, transaction)

    link = forger.link(
        transaction, height=77, prev_hash=b"\1", hash=b"\2", recorded_at="2001-01-01T00:00Z"
    )

    assert link["height"] == 3
    assert link["recorded_at"] == transaction["recorded_at"]
    forger.commit()
    prove(committed_db)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    ("age", "name"),
    [("1 minute", "BACKDATING_FORBIDDEN"), ("-1 minute", "EFFECTIVE_AT_IN_FUTURE")],
)
def test_a_transaction_happens_now(committed_db, approved, writer, age, name):
    forger = Forger(committed_db, writer)
    occurred_at = forger.one("SELECT clock_timestamp() - %s::interval", age)

    with refused(name):
        forger.header(approved, occurred_at=occurred_at)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("transaction_id", [0, -5, 2**62])
def test_a_transaction_takes_the_next_id(committed_db, approved, writer, transaction_id):
    forger = Forger(committed_db, writer)
    transaction = forger.header(approved, id=transaction_id)

    with refused("CHAIN_BROKEN"):
        forger.link(transaction)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_link_is_of_its_transactions_commodity(committed_db, approved, writer):
    forger = Forger(committed_db, writer)
    transaction, _ = forger.move(approved)

    with refused("CHAIN_BROKEN"):
        forger.link(transaction, commodity_id=make.commodity().id)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_link_of_an_old_transaction_is_refused(committed_db, approved, writer):
    forger = Forger(committed_db, writer)

    with refused("CHAIN_BROKEN"):
        forger.insert("chain", commodity_id=approved.commodity_id, transaction_id=2)


def test_a_link_is_not_older_than_the_one_below(committed_db, approved):
    forger = Forger(committed_db, "ledger_owner")
    # Recorded first, linked last: its id is made to fit, its time cannot be.
    transaction = forger.header(approved, id=60)
    make.mint(make.account(), 5)
    forger.run("SELECT setval('ledger.transactions_id_seq', 60)")

    with refused("CLOCK_REGRESSION"):
        forger.link(transaction)


# ---- constraints of the tables


@pytest.mark.parametrize(
    ("sides", "name"),
    [
        ({"credit": 0, "debit": 0}, "credits_debits_posting_one_side_ck"),
        ({"credit": 5, "debit": 5}, "credits_debits_posting_one_side_ck"),
        ({"credit": -5}, "credits_debits_posting_one_side_ck"),
        ({"debit": -5}, "credits_debits_posting_one_side_ck"),
    ],
)
def test_a_posting_has_one_positive_side(committed_db, approved, sides, name):
    forger = Forger(committed_db)
    transaction = forger.header(approved)

    with refused(name):
        forger.post(transaction, 1, approved.source_id, **sides)


@pytest.mark.parametrize(
    "fault",
    [
        {"volume": 7},
        {"first_no": 0},
        {"first_no": 50, "last_no": 49},
        {"volume": 0},
        {"volume": -1},
    ],
)
def test_the_volume_of_a_block_is_its_range(committed_db, approved, fault):
    forger = Forger(committed_db)
    transaction = forger.header(approved)

    with refused("transaction_items_volume_is_range_ck"):
        forger.create(transaction, forger.blocks(approved.source_id)[0], **fault)


@pytest.mark.parametrize(
    ("first_no", "fault", "name"),
    [
        (100, {}, "assets_asset_range_overlap_ex"),
        (1, {}, "assets_asset_range_overlap_ex"),
        (102, {}, "BATCH_NOT_CONTIGUOUS"),
        (101, {"volume": 9}, "assets_volume_is_range_ck"),
        (0, {}, "assets_volume_is_range_ck"),
        (101, {"production_end": "2025-01-01"}, "assets_period_ordered_ck"),
    ],
)
def test_batches_follow_each_other(committed_db, approved, first_no, fault, name):
    forger = Forger(committed_db)
    request = make.approve(make.mint_request(approved.target, 10))

    with refused(name):
        forger.mint(request, first_no, **fault)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_batch_comes_with_a_mint(committed_db, approved, writer):
    forger = Forger(committed_db, writer)
    approved.facility = make.facility(approved.source.organisation)
    approved.facility_id = approved.facility.id
    approved.production_start = approved.production_end = "2026-01-01"

    with refused("POSTING_MISSING", "assets_batch_minted"):
        forger.mint(approved, 101)


def test_a_request_is_executed_once(committed_db, approved):
    forger = Forger(committed_db)
    forger.header(approved)

    with refused("transactions_one_per_request_uq"):
        forger.header(approved)
