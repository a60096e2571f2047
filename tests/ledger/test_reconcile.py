"""Reconciliation: silent when sound, exact when not; and the derived tables made again."""

import psycopg
import pytest

from ledgerdb import reads
from registry.models import Account
from tests import make
from tests.ledger import look
from tests.ledger.wrongs import tamper

CHECKS = ["asset_conservation", "balance_drift", "posting_balance", "spent_input"]


def a_history() -> tuple[Account, Account]:
    """Let things of every kind happen to two accounts and two commodities; return the accounts."""
    source, target = make.account(holding=100), make.account()
    make.transfer(source, target, 30)
    make.transfer(target, source, 10)
    make.retire(source, 15)
    fleeting = make.commodity(months_to_expiry=1)
    make.mint(target, 50, commodity=fleeting)
    make.done(make.expire_request(fleeting))
    return source, target


def failing() -> dict[str, int]:
    """Return the checks that found something, and how many violations."""
    checks = reads.reconcile()["checks"]
    return {name: found["violations"] for name, found in checks.items() if found["violations"] > 0}


# -- Sound


def test_an_empty_ledger_is_sound(committed_db):
    found = reads.reconcile()

    assert found["ok"] is True
    assert sorted(found["checks"]) == CHECKS
    assert found["height"] == {}


def test_a_sound_ledger_has_no_violation_and_says_what_was_examined(committed_db):
    a_history()

    found = reads.reconcile()

    assert found["ok"] is True
    assert failing() == {}
    examined = {name: check["examined"] for name, check in found["checks"].items()}
    blocks, batches = (
        look.value(f"SELECT count(*) FROM ledger.{table}")
        for table in ("transaction_items", "assets")
    )
    assert examined["spent_input"] == blocks
    assert examined["asset_conservation"] == batches == 2
    assert examined["posting_balance"] >= look.counts()["transactions"] == 6
    assert examined["balance_drift"] == len(look.everything()["account_balances"])


def test_it_says_up_to_which_height_and_when(committed_db):
    a_history()

    found = reads.reconcile()

    assert sorted(found["height"].values()) == [2, 4]
    assert found["checked_at"].startswith("20")


@pytest.mark.parametrize("login", ["ledger_auditor", "portal_web"])
def test_those_who_look_may_reconcile(committed_db, login):
    a_history()
    connection = committed_db.connect(login)

    assert connection.execute("SELECT ledger.reconcile()").fetchone()[0]["ok"] is True


def test_it_only_reads_and_takes_no_lock_that_anybody_waits_for(committed_db):
    source, target = a_history()
    reader = committed_db.connect("ledger_auditor")
    reader.read_only = True
    reader.execute("SELECT ledger.reconcile()")

    make.transfer(source, target, 5)

    locks = reader.execute(
        "SELECT DISTINCT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation IS NOT NULL"
    ).fetchall()
    assert locks == [("AccessShareLock",)]


# -- The four drifts, each planted behind the guards and found by its own check alone

BLOCK_OF_THE_SOURCE = "item_id = (SELECT min(item_id) FROM ledger.leaves)"


@pytest.mark.parametrize(
    ("check", "table", "statement"),
    [
        pytest.param(
            "spent_input",
            "leaves",
            # Only a broken index lets it in: a child starts where its consumed parent did.
            "ALTER TABLE ledger.leaves DROP CONSTRAINT leaves_numbers_uq;"
            " INSERT INTO ledger.leaves SELECT i.id, 1, i.account_id, i.asset_id, i.region_id,"
            " i.first_no, i.last_no, i.volume FROM ledger.transaction_items i"
            " JOIN ledger.transaction_item_inputs s ON s.item_id = i.id ORDER BY i.id LIMIT 1",
            id="a consumed block counted as held",
        ),
        pytest.param(
            "spent_input",
            "leaves",
            f"DELETE FROM ledger.leaves WHERE {BLOCK_OF_THE_SOURCE}",
            id="an unspent block not counted as held",
        ),
        pytest.param(
            "spent_input",
            "leaves",
            "UPDATE ledger.leaves SET account_id = (SELECT account_id FROM ledger.leaves"
            f" ORDER BY item_id DESC LIMIT 1) WHERE {BLOCK_OF_THE_SOURCE}",
            id="a block counted as held by another",
        ),
        pytest.param(
            "spent_input",
            "leaves",
            f"UPDATE ledger.leaves SET region_id = region_id + 1 WHERE {BLOCK_OF_THE_SOURCE}",
            id="a block counted in another region",
        ),
        pytest.param(
            "spent_input",
            "leaves",
            "INSERT INTO ledger.leaves SELECT 999, commodity_id, account_id, asset_id, region_id,"
            f" 9000, 9000, 1 FROM ledger.leaves WHERE {BLOCK_OF_THE_SOURCE}",
            id="a block that never was",
        ),
        pytest.param(
            "balance_drift",
            "account_balances",
            "UPDATE ledger.account_balances SET balance = balance + 1"
            " WHERE (account_id, commodity_id) IN (SELECT account_id, commodity_id"
            " FROM ledger.account_balances WHERE NOT issues ORDER BY balance DESC LIMIT 1)",
            id="a balance too high",
        ),
        pytest.param(
            "balance_drift",
            "account_balances",
            "DELETE FROM ledger.account_balances WHERE balance ="
            " (SELECT max(balance) FROM ledger.account_balances)",
            id="a balance lost",
        ),
        pytest.param(
            "balance_drift",
            "account_balances",
            "INSERT INTO ledger.account_balances SELECT gen_random_uuid(), commodity_id, 5, false"
            " FROM ledger.account_balances LIMIT 1",
            id="a balance from nowhere",
        ),
        pytest.param(
            "asset_conservation",
            "assets",
            "UPDATE ledger.assets SET last_no = last_no + 1, volume = volume + 1"
            " WHERE id = (SELECT max(id) FROM ledger.assets)",
            id="a batch that issued more than is there",
        ),
        pytest.param(
            "posting_balance",
            "credits_debits",
            "UPDATE ledger.credits_debits SET transaction_id = 999 WHERE debit = 30",
            id="a debit without its credit",
        ),
    ],
)
def test_a_planted_drift_is_reported_by_exactly_its_check(committed_db, check, table, statement):
    a_history()

    tamper(committed_db, table, statement)

    found = reads.reconcile()
    assert found["ok"] is False
    assert failing() == {check: 2 if check == "posting_balance" else 1}
    assert len(found["checks"][check]["examples"]) == failing()[check]


