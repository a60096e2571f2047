"""What somebody slips into one statement, or into a sequence, does not enter the history."""

import psycopg
import pytest

from tests import make
from tests.ledger import look
from tests.ledger.forge import WRITERS, Forger, refused
from tests.ledger.wrongs import tamper
from tests.proof import prove, prove_rebuild

WAYS = ("wait", "nowait")
RENUMBERED = {
    "transactions": "id",
    "transaction_items": "transaction_id",
    "transaction_item_inputs": "transaction_id",
    "credits_debits": "transaction_id",
    "chain": "transaction_id",
}


@pytest.fixture(params=WAYS)
def way(request) -> str:
    """Return how to wait: settled in one step, or the long way."""
    return request.param


def service(database, way: str) -> psycopg.Connection:
    connection = database.connect("ledger_service")
    connection.execute("SELECT set_config('ledger.lock_wait', %s, false)", (way,))
    return connection


def call(connection: psycopg.Connection, request) -> int:
    asked = (request.id, request.approver_id)
    return connection.execute("SELECT ledger_api.transfer(%s, %s)", asked).fetchone()[0]


def burnt_id(database, requests) -> int:
    """Let a transaction take an id and roll back, and the others take the next ones."""
    first, *others = requests
    connection = service(database, "wait")
    burnt = call(connection, first)
    connection.rollback()
    for request in others:
        call(connection, request)
        connection.commit()
    return burnt


def test_an_id_below_that_of_the_link_below_is_refused(committed_db, way):
    source, target = make.account(holding=100), make.account(holding=40)
    last, *others = (make.approved_transfer(source, target, n) for n in (50, 1, 2, 3))
    burnt = burnt_id(committed_db, [last, *others])
    owner = Forger(committed_db, "ledger_owner")
    owner.run("SELECT setval('ledger.transactions_id_seq', %s)", burnt - 1)
    owner.commit()

    with pytest.raises(psycopg.Error) as caught:
        call(service(committed_db, way), last)

    # The long way meets a posting that is newer than what it posts, before it comes to the link.
    assert caught.value.diag.message_primary == {
        "wait": "CHAIN_BROKEN", "nowait": "BALANCE_DRIFT",
    }[way]  # fmt: skip
    prove(committed_db)
    prove_rebuild(committed_db)


@pytest.mark.parametrize("verify", ["verify_chain", "verify_chain_slowly"])
def test_ids_that_do_not_rise_with_the_heights_are_found(committed_db, verify):
    source, target = make.account(holding=100), make.account(holding=40)
    requests = [make.approved_transfer(source, target, n) for n in (50, 1, 2, 3)]
    burnt = burnt_id(committed_db, requests)
    commodity = requests[0].commodity_id
    top, last = look.rows(
        "SELECT height, transaction_id FROM ledger.chain WHERE commodity_id = %s"
        " ORDER BY height DESC LIMIT 1",
        commodity,
    )[0]
    for table, column in RENUMBERED.items():
        tamper(
            committed_db,
            table,
            f"CREATE TEMP TABLE kept AS SELECT * FROM ledger.{table} WHERE {column} = {last}",
            f"UPDATE kept SET {column} = {burnt}",
            f"DELETE FROM ledger.{table} WHERE {column} = {last}",
            f"INSERT INTO ledger.{table} OVERRIDING SYSTEM VALUE SELECT * FROM kept",
        )

    assert look.value(f"SELECT ledger.{verify}(%s)", commodity) == top
    assert look.value(f"SELECT ledger.{verify}(%s, %s)", commodity, top) == top


@pytest.mark.parametrize("writer", ["ledger_writer", "postgres", "replica"])
def test_a_balance_changed_in_the_same_statement_is_not_what_is_posted(committed_db, writer, way):
    one, other = make.account(holding=100), make.account(holding=40)
    there, back = make.approved_transfer(one, other, 30), make.approved_transfer(other, one, 30)
    forger = Forger(committed_db, writer)
    forger.run("SELECT set_config('ledger.lock_wait', %s, false)", way)

    with refused("BALANCE_DRIFT"):
        forger.run(
            "WITH changed AS (UPDATE ledger.account_balances SET balance = balance + 1000"
            " WHERE account_id = %s RETURNING 1)"
            " SELECT ledger_api.transfer(%s, %s) AS there, ledger_api.transfer(%s, %s) AS back"
            " FROM changed",
            *(one.id, there.id, there.approver_id, back.id, back.approver_id),
        )

    forger.connection.rollback()
    prove(committed_db)


@pytest.mark.parametrize("writer", WRITERS)
def test_postings_follow_those_before_them_and_not_a_balance_of_the_moment(committed_db, writer):
    account = make.account(holding=100)
    request = make.approve(make.region_request(account, 30, None, make.region()))
    forger = Forger(committed_db, writer)
    (block,) = forger.blocks(account)
    transaction = forger.header(request)
    forger.consume(transaction, block["id"])
    forger.create(transaction, block, region_id=request.region_id, last_no=30)
    forger.create(transaction, block, first_no=31)
    said = (transaction["id"], block["asset_id"], transaction["commodity_id"], account.id)
    forger.run(
        "WITH changed AS (UPDATE ledger.account_balances SET balance = 5000"
        " WHERE account_id = %s RETURNING 1)"
        " INSERT INTO ledger.credits_debits (transaction_id, line, asset_id, commodity_id,"
        " account_id, credit, debit, balance_after)"
        " VALUES (%s, 1, %s, %s, %s, 0, 30, 5000), (%s, 2, %s, %s, %s, 30, 0, 5000)",
        *(account.id, *said, *said),
    )

    with refused("BALANCE_DRIFT", "balances_agree"):
        forger.close(request, transaction)


def test_a_stored_balance_that_is_wrong_does_not_spread(committed_db, way):
    source, target = make.account(holding=100), make.account(holding=40)
    request = make.approved_transfer(source, target, 30)
    tamper(
        committed_db,
        "account_balances",
        f"UPDATE ledger.account_balances SET balance = 500 WHERE account_id = '{source.id}'",
    )

    with refused("BALANCE_DRIFT"):
        call(service(committed_db, way), request)

    with committed_db.connect("postgres", autocommit=True) as connection:
        connection.execute("SET ROLE ledger_owner")
        connection.execute("SELECT ledger.rebuild_derived()")
    assert look.outcome(request) == "done"
    prove(committed_db)


def test_a_trigger_that_another_role_queued_is_asked_like_its_writer(committed_db):
    holder, other = make.account(holding=100), make.commodity()
    source = make.account(holding=50, commodity=other)
    request = make.approved_transfer(source, holder, 5, commodity=other)
    forger = Forger(committed_db, "ledger_deriver")
    (block,) = (each for each in forger.blocks(holder))
    transaction = forger.header(request)

    # The block is of another commodity than the transaction: so would its leaf be.
    with refused("LEAF_SHORTFALL"):
        forger.run(
            "WITH created AS (INSERT INTO ledger.transaction_items (transaction_id, asset_id,"
            " account_id, region_id, first_no, last_no, volume, input_id)"
            " VALUES (%s, %s, %s, %s, 70000, 70004, 5, %s) RETURNING 1)"
            " SELECT set_config('role', 'ledger_writer', true) || n::text"
            " FROM (SELECT count(*) AS n FROM created OFFSET 0) counted",
            *(transaction["id"], block["asset_id"], holder.id, block["region_id"], block["id"]),
        )
