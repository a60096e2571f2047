"""PostgreSQL killed under load: what was acknowledged is there once, the rest resolves on retry."""

import os
import random
import time
from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from registry.models import Request
from tests.crash.clients import Answer, Client, Market, expected_balances
from tests.crash.conftest import Mortal
from tests.proof import executed, prove, prove_rebuild
from tests.server import Database

pytestmark = pytest.mark.crash

KILLS = int(os.environ.get("LEDGER_TEST_KILLS", "5"))
SEED = int(os.environ.get("LEDGER_TEST_SEED", "20261120"))
CLIENTS = 5


def under_load(
    mortal: Mortal, market: Market, strike: Callable[[], None], times: int
) -> list[Answer]:
    """Strike so many times while clients trade; return every answer they got."""
    chance = random.Random(SEED)
    clients = [Client(market, number, SEED) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        for _ in range(times):
            time.sleep(chance.uniform(0.2, 1.2))
            strike()
            prove(mortal.database)
        time.sleep(0.3)
    finally:
        for client in clients:
            client.finished.set()
        for client in clients:
            client.join()
    assert [client.error for client in clients if client.error] == []
    return [answer for client in clients for answer in client.answers]


def balances(database: Database) -> dict[UUID, int]:
    """Return the balance of every account that organisations hold."""
    with psycopg.connect(database.dsn("ledger_auditor")) as connection:
        return dict(
            connection.execute(
                "SELECT a.id, coalesce(sum(p.credit - p.debit), 0)::bigint"
                " FROM registry_account a LEFT JOIN ledger.credits_debits p ON p.account_id = a.id"
                " WHERE a.type IN ('trading', 'retirement') GROUP BY a.id"
            ).fetchall()
        )


def check(mortal: Mortal, market: Market, answers: list[Answer], before: int) -> None:
    """Fail unless the ledger holds exactly what the clients were told, and proves sound."""
    # This thread's own connections did not survive either.
    connections.close_all()
    done = [answer for answer in answers if answer.request.status == Request.Status.EXECUTED]
    told = {answer.request.transaction_id: answer.request.pk for answer in done}
    history = executed(mortal.database)
    assert len(told) == len(done)
    assert told.items() <= history.items()
    assert len(history) == before + len(done)
    keys = [answer.wish.key for answer in answers]
    assert Request.objects.filter(idempotency_key__in=keys).count() == len(keys)
    assert {answer.request.failure_code for answer in answers} <= {"", "INSUFFICIENT_TOTAL_BALANCE"}
    assert balances(mortal.database) == expected_balances(market, answers)
    prove(mortal.database)
    prove_rebuild(mortal.database)
    interrupted = [answer for answer in answers if answer.interrupted]
    print(
        f"\nseed {SEED}: {len(mortal.recoveries)} kills, {len(answers)} requests answered,"
        f" {len(done)} executed; {len(interrupted)} were interrupted and asked again,"
        f" {sum(answer.found_done for answer in interrupted)} of them done already;"
        f" slowest recovery {max(mortal.recoveries):.2f} s; 0 lost, 0 twice"
    )
    assert interrupted, "No kill hit a request: the load is too light to prove anything."


def test_killed_under_load_every_request_is_there_exactly_once(mortal: Mortal) -> None:
    market = Market.open(CLIENTS)
    before = len(executed(mortal.database))

    answers = under_load(mortal, market, mortal.kill, KILLS)

    check(mortal, market, answers, before)


def test_one_session_killed_under_load_takes_nothing_with_it(mortal: Mortal) -> None:
    market = Market.open(CLIENTS)
    before = len(executed(mortal.database))

    answers = under_load(mortal, market, mortal.kill_backend, max(2, KILLS // 4))

    check(mortal, market, answers, before)


def test_a_login_that_does_not_wait_for_the_disk_loses_nothing_it_was_told(mortal: Mortal) -> None:
    market = Market.open(CLIENTS)
    before = len(executed(mortal.database))
    # What an administrator in a hurry might do; the execution itself still waits.
    mortal.database.server.administer(
        sql.SQL("ALTER ROLE ledger_service SET synchronous_commit = off"),
        sql.SQL("ALTER ROLE portal_web SET synchronous_commit = off"),
    )
    connections.close_all()

    answers = under_load(mortal, market, mortal.kill, max(3, KILLS // 4))

    check(mortal, market, answers, before)
