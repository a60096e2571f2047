"""Many sessions at once, for as long as they like: no deadlock, nothing lost, nothing twice."""

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta

import psycopg
import pytest
from psycopg.errors import SerializationFailure

from registry import services
from registry.models import Account, Region, Request
from tests import make
from tests.proof import balance, deadlocks, executed, prove, prove_rebuild
from tests.server import Database
from tests.together import (
    PATIENCE_SECONDS,
    TRY_AGAIN,
    call,
    execute,
    in_turn,
    insisting,
    names,
    outcome,
    result,
    session,
    together,
)

JANUARY = date(2024, 1, 1)


def test_opposite_transfers_in_a_storm_of_eight_never_deadlock(committed_db: Database) -> None:
    one, other = make.account(holding=1000), make.account(holding=1000)
    shares = [
        [make.approved_transfer(*pair, 3) for _ in range(60)]
        for pair in ((one, other), (other, one)) * 4
    ]

    outcomes = together(*(in_turn(committed_db, share) for share in shares))

    assert names(itertools.chain(*outcomes)) == ["done"] * 480
    assert (balance(committed_db, one), balance(committed_db, other)) == (1000, 1000)
    assert deadlocks(committed_db) == 0
    prove(committed_db)


def test_parallel_mints_get_numbers_without_gap_or_overlap(committed_db: Database) -> None:
    holders = [make.account() for _ in range(8)]
    shares = [
        [
            make.approve(make.mint_request(holder, volume, facility=plant, **month(n)))
            for n, volume in enumerate(range(1, 16))
        ]
        for holder in holders
        for plant in [make.facility(holder.organisation)]
    ]

    outcomes = together(*(in_turn(committed_db, share) for share in shares))

    assert names(itertools.chain(*outcomes)) == ["done"] * 120
    assert {balance(committed_db, holder) for holder in holders} == {sum(range(1, 16))}
    with committed_db.connect("ledger_auditor") as auditor:
        batches = auditor.execute(
            "SELECT first_no, last_no FROM ledger.assets ORDER BY first_no"
        ).fetchall()
    assert [first for first, _ in batches] == [1, *(last + 1 for _, last in batches[:-1])]
    assert batches[-1][1] == 8 * sum(range(1, 16))
    assert deadlocks(committed_db) == 0
    prove(committed_db)


def month(number: int) -> dict[str, date]:
    """Return a production period of thirty days that no other number has."""
    start = JANUARY + timedelta(days=30 * number)
    return {"production_start": start, "production_end": start + timedelta(days=29)}


def mixture(accounts: list[Account], count: int, seed: int) -> Iterator[Request]:
    """Make approved requests of every kind between accounts, as the seed has it."""
    chance = random.Random(seed)
    commodity = make.default_commodity()
    here, there = Region.objects.order_by("id")[:2]
    terminal = {account.pk: make.retirement_account(account) for account in accounts}
    for _ in range(count):
        source, target = chance.sample(accounts, 2)
        kind = chance.choices(
            ["transfer", "mint", "retire", "region", "expire", "due"], [60, 8, 10, 8, 6, 8]
        )[0]
        if kind == "mint":
            asked = make.mint_request(target, chance.randint(1, 40))
        elif kind == "due":
            asked = make.mint_request(
                target, 9, production_start=date(2019, 1, 1), production_end=date(2019, 1, 1)
            )
        elif kind == "retire":
            asked = make.retire_request(source, chance.randint(1, 5), target=terminal[source.pk])
        elif kind == "region":
            asked = make.region_request(source, chance.randint(1, 5), here, there)
        elif kind == "expire":
            asked = make.expire_request(commodity, max_blocks=chance.choice([None, 2]))
        else:
            asked = make.transfer_request(source, target, chance.randint(1, 20))
        yield make.approve(asked)


def market(accounts: int) -> list[Account]:
    """Make accounts that hold something, in a commodity in which everything is allowed."""
    commodity = make.commodity(reassignable=True, months_to_expiry=36)
    opened = [make.account(holding=100, commodity=commodity) for _ in range(accounts)]
    services.allow_region_change(
        commodity=commodity,
        from_region=Region.objects.get(),
        to_region=make.region(),
        valid_from=JANUARY,
    )
    return opened


REFUSALS = {"INSUFFICIENT_TOTAL_BALANCE", "VOLUME_NOT_POSITIVE"}


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
def test_a_storm_of_every_kind_at_once_never_deadlocks(
    committed_db: Database, isolation: str
) -> None:
    accounts = market(4)
    requests = list(mixture(accounts, 240, seed=20))
    shares = [requests[n::6] for n in range(6)]

    outcomes = together(
        *(
            insisting(committed_db, share, default_transaction_isolation=isolation)
            for share in shares
        )
    )

    seen = list(itertools.chain(*outcomes))
    assert {each for each in seen if isinstance(each, str)} <= REFUSALS
    assert len(executed(committed_db)) == 4 + names(seen).count("done")
    assert deadlocks(committed_db) == 0
    prove(committed_db)
    prove_rebuild(committed_db)


