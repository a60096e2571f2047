"""When things happen: now, or in the past for a replay in its window; never backwards."""

from datetime import UTC, datetime, timedelta

import pytest

from ledgerdb import bootstrap
from registry import services
from tests import make
from tests.ledger import look, past
from tests.ledger.past import at


def test_what_is_executed_happens_now(committed_db):
    before = datetime.now(UTC)

    header = look.header(make.mint(make.account(), 5))

    assert before <= header["occurred_at"] <= header["recorded_at"] <= datetime.now(UTC)


def test_a_replay_in_its_window_states_when_it_happened(committed_db):
    past.allow(committed_db)
    before = datetime.now(UTC)

    done = past.done(make.mint_request(make.account(), 5, occurred_at=at("2026-03-01T12:00")))

    header = look.header(done)
    assert header["occurred_at"] == at("2026-03-01T12:00")
    assert header["recorded_at"] >= before


def test_every_kind_of_event_can_be_replayed(committed_db):
    past.allow(committed_db)
    north, south = make.region(), make.region()
    commodity = make.commodity(reassignable=True, months_to_expiry=1)
    services.allow_region_change(
        commodity=commodity, from_region=north, to_region=south, valid_from=at("2020-01-01").date()
    )
    source, target = make.account(), make.account()
    of = {"commodity": commodity}

    events = [
        make.mint_request(source, 100, occurred_at=at("2026-02-01"), **of),
        make.transfer_request(source, target, 30, occurred_at=at("2026-02-02"), **of),
        make.region_request(source, 20, north, south, occurred_at=at("2026-02-03"), **of),
        make.retire_request(source, 10, occurred_at=at("2026-02-04"), **of),
        make.expire_request(occurred_at=at("2026-04-01"), **of),
    ]
    headers = [look.header(past.done(event)) for event in events]

    assert [header["occurred_at"] for header in headers] == [e.occurred_at for e in events]
    assert [header["height"] for header in headers] == [1, 2, 3, 4, 5]
    assert (look.held(source), look.held(target)) == ([], [])


def test_a_replay_outside_its_window_is_refused(committed_db):
    request = make.mint_request(make.account(), 5, occurred_at=at("2026-03-01"))

    assert past.outcome(request) == "BACKDATING_FORBIDDEN"
    assert look.counts()["transactions"] == 0


def test_a_replay_after_its_window_was_closed_is_refused(committed_db):
    past.allow(committed_db)
    bootstrap.close_change_window(
        committed_db.server.admin_dsn, committed_db.name, purpose="replay"
    )

    request = make.mint_request(make.account(), 5, occurred_at=at("2026-03-01"))

    assert past.outcome(request) == "BACKDATING_FORBIDDEN"


def test_a_window_for_changes_of_the_definition_is_no_window_for_a_replay(committed_db):
    bootstrap.open_change_window(
        committed_db.server.admin_dsn, committed_db.name, reason="a change", purpose="ddl"
    )

    request = make.mint_request(make.account(), 5, occurred_at=at("2026-03-01"))

    assert past.outcome(request) == "BACKDATING_FORBIDDEN"


def test_the_service_cannot_state_a_past_time_even_in_a_window(committed_db):
    past.allow(committed_db)
    request = make.approve(
        make.mint_request(make.account(), 5, occurred_at=datetime.now(UTC) - timedelta(days=730))
    )

    assert look.outcome(request) == "BACKDATING_FORBIDDEN"


def test_a_replay_may_also_execute_what_happens_now(committed_db):
    request = make.approve(make.mint_request(make.account(), 5))

    assert look.outcome(request, using="replay") == "done"


@pytest.mark.parametrize("using", ["ledger", "replay"])
def test_nothing_happens_in_the_future(committed_db, using):
    past.allow(committed_db)
    request = make.approve(
        make.mint_request(make.account(), 5, occurred_at=datetime.now(UTC) + timedelta(minutes=5))
    )

    assert look.outcome(request, using=using) == "EFFECTIVE_AT_IN_FUTURE"


def test_an_event_older_than_the_one_before_it_is_refused(committed_db):
    past.allow(committed_db)
    source = make.account()
    past.done(make.mint_request(source, 100, occurred_at=at("2026-03-02")))

    earlier = make.transfer_request(source, make.account(), 5, occurred_at=at("2026-03-01"))

    assert past.outcome(earlier) == "CLOCK_REGRESSION"
    assert look.held(source) == [(1, 100)]


def test_two_events_may_happen_at_the_same_instant(committed_db):
    past.allow(committed_db)
    source, instant = make.account(), at("2026-03-02")
    past.done(make.mint_request(source, 100, occurred_at=instant))

    second = past.done(make.transfer_request(source, make.account(), 5, occurred_at=instant))

    assert look.header(second)["occurred_at"] == instant
    assert look.header(second)["height"] == 2


def test_each_commodity_has_a_time_of_its_own(committed_db):
    past.allow(committed_db)
    sun, wind, target = make.commodity(), make.commodity(), make.account()
    past.done(make.mint_request(target, 5, commodity=sun, occurred_at=at("2026-03-02")))

    request = make.mint_request(target, 5, commodity=wind, occurred_at=at("2026-03-01"))

    assert past.outcome(request) == "done"


def test_the_past_is_closed_once_the_present_has_begun(committed_db):
    past.allow(committed_db)
    source = make.account(holding=10)

    request = make.transfer_request(source, make.account(), 5, occurred_at=at("2026-03-01"))

    assert past.outcome(request) == "CLOCK_REGRESSION"


def test_a_refused_clock_leaves_the_request_to_be_tried_again(committed_db):
    past.allow(committed_db)
    source = make.account(holding=10)
    request = make.approve(
        make.transfer_request(source, make.account(), 5, occurred_at=at("2026-03-01"))
    )

    after = services.execute_request(request_id=request.pk, using="replay")

    assert (after.status, after.failure_code) == ("approved", "")


def test_a_heights_order_is_the_order_of_time(committed_db):
    source, target = make.account(holding=100), make.account()
    for _ in range(5):
        make.transfer(source, target, 1)

    found = look.rows(
        "SELECT t.occurred_at, c.recorded_at FROM ledger.chain c"
        " JOIN ledger.transactions t ON t.id = c.transaction_id ORDER BY c.height"
    )

    assert found == sorted(found)
    assert len(set(found)) == 6
