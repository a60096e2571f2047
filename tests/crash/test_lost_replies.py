"""The client does not hear the answer: asking again tells it, and nothing happens twice."""

import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable

import psycopg
import pytest
from django.db import connections
from psycopg import pq

from registry.models import Account, Request
from tests import make
from tests.crash.proxy import cutting_proxy
from tests.proof import balance, executed, prove
from tests.server import Database
from tests.together import call, execute

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("LEDGER_TEST_SEED", "20261120"))
CALL = "SELECT ledger_api.transfer('{0.pk}', '{0.approver_id}')"
# A client that executes what it is given and says what it was told, one line each.
CLIENT = """
import sys, psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    for line in sys.stdin:
        request, actor = line.split()
        found = connection.execute("SELECT ledger_api.transfer(%s, %s)", (request, actor))
        print(request, *found.fetchone(), flush=True)
"""


def transfers(count: int) -> tuple[Account, list[Request]]:
    """Make approved transfers of one certificate each, and the account that will receive them."""
    source, target = make.account(holding=count), make.account()
    # Whoever holds the service login from here on is a client of the test.
    connections["ledger"].close()
    return target, [make.approved_transfer(source, target, 1) for _ in range(count)]


def eventually(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    give_up = time.monotonic() + 10
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def idle(database: Database) -> bool:
    """Tell whether no session of the service login is left."""
    with psycopg.connect(database.dsn()) as connection:
        return not connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = %s AND usename = 'ledger_service'",
            (database.name,),
        ).fetchone()[0]


def hang_up_after(database: Database, statements: str) -> None:
    """Send statements and close the line without listening for the answer."""
    line = pq.PGconn.connect(database.dsn("ledger_service").encode())
    line.send_query(statements.encode())
    line.finish()


def test_an_execution_whose_reply_is_lost_is_done_once(committed_db: Database) -> None:
    target, requests = transfers(30)

    for request in requests:
        hang_up_after(committed_db, CALL.format(request))
    eventually(lambda: idle(committed_db))
    done_unheard = executed(committed_db)
    again = [execute(committed_db, request) for request in requests]

    assert {done_unheard[each] for each in again} == {request.pk for request in requests}
    assert executed(committed_db) == done_unheard
    assert balance(committed_db, target) == 30
    prove(committed_db)


@pytest.mark.parametrize(
    ("last_words", "fate", "moved"), [("COMMIT", "committed", 1), ("", "aborted", 0)]
)
def test_after_a_lost_reply_the_database_transaction_itself_can_be_asked(
    committed_db: Database, last_words: str, fate: str, moved: int
) -> None:
    target, (request,) = transfers(1)
    line = pq.PGconn.connect(committed_db.dsn("ledger_service").encode())
    line.exec_(b"BEGIN")
    line.exec_(CALL.format(request).encode())
    number = line.exec_(b"SELECT pg_current_xact_id()").get_value(0, 0).decode()

    if last_words:
        line.send_query(last_words.encode())
    line.finish()
    eventually(lambda: idle(committed_db))

    with committed_db.connect("ledger_service") as connection:
        answer = connection.execute("SELECT pg_xact_status(%s::xid8)", (number,)).fetchone()
    assert answer == (fate,)
    assert balance(committed_db, target) == moved
    assert isinstance(execute(committed_db, request), int)
    assert balance(committed_db, target) == 1
    prove(committed_db)


def test_a_line_cut_after_any_number_of_bytes_loses_nothing(committed_db: Database) -> None:
    target, requests = transfers(60)
    chance = random.Random(SEED)
    told, cut = {}, 0

    with cutting_proxy(committed_db.dsn("ledger_service")) as (dsn, proxy):
        for request in requests:
            proxy.left = None
            try:
                with psycopg.connect(dsn, autocommit=True) as connection:
                    # A call and its answer are some 300 bytes.
                    proxy.left = chance.randint(1, 340)
                    told[request.pk] = call(connection, request)
                    proxy.left = None
            except psycopg.OperationalError:
                cut += 1
    eventually(lambda: idle(committed_db))
    unheard = len(executed(committed_db)) - 1 - len(told)
    again = {request.pk: execute(committed_db, request) for request in requests}

    print(f"\nseed {SEED}: {cut} lines cut, {unheard} of them after the execution")
    assert cut > unheard > 0
    assert told.items() <= again.items()
    assert len(set(again.values())) == 60
    assert balance(committed_db, target) == 60
    prove(committed_db)


def killed_after(answers: int, requests: list[Request], database: Database) -> dict[str, int]:
    """Let a client execute requests, kill it after some answers, and return all it has said."""
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, database.dsn("ledger_service")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        client.stdin.writelines(f"{each.pk} {each.approver_id}\n" for each in requests)
        client.stdin.flush()
        heard = list(itertools.islice(client.stdout, min(answers, len(requests))))
        client.kill()
        heard += client.stdout
    return {request: int(done) for request, done in map(str.split, heard)}


def test_clients_killed_while_executing_lose_nothing_they_were_told(
    committed_db: Database,
) -> None:
    target, requests = transfers(300)
    chance = random.Random(SEED)
    waiting, told, killed = list(requests), {}, 0

    while waiting:
        told |= killed_after(chance.randint(20, 80), waiting, committed_db)
        killed += 1
        waiting = [request for request in waiting if str(request.pk) not in told]
    eventually(lambda: idle(committed_db))

    print(f"\nseed {SEED}: {killed} clients killed")
    history = {str(request): done for done, request in executed(committed_db).items()}
    assert told.items() <= history.items()
    assert len(told) == 300
    assert balance(committed_db, target) == 300
    prove(committed_db)


def test_the_locks_of_a_killed_client_are_free_at_once(committed_db: Database) -> None:
    target, (request, another) = transfers(2)
    holder = (
        "import sys, time, psycopg\n"
        "connection = psycopg.connect(sys.argv[1])\n"
        "connection.execute(sys.argv[2])\n"
        "print('held', flush=True)\n"
        "time.sleep(60)\n"
    )
    client = subprocess.Popen(
        [sys.executable, "-c", holder, committed_db.dsn("ledger_service"), CALL.format(request)],
        stdout=subprocess.PIPE,
    )

    client.stdout.readline()
    blocked = execute(committed_db, another, ledger__lock_wait="nowait")
    client.kill()
    client.communicate()
    eventually(lambda: idle(committed_db))
    free = execute(committed_db, another, ledger__lock_wait="nowait")

    assert blocked == "LOCK_NOT_AVAILABLE"
    assert isinstance(free, int)
    assert request.pk not in executed(committed_db).values()
    assert isinstance(execute(committed_db, request), int)
    assert balance(committed_db, target) == 2
    prove(committed_db)
