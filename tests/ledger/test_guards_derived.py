"""The derived tables cannot leave the history; and nothing done to constraints or errors helps."""

import psycopg
import pytest

from tests import make
from tests.ledger.forge import WRITERS, Forger, an_approved_transfer, refused
from tests.ledger.wrongs import tamper
from tests.proof import prove
from tests.washing import stage_of

BALANCES = "UPDATE ledger.account_balances SET"


stage = stage_of(an_approved_transfer)


@pytest.fixture
def approved(staged):
    return staged


@pytest.fixture(params=WRITERS)
def forger(request, committed_db) -> Forger:
    return Forger(committed_db, request.param)


# ---- balances


@pytest.mark.parametrize(
    "change",
    [
        "balance = balance + 1 WHERE balance > 0",
        "balance = 0",
        "issues = true, balance = 0 WHERE balance > 0",
        "account_id = gen_random_uuid(), balance = 0 WHERE balance = 10",
        "commodity_id = 77, balance = 0",
    ],
)
def test_a_stored_balance_is_what_was_posted(forger, approved, change):
    with refused("BALANCE_DRIFT"):
        forger.run(f"{BALANCES} {change}")


@pytest.mark.parametrize("fault", [{"balance": 5}, {"balance": -5, "issues": True}])
def test_a_balance_without_postings_is_zero(forger, approved, fault):
    with refused("BALANCE_DRIFT"):
        forger.insert(
            "account_balances",
            account_id=make.account().id,
            commodity_id=approved.commodity_id,
            **fault,
        )


def test_a_balance_is_not_replaced_by_an_upsert(forger, approved):
    with refused("BALANCE_DRIFT"):
        forger.run(
            "INSERT INTO ledger.account_balances SELECT * FROM ledger.account_balances"
            " ON CONFLICT ON CONSTRAINT account_balances_pk DO UPDATE SET balance = 0"
        )


@pytest.mark.parametrize("command", ["DELETE FROM", "TRUNCATE"])
def test_the_writer_has_no_right_to_empty_a_derived_table(committed_db, approved, command):
    forger = Forger(committed_db)

    for table in ("account_balances", "heads"):
        with refused("42501"), forger.connection.transaction():
            forger.run(f"{command} ledger.{table}")
    with refused("42501"):
        forger.run("TRUNCATE ledger.leaves")


@pytest.mark.parametrize("writer", ["ledger_owner", "replica"])
def test_a_balance_row_stays(committed_db, approved, writer):
    forger = Forger(committed_db, writer)

    with refused("BALANCE_DRIFT"):
        forger.run("DELETE FROM ledger.account_balances")


# ---- unspent blocks


def test_an_unspent_block_stays(forger, approved):
    with refused("LEAF_SHORTFALL"):
        forger.run("DELETE FROM ledger.leaves")


def test_a_spent_block_is_not_counted_as_held_beside_its_children(forger, approved):
    spent = forger.run("SELECT * FROM ledger.transaction_items ORDER BY id LIMIT 1")[0]

    with refused("SPENT_INPUT_STILL_LEAF"):
        forger.leaf(spent, approved.commodity_id, first_no=501, last_no=600)


@pytest.mark.parametrize(
    "fault",
    [
        {"account_id": "00000000-0000-0000-0000-000000000001"},
        {"asset_id": 99},
        {"region_id": 99},
        {"first_no": 501, "last_no": 600},
        {"volume": 1_000},
        {"commodity_id": 99},
    ],
)
def test_an_unspent_block_says_what_its_canonical_row_says(committed_db, forger, approved, fault):
    block = forger.blocks(approved.source_id)[0]
    forger.commit()
    tamper(committed_db, "leaves", f"DELETE FROM ledger.leaves WHERE item_id = {block['id']}")

    with refused("LEAF_SHORTFALL"):
        forger.leaf(block, **{"commodity_id": approved.commodity_id, **fault})


def test_a_block_that_never_was_is_not_counted_as_held(forger, approved):
    block = forger.blocks(approved.source_id)[0]

    with refused("LEAF_SHORTFALL"):
        forger.leaf({**block, "id": 4711}, approved.commodity_id, first_no=501, last_no=600)


@pytest.mark.parametrize("numbers", [(1, 200), (50, 60), (100, 150), (11, 11)])
def test_unspent_blocks_share_no_number(forger, approved, numbers):
    first_no, last_no = numbers
    block = forger.blocks(approved.source_id)[0]
    other = {**block, "id": 4711, "first_no": first_no, "last_no": last_no}

    with pytest.raises(psycopg.Error) as caught:
        forger.leaf(other, approved.commodity_id)

    said = {caught.value.diag.message_primary, caught.value.diag.constraint_name}
    assert said & {"LEAF_RANGE_OVERLAP", "leaves_numbers_uq"}


@pytest.mark.parametrize(
    "change",
    ["volume = volume + 1", "account_id = gen_random_uuid()", "item_id = item_id + 1000"],
)
@pytest.mark.parametrize("writer", WRITERS)
def test_an_unspent_block_is_never_edited(committed_db, approved, writer, change):
    forger = Forger(committed_db, writer)

    with refused("42501" if writer == "ledger_writer" else "LEAF_SHORTFALL"):
        forger.run(f"UPDATE ledger.leaves SET {change}")


# ---- what might let a fault through


