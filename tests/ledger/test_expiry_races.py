"""Expiry while others move the same certificates: in turn, nothing lost, nothing twice."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import psycopg

from registry.models import Account, Commodity
from tests import make
from tests.ledger.wrongs import tamper
from tests.proof import balance, prove
from tests.server import Database
from tests.together import (
    behind_gate,
    execute,
    executing,
    gate,
    names,
    together,
    wait_until_blocked,
)

LONG_AGO = {"production_start": date(2020, 1, 1), "production_end": date(2020, 1, 31)}


def expired(holding: int, commodity: Commodity, **fields: object) -> Account:
    """Open an account that holds certificates past their date."""
    account = make.account(**fields)
    make.mint(account, holding, commodity=commodity, **LONG_AGO)
    return account


def expire_in(
    database: Database, commodity: Commodity, seconds: float
) -> tuple[dict[str, date], datetime]:
    """
    Let batches minted from now on with the returned period expire in some seconds; return when.

    Certificates expire at midnight, so the commodity gets a time zone where it is midnight then:
    one that the world does not know, behind the guard against those.
    """
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
    midnight = at.replace(hour=0, minute=0, second=0)
    behind = at - midnight
    tamper(
        database,
        "public.registry_commodity",
        f"UPDATE public.registry_commodity SET time_zone = '<HERE>{behind}'"
        f" WHERE id = {commodity.pk}",
    )
    commodity.refresh_from_db()
    today = (at - behind).date() - timedelta(days=1)
    return {"production_start": today, "production_end": today}, at


def sleep_past(instant: datetime) -> None:
    """Sleep until an instant has passed."""
    time.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()) + 0.05)


def expiry_balance(database: Database, commodity: Commodity) -> int:
    """Return what has expired of a commodity."""
    return balance(database, commodity.system_accounts.get(type="expiry"))


def test_of_two_expiry_runs_at_once_one_finds_nothing_left(committed_db: Database) -> None:
    commodity = make.commodity(months_to_expiry=18)
    holders = [expired(10 * n, commodity) for n in range(1, 4)]
    requests = [make.approve(make.expire_request(commodity)) for _ in range(2)]

    outcomes = behind_gate(committed_db, holders[:1], *executing(committed_db, requests))

    assert names(outcomes) == ["VOLUME_NOT_POSITIVE", "done"]
    assert expiry_balance(committed_db, commodity) == 60
    prove(committed_db)


def test_two_limited_expiry_runs_at_once_share_the_work(committed_db: Database) -> None:
    commodity = make.commodity(months_to_expiry=18)
    holders = [expired(10, commodity) for _ in range(6)]
    requests = [make.approve(make.expire_request(commodity, max_blocks=3)) for _ in range(3)]

    outcomes = behind_gate(committed_db, holders[:1], *executing(committed_db, requests))

    assert names(outcomes) == ["VOLUME_NOT_POSITIVE", "done", "done"]
    assert expiry_balance(committed_db, commodity) == 60
    prove(committed_db)


def test_expiry_and_the_transfer_of_what_is_not_due_leave_each_its_own(
    committed_db: Database,
) -> None:
    commodity = make.commodity(months_to_expiry=18)
    source, target = expired(60, commodity), make.account()
    make.mint(source, 40, commodity=commodity)
    moving = [make.approved_transfer(source, target, 5, commodity=commodity) for _ in range(7)]
    retiring = make.approve(make.retire_request(source, 5, commodity=commodity))
    sweep = make.approve(make.expire_request(commodity))

    outcomes = behind_gate(
        committed_db, [source], *executing(committed_db, [*moving, sweep, retiring])
    )

    assert names(outcomes) == ["done"] * 9
    assert balance(committed_db, target) == 35
    assert balance(committed_db, retiring.target) == 5
    assert balance(committed_db, source) == 0
    assert expiry_balance(committed_db, commodity) == 60
    prove(committed_db)


def test_what_a_waiting_transfer_moved_before_its_expiry_expires_where_it_is_now(
    committed_db: Database,
) -> None:
    commodity = make.commodity(months_to_expiry=0)
    source, target = make.account(), make.account()
    moving = make.approved_transfer(source, target, 80, commodity=commodity)
    sweep = make.approve(make.expire_request(commodity))
    today, expires_at = expire_in(committed_db, commodity, 6)
    make.mint(source, 100, commodity=commodity, **today)

    with ThreadPoolExecutor() as threads:
        with gate(committed_db, source):
            moved = threads.submit(execute, committed_db, moving)
            wait_until_blocked(committed_db, 1)
            sleep_past(expires_at)
            swept = threads.submit(execute, committed_db, sweep)
            wait_until_blocked(committed_db, 2)
        outcomes = [moved.result(), swept.result()]

    assert names(outcomes) == ["done", "done"]
    assert (balance(committed_db, source), balance(committed_db, target)) == (0, 0)
    assert expiry_balance(committed_db, commodity) == 100
    assert moved_after_expiry(committed_db) == []
    prove(committed_db)


def test_a_transfer_that_waited_over_the_expiry_moves_nothing_that_has_expired(
    committed_db: Database,
) -> None:
    commodity = make.commodity(months_to_expiry=0)
    # Locks are taken in the order of ids: while it waits for the target, the source is free.
    target, source = sorted((make.account() for _ in range(2)), key=lambda account: account.pk)
    moving = make.approved_transfer(source, target, 50, commodity=commodity)
    sweep = make.approve(make.expire_request(commodity, max_blocks=1))
    today, expires_at = expire_in(committed_db, commodity, 6)
    for _ in range(2):
        make.mint(source, 50, commodity=commodity, **today)

    with ThreadPoolExecutor() as threads:
        with gate(committed_db, target):
            moved = threads.submit(execute, committed_db, moving)
            wait_until_blocked(committed_db, 1)
            sleep_past(expires_at)
            swept = execute(committed_db, sweep)
        first = moved.result()
    again = execute(committed_db, moving)

    assert isinstance(swept, int)
    assert (first, again) == ("LOCK_NOT_AVAILABLE", "INSUFFICIENT_TOTAL_BALANCE")
    assert moved_after_expiry(committed_db) == []
    prove(committed_db)


def spread(database: Database, requests: list, first: datetime, pause: float) -> list:
    """Execute requests one after the other from an instant on, with a pause after each."""
    outcomes = []
    time.sleep(max(0.0, (first - datetime.now(UTC)).total_seconds()))
    for request in requests:
        outcomes.append(execute(database, request))
        time.sleep(pause)
    return outcomes


def test_transfers_and_retirements_around_the_expiry_lose_nothing(committed_db: Database) -> None:
    commodity = make.commodity(months_to_expiry=0)
    accounts = [make.account() for _ in range(3)]
    terminal = {account.pk: make.retirement_account(account) for account in accounts}
    workers = [
        [
            make.approved_transfer(source, target, 7, commodity=commodity)
            if n % 3
            else make.approve(
                make.retire_request(source, 5, commodity=commodity, target=terminal[source.pk])
            )
            for n in range(60)
        ]
        for source in accounts
        for target in accounts
        if source != target
    ]
    sweeps = [make.approve(make.expire_request(commodity, max_blocks=4)) for _ in range(40)]
    today, expires_at = expire_in(committed_db, commodity, 6)
    for account in accounts:
        make.mint(account, 300, commodity=commodity, **today)

    before = expires_at - timedelta(seconds=1)
    outcomes = together(
        *(lambda each=each: spread(committed_db, each, before, 0.02) for each in workers),
        *(lambda n=n: spread(committed_db, sweeps[n::2], expires_at, 0.005) for n in range(2)),
    )
    last = execute(committed_db, make.approve(make.expire_request(commodity)))

    seen = {outcome for each in outcomes for outcome in each if isinstance(outcome, str)}
    assert seen <= {"INSUFFICIENT_TOTAL_BALANCE", "VOLUME_NOT_POSITIVE", "LOCK_NOT_AVAILABLE"}
    assert isinstance(last, int) or last == "VOLUME_NOT_POSITIVE"
    retired = sum(balance(committed_db, account) for account in terminal.values())
    assert [balance(committed_db, account) for account in accounts] == [0, 0, 0]
    assert retired > 0
    assert retired + expiry_balance(committed_db, commodity) == 900
    assert moved_after_expiry(committed_db) == []
    prove(committed_db)


def test_an_expiry_that_meets_a_busy_newcomer_can_be_tried_again(committed_db: Database) -> None:
    commodity = make.commodity(months_to_expiry=0)
    # Locks are taken in the order of ids: while it waits for the target, it holds the source.
    source, target = sorted((make.account() for _ in range(2)), key=lambda account: account.pk)
    moving = make.approved_transfer(source, target, 80, commodity=commodity)
    sweep = make.approve(make.expire_request(commodity))
    today, expires_at = expire_in(committed_db, commodity, 6)
    make.mint(source, 100, commodity=commodity, **today)
    let_go = threading.Event()

    def hold_target() -> None:
        with gate(committed_db, target):
            let_go.wait(30)

    with ThreadPoolExecutor() as threads:
        with gate(committed_db, source, target):
            moved = threads.submit(execute, committed_db, moving)
            wait_until_blocked(committed_db, 1)
            threads.submit(hold_target)
            wait_until_blocked(committed_db, 2)
            sleep_past(expires_at)
            swept = threads.submit(execute, committed_db, sweep)
            wait_until_blocked(committed_db, 3)
        first = [moved.result, swept.result]
        let_go.set()
        first = [result() for result in first]

    assert names(first[:1]) == ["done"]
    assert isinstance(execute(committed_db, sweep), int)
    assert expiry_balance(committed_db, commodity) == 100
    prove(committed_db)


def moved_after_expiry(database: Database) -> list[tuple]:
    """Return what a transfer or a retirement moved at or after its expiry."""
    with psycopg.connect(database.dsn("ledger_auditor")) as connection:
        return connection.execute(
            """
            SELECT t.kind, t.occurred_at, a.expires_at, i.first_no, i.last_no
            FROM ledger.transactions t
            JOIN ledger.transaction_item_inputs s ON s.transaction_id = t.id
            JOIN ledger.transaction_items i ON i.id = s.item_id
            JOIN ledger.assets a ON a.id = i.asset_id
            WHERE t.kind IN ('transfer', 'retire') AND t.occurred_at >= a.expires_at
            """
        ).fetchall()
