"""Waiting for a lock, waiting no longer than told, and not waiting at all."""

import time
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from django.db import connections

from registry import services
from registry.models import Region, Request
from tests import make
from tests.proof import balance, deadlocks, prove
from tests.server import Database
from tests.together import execute, gate, in_turn, insisting, names, serving, together

NOWAIT = {"ledger__lock_wait": "nowait"}


def one_of_each() -> Iterator[tuple[str, Request]]:
    """Make one approved request of each kind, all of the first commodity."""
    commodity = make.commodity(reassignable=True, months_to_expiry=18)
    source, target = make.account(holding=100, commodity=commodity), make.account()
    here, there = Region.objects.get(), make.region()
    long_ago = date(2020, 1, 1)
    services.allow_region_change(
        commodity=commodity, from_region=here, to_region=there, valid_from=long_ago
    )
    make.mint(source, 50, production_start=long_ago, production_end=long_ago)
    for request in (
        make.mint_request(target, 10),
        make.transfer_request(source, target, 10),
        make.retire_request(source, 10),
        make.region_request(source, 10, here, there),
        make.expire_request(commodity),
    ):
        yield request.kind, make.approve(request)


LOCKS = {
    "request": "SELECT FROM registry_request WHERE id = %(request)s FOR NO KEY UPDATE",
    "account": "SELECT FROM registry_account WHERE id = %(account)s FOR NO KEY UPDATE",
    "head": "SELECT FROM ledger.heads FOR NO KEY UPDATE",
}


@pytest.mark.parametrize("lock", LOCKS)
def test_nowait_fails_at_once_whichever_lock_is_taken(committed_db: Database, lock: str) -> None:
    requests = dict(one_of_each())
    outcomes, seconds = {}, {}

    for kind, request in requests.items():
        with psycopg.connect(committed_db.dsn()) as holder:
            account = request.source_id or request.target_id or requests["transfer"].source_id
            holder.execute(LOCKS[lock], {"request": request.pk, "account": account})
            started = time.monotonic()
            outcomes[kind] = execute(committed_db, request, statement_timeout="20s", **NOWAIT)
            seconds[kind] = time.monotonic() - started

    assert outcomes == dict.fromkeys(requests, "LOCK_NOT_AVAILABLE")
    assert max(seconds.values()) < 5
    assert names(in_turn(committed_db, requests.values(), **NOWAIT)()) == ["done"] * 5
    prove(committed_db)


def test_nowait_in_a_storm_of_opposite_transfers_never_deadlocks(committed_db: Database) -> None:
    one, other = make.account(holding=100), make.account(holding=100)
    shares = [
        [make.approved_transfer(*pair, 3) for _ in range(15)]
        for pair in ((one, other), (other, one)) * 4
    ]

    outcomes = together(*(insisting(committed_db, share, **NOWAIT) for share in shares))

    assert names(result for share in outcomes for result in share) == ["done"] * 120
    assert (balance(committed_db, one), balance(committed_db, other)) == (100, 100)
    assert deadlocks(committed_db) == 0
    prove(committed_db)


def test_waiting_ends_with_the_callers_lock_timeout(committed_db: Database) -> None:
    requests = dict(one_of_each())
    source = requests["transfer"].source

    with gate(committed_db, source):
        outcomes = [
            execute(committed_db, requests[kind], lock_timeout="50ms")
            for kind in ("transfer", "retire", "reassign_region", "expire")
        ]

    assert outcomes == ["55P03"] * 4
    assert names(in_turn(committed_db, requests.values(), **NOWAIT)()) == ["done"] * 5
    prove(committed_db)


def test_a_service_that_waited_too_long_leaves_the_request_approved(
    committed_db: Database,
) -> None:
    source, target = make.account(holding=100), make.account()
    request = make.approved_transfer(source, target, 80)

    def hurried() -> Request:
        with connections["ledger"].cursor() as cursor:
            cursor.execute("SET lock_timeout = '50ms'")
        return services.execute_request(request_id=request.pk)

    with gate(committed_db, source):
        first = serving(hurried)()
    second = services.execute_request(request_id=request.pk)

    assert (first, second.status) == ("approved", "executed")
    assert balance(committed_db, target) == 80
    prove(committed_db)


def test_a_long_reader_keeps_nobody_waiting(committed_db: Database) -> None:
    requests = dict(one_of_each())

    with psycopg.connect(committed_db.dsn("ledger_auditor")) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = reader.execute("SELECT ledger.reconcile() -> 'height'").fetchone()
        outcomes = in_turn(committed_db, requests.values(), **NOWAIT)()
        after = reader.execute("SELECT ledger.reconcile() -> 'height'").fetchone()

    assert names(outcomes) == ["done"] * 5
    assert before == after
    prove(committed_db)


def test_commodities_never_wait_for_each_other(committed_db: Database) -> None:
    one, other = make.commodity(), make.commodity()
    pairs = {
        each: (make.account(holding=100, commodity=each), make.account()) for each in (one, other)
    }
    slow, quick = (make.approved_transfer(*pairs[each], 10, commodity=each) for each in pairs)

    with psycopg.connect(committed_db.dsn("ledger_service")) as holder:
        holder.execute("SELECT ledger_api.transfer(%s, %s)", (slow.pk, slow.approver_id))
        outcome = execute(committed_db, quick, **NOWAIT)

    assert isinstance(outcome, int)
    prove(committed_db)


def test_a_request_of_people_and_accounts_in_use_can_still_be_made(committed_db: Database) -> None:
    source, target = make.account(holding=100), make.account()
    request = make.approved_transfer(source, target, 10)

    with psycopg.connect(committed_db.dsn("ledger_service")) as holder:
        holder.execute("SELECT ledger_api.transfer(%s, %s)", (request.pk, request.approver_id))
        with connections["default"].cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        # Its foreign keys point at rows that the execution holds locked.
        another = make.transfer_request(source, target, 10)

    assert isinstance(execute(committed_db, make.approve(another)), int)
    prove(committed_db)
