"""Each constraint of the ledger's tables on its own, where no guard would speak before it."""

import pytest
from psycopg.types.json import Jsonb

from tests import make
from tests.ledger.forge import Forger, refused
from tests.ledger.wrongs import tamper

# What is changed in a copy of the newest row, so that only the one constraint stands against it.
COPIES = {
    "transactions_pk": {"request_id": "00000000-0000-0000-0000-000000000001"},
    "transactions_one_per_request_uq": {"id": 999},
    "assets_pk": {"transaction_id": 999, "first_no": 501, "last_no": 600},
    "assets_one_per_transaction_uq": {"id": 999, "first_no": 501, "last_no": 600},
    "assets_asset_range_overlap_ex": {"id": 999, "transaction_id": 999},
    "assets_source_serial_uq": {
        "id": 999, "transaction_id": 999, "first_no": 501, "last_no": 600,
    },
    "assets_facility_fk": {
        "id": 999, "transaction_id": 999, "first_no": 501, "last_no": 600, "source_serial": None,
        "facility_id": "00000000-0000-0000-0000-000000000001",
    },
    "assets_commodity_fk": {"id": 999, "transaction_id": 999, "commodity_id": 999},
    "assets_region_fk": {
        "id": 999, "transaction_id": 999, "first_no": 501, "last_no": 600, "source_serial": None,
        "region_id": 999,
    },
    "transaction_items_pk": {},
    "transaction_item_inputs_input_spent_once_pk": {"transaction_id": 999},
    "credits_debits_pk": {},
    "chain_pk": {"transaction_id": 999},
    "chain_one_link_per_transaction_uq": {"height": 999},
    "leaves_pk": {"first_no": 501},
    "leaves_numbers_uq": {"item_id": 999},
    "account_balances_pk": {},
    "account_balances_account_fk": {"account_id": "00000000-0000-0000-0000-000000000001"},
    "heads_pk": {},
    "changes_pk": {},
    "changes_something_changed_ck": {"id": 999, "before": None, "after": None},
    "change_windows_pk": {},
    "change_windows_purpose_ck": {"id": 999, "purpose": "fun"},
    "reconciliations_pk": {"key": "00000000-0000-0000-0000-000000000001"},
    "reconciliations_key_uq": {"id": 999},
    "stops_pk": {},
    "sums_of_one_ck": {"height": 999, "asset_id": 1, "region_id": 1},
    "error_codes_pk": {"sqlstate": "LX999"},
    "error_codes_sqlstate_uq": {"code": "ANOTHER"},
    "error_codes_sqlstate_ck": {"code": "ANOTHER", "sqlstate": "P0001"},
}  # fmt: skip


def table_of(constraint: str) -> str:
    tables = (
        "transaction_item_inputs", "transaction_items", "transactions", "assets", "credits_debits",
        "chain", "leaves", "account_balances", "heads", "changes", "change_windows",
        "reconciliations", "error_codes", "stops", "sums",
    )  # fmt: skip
    return next(table for table in tables if constraint.startswith(table))


@pytest.mark.parametrize("constraint", COPIES)
def test_a_constraint_holds_without_any_guard(committed_db, constraint):
    source, target = make.account(), make.account()
    make.mint(source, 100, source_serial="KEPT-1")
    make.transfer(source, target, 30)
    forger = Forger(committed_db, "postgres")
    forger.run("SELECT ledger.record_reconciliation(gen_random_uuid(), NULL)")
    table = table_of(constraint)
    forger.run(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER")

    with refused(constraint):
        forger.run(
            f"INSERT INTO ledger.{table} OVERRIDING SYSTEM VALUE"
            f" SELECT (jsonb_populate_record(t, %s)).* FROM ledger.{table} t LIMIT 1",
            Jsonb(COPIES[constraint]),
        )


def test_a_batch_does_not_join_an_earlier_mint_even_without_its_key(committed_db):
    make.account(holding=100)
    forger = Forger(committed_db, "postgres")
    forger.run("ALTER TABLE ledger.assets DROP CONSTRAINT assets_one_per_transaction_uq")

    with refused("TRANSACTION_SEALED"):
        forger.run(
            "INSERT INTO ledger.assets (transaction_id, commodity_id, facility_id, region_id,"
            " production_start, production_end, first_no, last_no, volume)"
            " SELECT transaction_id, commodity_id, facility_id, region_id, production_start,"
            " production_end, 101, 110, 10 FROM ledger.assets"
        )


def test_a_leaf_does_not_become_that_of_another_block(committed_db):
    source, target = make.account(holding=100), make.account(holding=50)
    forger = Forger(committed_db, "ledger_owner")
    lost, kept = forger.blocks(source)[0], forger.blocks(target)[0]
    forger.commit()
    tamper(committed_db, "leaves", f"DELETE FROM ledger.leaves WHERE item_id = {lost['id']}")

    with refused("LEAF_SHORTFALL"):
        forger.run(
            "UPDATE ledger.leaves l SET item_id = i.id, account_id = i.account_id,"
            " asset_id = i.asset_id, region_id = i.region_id, first_no = i.first_no,"
            " last_no = i.last_no, volume = i.volume"
            " FROM ledger.transaction_items i WHERE i.id = %s AND l.item_id = %s",
            lost["id"],
            kept["id"],
        )


def test_a_leaf_is_not_turned_into_one_of_thin_air(committed_db):
    make.transfer(make.account(holding=100), make.account(), 100)
    forger = Forger(committed_db, "ledger_owner")
    # What was spent may go, so that it is not missed: only what is put in its place is wrong.
    spent = forger.one("SELECT min(id) FROM ledger.transaction_items")
    forger.commit()
    tamper(committed_db, "leaves", f"UPDATE ledger.leaves SET item_id = {spent}")

    with refused("LEAF_SHORTFALL"):
        forger.run("UPDATE ledger.leaves SET item_id = 4711")


def test_the_column_that_lets_the_writer_lock_an_account_says_nothing(committed_db):
    account = make.account()

    with refused("registry_account_ledger_lock_ck"):
        Forger(committed_db).run(
            "UPDATE public.registry_account SET ledger_lock = 1 WHERE id = %s", account.id
        )