@pytest.mark.parametrize("kind", ["transfer", "mint"])
def test_1500_serializable_transactions_beside_an_open_one_change_nothing(
    committed_db: Database, kind: str
) -> None:
    # PostgreSQL forgets the conflicts of serializable transactions when there are that many, and
    # lets write skew commit. The ledger rests on row locks and unique keys instead.
    source, target = make.account(holding=100), make.account()
    plant = make.facility(source.organisation)
    late, early = (
        make.approved_transfer(source, target, 80)
        if kind == "transfer"
        else make.approve(make.mint_request(target, 80, facility=plant))
        for _ in range(2)
    )

    with session(committed_db) as opened:
        opened.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        opened.execute("SELECT ledger_api.preview(%s)", (late.pk,))
        first = execute(committed_db, early, default_transaction_isolation="serializable")
        crowd(committed_db, 1500)
        second = result(opened, late)
        opened.execute("ROLLBACK")
        third = result(opened, late)

    assert isinstance(first, int)
    assert second == "40001"
    assert (
        third
        == {"transfer": "INSUFFICIENT_TOTAL_BALANCE", "mint": "PRODUCTION_PERIOD_OVERLAP"}[kind]
    )
    assert balance(committed_db, target) == 80
    prove(committed_db)


def crowd(database: Database, count: int) -> None:
    """Run serializable transactions that share nothing with anybody else's."""
    with database.connect("portal_web", autocommit=True) as connection:
        connection.execute("SET default_transaction_isolation = 'serializable'")
        connection.execute("INSERT INTO django_session VALUES ('crowd', '', now())")
        for _ in range(count):
            # Where PostgreSQL has forgotten what the conflicts were, it may see some of its own.
            with contextlib.suppress(SerializationFailure), connection.transaction():
                connection.execute("SELECT count(*) FROM registry_regionrule")
                connection.execute("UPDATE django_session SET expire_date = now()")


class Strikes:
    """Cancels and terminates sessions of the service login at random until told to stop."""

    def __init__(self, database: Database, seed: int) -> None:
        """Remember where to strike."""
        self.database = database
        self.chance = random.Random(seed)
        self.finished = threading.Event()
        self.count = 0

    def __call__(self) -> int:
        """Strike until told to stop; return how often a session was hit."""
        with psycopg.connect(self.database.dsn(), autocommit=True) as connection:
            while not self.finished.wait(0.03 * self.chance.random()):
                how = self.chance.choice(["pg_cancel_backend", "pg_terminate_backend"])
                hit = connection.execute(
                    f"SELECT {how}(pid) FROM pg_stat_activity WHERE datname = %s"
                    " AND usename = 'ledger_service' AND state = 'active'"
                    " ORDER BY random() LIMIT 1",
                    (self.database.name,),
                ).fetchone()
                self.count += bool(hit and hit[0])
        return self.count


def stubborn(database: Database, requests: list[Request]) -> tuple[dict, int]:
    """Execute requests whatever happens to the session; return the answers, and what happened."""
    answers: dict = {}
    interruptions = 0
    give_up = time.monotonic() + PATIENCE_SECONDS
    connection = session(database)
    for request in requests:
        while request.pk not in answers:
            assert time.monotonic() < give_up
            try:
                if connection.closed:
                    connection = session(database)
                answers[request.pk] = call(connection, request)
            except psycopg.Error as error:
                # Cancelled is 57014, terminated 57P01 or a connection that is gone.
                if connection.closed or outcome(error).startswith("57"):
                    interruptions += 1
                elif outcome(error) not in TRY_AGAIN:
                    answers[request.pk] = outcome(error)
    connection.close()
    return answers, interruptions


def test_sessions_cancelled_and_terminated_at_random_lose_nothing(committed_db: Database) -> None:
    accounts = market(4)
    requests = list(mixture(accounts, 600, seed=21))
    strikes = Strikes(committed_db, seed=22)

    def clients() -> list[tuple[dict, int]]:
        try:
            return together(*(lambda n=n: stubborn(committed_db, requests[n::4]) for n in range(4)))
        finally:
            strikes.finished.set()

    answered, hits = together(clients, strikes)

    answers = {request: answer for each, _ in answered for request, answer in each.items()}
    interruptions = sum(count for _, count in answered)
    acknowledged = {answer: pk for pk, answer in answers.items() if isinstance(answer, int)}
    history = executed(committed_db)
    print(f"{len(acknowledged)} acknowledged, {hits} strikes, {interruptions} interruptions")
    assert interruptions > 10
    assert {each for each in answers.values() if isinstance(each, str)} <= REFUSALS
    assert acknowledged.items() <= history.items()
    assert len(history) == 4 + len(acknowledged)
    assert deadlocks(committed_db) == 0
    prove(committed_db)
    prove_rebuild(committed_db)
