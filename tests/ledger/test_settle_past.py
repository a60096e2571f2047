"""The common case of a replay, in one step: when its request says, in order."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.rows import tuple_row

from ledgerdb import bootstrap
from registry.models import Account, Request
from tests import make
from tests.ledger import past
from tests.ledger.past import at
from tests.ledger.test_settle import left, settle
from tests.proof import prove

CALL = "SELECT ledger_api.{}(%s, %s)"


@pytest.fixture
def trading(committed_db) -> tuple[Account, Account]:
    """Return two accounts that both have held the commodity before, in the past."""
    past.allow(committed_db)
    source, target = make.account(), make.account()
    past.done(make.mint_request(source, 100, occurred_at=at("2026-02-01")))
    past.done(make.mint_request(target, 40, occurred_at=at("2026-02-02")))
    return source, target


@pytest.fixture
def session(committed_db, trading) -> psycopg.Connection:
    """Return a session of the replay's login that may ask for the one step alone."""
    connection = committed_db.connect("postgres")
    connection.row_factory = tuple_row
    connection.execute("GRANT USAGE ON SCHEMA ledger TO ledger_replay")
    connection.execute(
        "GRANT EXECUTE ON FUNCTION ledger.settle(uuid, uuid, text, timestamptz) TO ledger_replay"
    )
    connection.commit()
    act_as(connection, "ledger_replay")
    connection.commit()
    return connection


def act_as(session: psycopg.Connection, login: str) -> None:
    session.execute(f"SET SESSION AUTHORIZATION {login}")


def stated(trading: tuple[Account, Account], moment: datetime) -> Request:
    return make.approved_transfer(*trading, 30, occurred_at=moment)


def retired(trading: tuple[Account, Account], moment: datetime) -> Request:
    first = past.done(make.retire_request(trading[0], 1, occurred_at=at("2026-02-03")))
    target = Request.objects.get(pk=first.pk).target
    return make.approve(make.retire_request(trading[0], 20, target=target, occurred_at=moment))


@pytest.mark.parametrize("ask", [stated, retired])
def test_both_ways_leave_the_same_of_a_past_event(session, trading, ask):
    request = ask(trading, at("2026-02-04T08:00"))
    ways = {}

    for way in ("wait", "nowait"):
        session.execute("SELECT set_config('ledger.lock_wait', %s, true)", (way,))
        settled = settle(session, request)
        session.rollback()
        session.execute("SELECT set_config('ledger.lock_wait', %s, true)", (way,))
        asked = (request.id, request.approver_id)
        (done,) = session.execute(CALL.format(request.kind), asked).fetchone()
        act_as(session, "DEFAULT")
        ways[settled is not None] = left(session, done) | {
            "when": session.execute(
                "SELECT occurred_at FROM ledger.transactions WHERE id = %s", (done,)
            ).fetchall()
        }
        session.rollback()

    assert ways[True] == ways[False]
    assert ways[True]["when"] == [(at("2026-02-04T08:00"),)]
    assert ways[True]["link"][0][2:] == (True, True)


def test_a_past_that_was_settled_reconciles_and_verifies(committed_db, session, trading):
    assert settle(session, stated(trading, at("2026-02-04"))) is not None
    session.commit()

    prove(committed_db)


def test_it_may_happen_at_the_instant_of_the_one_before(session, trading):
    assert settle(session, stated(trading, at("2026-02-02"))) is not None


def test_no_past_is_settled_out_of_its_order(session, trading):
    assert settle(session, stated(trading, at("2026-02-01"))) is None


def test_no_past_is_settled_without_a_window(committed_db, session, trading):
    bootstrap.close_change_window(
        committed_db.server.admin_dsn, committed_db.name, purpose="replay"
    )

    assert settle(session, stated(trading, at("2026-02-04"))) is None


def test_nobody_else_settles_a_past(session, trading):
    act_as(session, "DEFAULT")

    assert settle(session, stated(trading, at("2026-02-04"))) is None


def test_no_future_is_settled(session, trading):
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    assert settle(session, stated(trading, tomorrow)) is None


def test_what_had_expired_by_then_is_left_alone(committed_db):
    past.allow(committed_db)
    of = {"commodity": make.commodity(months_to_expiry=1)}
    source, target = make.account(), make.account()
    for account in (source, target):
        past.done(make.mint_request(account, 50, occurred_at=at("2026-02-02"), **of))

    late = make.transfer_request(source, target, 5, occurred_at=at("2026-06-01"), **of)
    timely = make.transfer_request(source, target, 5, occurred_at=at("2026-02-03"), **of)

    assert past.outcome(timely) == "done"
    assert past.outcome(late) == "INSUFFICIENT_TOTAL_BALANCE"