def test_a_transaction_without_postings_is_found(committed_db):
    source, target = a_history()
    done = make.transfer(source, target, 7)

    tamper(
        committed_db,
        "credits_debits",
        f"DELETE FROM ledger.credits_debits WHERE transaction_id = {done.transaction_id}",
    )

    (example,) = reads.reconcile()["checks"]["posting_balance"]["examples"]
    assert example["transaction"] == done.transaction_id


def test_an_example_names_the_block_and_what_is_wrong_with_it(committed_db):
    source = make.account(holding=10)
    (block,) = look.rows("SELECT item_id FROM ledger.leaves")

    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves")

    assert reads.reconcile()["checks"]["spent_input"]["examples"] == [
        {"block": block[0], "found": "unspent but not counted as held"}
    ]
    assert look.held(source) == []


def test_an_example_names_the_account_and_both_balances(committed_db):
    account = make.account(holding=10)

    tamper(
        committed_db,
        "account_balances",
        "UPDATE ledger.account_balances SET balance = 11 WHERE balance = 10",
    )

    assert reads.reconcile()["checks"]["balance_drift"]["examples"] == [
        {
            "account": str(account.pk),
            "commodity": make.default_commodity().pk,
            "stored": 11,
            "posted": 10,
        }
    ]


def test_at_most_twenty_examples_are_shown_of_all_that_are_counted(committed_db):
    target = make.account()
    for _ in range(25):
        make.mint(target, 2)

    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves")

    found = reads.reconcile()["checks"]["spent_input"]
    assert (found["violations"], len(found["examples"])) == (25, 20)


# -- The derived tables


def test_the_derived_tables_of_a_sound_ledger_do_not_differ(committed_db):
    a_history()

    assert reads.derived_drift() == {"ok": True, "leaves": 0, "account_balances": 0, "heads": 0}


@pytest.mark.parametrize(
    ("table", "statement", "rows"),
    [
        ("leaves", "DELETE FROM ledger.leaves WHERE " + BLOCK_OF_THE_SOURCE, 1),
        ("leaves", "UPDATE ledger.leaves SET region_id = 9 WHERE " + BLOCK_OF_THE_SOURCE, 2),
        ("account_balances", "DELETE FROM ledger.account_balances WHERE issues", 2),
        ("heads", "UPDATE ledger.heads SET next_no = 999 WHERE next_no = 101", 2),
    ],
)
def test_derived_drift_counts_the_rows_that_differ_per_table(committed_db, table, statement, rows):
    a_history()

    tamper(committed_db, table, statement)

    drift = reads.derived_drift()
    assert drift["ok"] is False
    assert {name: count for name, count in drift.items() if name != "ok" and count} == {table: rows}


def derived() -> dict[str, list[tuple]]:
    return {table: rows for table, rows in look.everything().items() if table in DERIVED}


DERIVED = ("leaves", "account_balances", "heads")


def test_a_rebuild_gives_every_row_as_it_was(committed_db):
    a_history()
    before = derived()

    answer = reads.rebuild_derived()

    assert answer["ok"] is True
    assert derived() == before


@pytest.mark.parametrize("table", DERIVED)
def test_a_rebuild_repairs_what_was_lost(committed_db, table):
    a_history()
    before = derived()
    tamper(committed_db, table, f"DELETE FROM ledger.{table}")
    assert reads.derived_drift()["ok"] is False

    reads.rebuild_derived()

    assert derived() == before
    assert reads.reconcile()["ok"] is True


def test_a_rebuild_of_an_empty_ledger_stays_empty(committed_db):
    reads.rebuild_derived()

    assert derived() == {"leaves": [], "account_balances": [], "heads": []}


def test_a_rebuild_leaves_the_history_alone(committed_db):
    a_history()
    before = look.everything()

    reads.rebuild_derived()

    assert look.everything() == before


def test_after_a_rebuild_the_ledger_goes_on(committed_db):
    source, target = a_history()
    reads.rebuild_derived()

    done = make.transfer(source, target, 5)

    assert look.header(done)["height"] == 5
    assert reads.reconcile()["ok"] is True
    assert reads.derived_drift()["ok"] is True


@pytest.mark.parametrize("login", ["ledger_service", "ledger_auditor", "portal_web"])
def test_only_the_owner_rebuilds(committed_db, login):
    a_history()

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        committed_db.connect(login).execute("SELECT ledger.rebuild_derived()")