def unbalanced(forger, approved) -> None:
    """Write a transaction with a lone posting."""
    transaction = forger.header(approved)
    asset = forger.blocks(approved.source_id)[0]["asset_id"]
    forger.post(transaction, asset, approved.target_id, credit=5)


def deferring(forger, approved):
    forger.run("SET CONSTRAINTS ALL DEFERRED")


def a_released_savepoint(forger, approved):
    forger.run("SAVEPOINT a")
    forger.run("RELEASE SAVEPOINT a")


def swallowing_the_refusal(forger, approved):
    forger.run("DO $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; EXCEPTION WHEN OTHERS THEN NULL; END $$")


def swallowing_it_by_a_savepoint(forger, approved):
    forger.run("SAVEPOINT a")
    with refused("POSTING_IMBALANCE"):
        forger.run("SET CONSTRAINTS ALL IMMEDIATE")
    forger.run("ROLLBACK TO SAVEPOINT a")


def giving_up_the_role(forger, approved):
    forger.run("RESET ROLE")


def a_function_called_after_it(forger, approved):
    # The five functions set constraints themselves: others' faults must not pass on the way.
    forger.run("RESET ROLE")
    forger.run("SET search_path = pg_temp, public")


def settings_of_the_session(forger, approved):
    for name in ("row_security = off", "check_function_bodies = off", "ledger.ddl_ticket = 'open'"):
        forger.run(f"SET {name}")


TRICKS = (
    deferring,
    a_released_savepoint,
    swallowing_the_refusal,
    swallowing_it_by_a_savepoint,
    giving_up_the_role,
    a_function_called_after_it,
    settings_of_the_session,
)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_lets_an_unbalanced_transaction_commit(forger, approved, trick):
    unbalanced(forger, approved)

    with refused("POSTING_IMBALANCE"):
        trick(forger, approved)
        forger.commit()


def test_a_fault_written_inside_a_savepoint_is_seen(forger, approved):
    with refused("POSTING_IMBALANCE"):
        with forger.connection.transaction(), forger.connection.transaction():
            unbalanced(forger, approved)
        forger.commit()


def test_a_fault_rolled_back_leaves_no_trace(committed_db, forger, approved):
    forger.run("SAVEPOINT a")
    unbalanced(forger, approved)
    forger.run("ROLLBACK TO SAVEPOINT a")

    forger.commit()

    prove(committed_db)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_stricter_level_sees_the_fault_too(forger, approved, level):
    forger.run(f"SET TRANSACTION ISOLATION LEVEL {level}")
    unbalanced(forger, approved)

    with refused("POSTING_IMBALANCE"):
        forger.commit()


def test_a_caller_who_makes_constraints_immediate_does_not_make_a_transfer_fail(
    committed_db, approved
):
    service = committed_db.connect("ledger_service")
    service.execute("SET CONSTRAINTS ALL IMMEDIATE")

    service.execute("SELECT ledger_api.transfer(%s, %s)", (approved.id, approved.approver_id))
    service.commit()

    prove(committed_db)


# ---- names


@pytest.fixture
def misled(committed_db, forger) -> Forger:
    """Let a session find operators of somebody's own first, which answer with what suits them."""
    with committed_db.connect("postgres", autocommit=True) as superuser:
        superuser.execute("CREATE SCHEMA evil")
        superuser.execute("GRANT USAGE ON SCHEMA evil TO PUBLIC")
        for operator, left, right, answer in (
            ("<>", "name", "name", "no"), ("=", "name", "name", "no"), ("=", "text", "text", "no"),
            (">", "integer", "integer", "no"),
            (">", "bigint", "integer", "yes"), ("=", "bigint", "integer", "yes"),
            ("=", "bigint", "bigint", "yes"),
        ):  # fmt: skip
            superuser.execute(
                f"CREATE OR REPLACE FUNCTION evil.{answer}({left}, {right}) RETURNS boolean"
                f" LANGUAGE sql IMMUTABLE AS $$SELECT '{answer}'::boolean$$"
            )
            superuser.execute(
                f"CREATE OPERATOR evil.{operator} (FUNCTION = evil.{answer}, LEFTARG = {left},"
                f" RIGHTARG = {right})"
            )
        superuser.execute(
            "CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql"
            " AS $$SELECT 'none'$$"
        )
    return forger


def test_no_operator_of_ones_own_makes_a_writer_one_who_is_let_by(misled, approved):
    block = misled.blocks(approved.source_id)[0]
    misled.run("SET search_path = evil, pg_catalog")

    with refused("LEAF_SHORTFALL"):
        misled.leaf({**block, "id": 4711}, approved.commodity_id, first_no=501, last_no=600)


@pytest.mark.parametrize(
    ("table", "columns", "constraint"),
    [
        ("transaction_items", {"volume": -5}, "transaction_items_volume_is_range_ck"),
        ("credits_debits", {"debit": -5}, "credits_debits_posting_one_side_ck"),
    ],
)
def test_no_operator_of_ones_own_makes_a_wrong_row_right(
    misled, approved, table, columns, constraint
):
    (row,) = misled.run(f"SELECT * FROM ledger.{table} LIMIT 1")
    row.pop("id", None)
    misled.run("SET search_path = evil, pg_catalog")

    with refused("23514", constraint):
        misled.insert(table, **{**row, **columns})
