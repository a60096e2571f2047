"""Executing: one request, and the sweep of what waits."""

import psycopg
import pytest
from django.conf import settings
from django.db import connections

from registry import services
from registry.models import Request
from tests import make
from tests.ledger import look, past
from tests.ledger.wrongs import tamper


def approved(volume: int = 5, holding: int = 10) -> Request:
    return make.approved_transfer(make.account(holding=holding), make.account(), volume)


def statuses(*requests: Request) -> list[str]:
    return [Request.objects.get(pk=request.pk).status for request in requests]


def test_an_execution_returns_the_request_as_it_is_now(committed_db):
    request = approved()

    done = services.execute_request(request_id=request.pk)

    assert done.status == "executed"
    assert look.header(done)["id"] == done.transaction_id


def test_executing_again_changes_nothing(committed_db):
    first = services.execute_request(request_id=approved().pk)
    before = look.everything()

    second = services.execute_request(request_id=first.pk)

    assert second.transaction_id == first.transaction_id
    assert look.everything() == before


def test_a_refusal_marks_the_request_failed(committed_db):
    done = services.execute_request(request_id=approved(volume=11).pk)

    assert (done.status, done.failure_code) == ("failed", "INSUFFICIENT_TOTAL_BALANCE")


def test_what_failed_stays_failed(committed_db):
    request = approved(volume=11)
    services.execute_request(request_id=request.pk)
    make.mint(request.source, 100)

    again = services.execute_request(request_id=request.pk)

    assert (again.status, again.failure_code) == ("failed", "INSUFFICIENT_TOTAL_BALANCE")


def test_a_request_nobody_approved_is_left_as_it_is(committed_db):
    request = make.transfer_request(make.account(holding=10), make.account(), 5)

    after = services.execute_request(request_id=request.pk)

    assert (after.status, after.failure_code) == ("submitted", "")


def test_a_busy_account_leaves_the_request_for_the_next_sweep(committed_db):
    request = approved()
    holder = committed_db.connect()
    holder.execute("SELECT FROM registry_account FOR UPDATE")
    with connections["ledger"].cursor() as cursor:
        cursor.execute("SET ledger.lock_wait = 'nowait'")

    busy = services.execute_request(request_id=request.pk).status
    holder.rollback()

    assert busy == "approved"
    assert services.execute_request(request_id=request.pk).status == "executed"


def test_the_sweep_executes_everything_that_waits(committed_db):
    requests = [approved() for _ in range(3)]

    done = list(services.execute_approved())

    assert [request.pk for request in done] == [request.pk for request in requests]
    assert statuses(*requests) == ["executed"] * 3
    assert list(services.execute_approved()) == []


def test_the_sweep_takes_the_oldest_decision_first(committed_db):
    source, target = make.account(holding=10), make.account()
    asked = [make.transfer_request(source, target, volume) for volume in (6, 7)]
    for request in reversed(asked):
        make.approve(request)

    list(services.execute_approved())

    assert statuses(*asked) == ["failed", "executed"]


def test_the_sweep_stops_at_its_limit(committed_db):
    requests = [approved() for _ in range(3)]

    list(services.execute_approved(limit=2))

    assert statuses(*requests) == ["executed", "executed", "approved"]


def test_the_sweep_leaves_alone_what_nobody_decided(committed_db):
    request = make.transfer_request(make.account(holding=10), make.account(), 5)

    assert list(services.execute_approved()) == []
    assert statuses(request) == ["submitted"]


def test_the_sweep_leaves_past_events_to_the_replay(committed_db):
    request = make.approve(make.mint_request(make.account(), 5, occurred_at=past.at("2026-03-01")))

    assert list(services.execute_approved()) == []
    assert statuses(request) == ["approved"]


def test_a_broken_invariant_does_not_stop_the_others(committed_db):
    broken, sound = approved(holding=10), approved(holding=20)
    tamper(committed_db, "leaves", "DELETE FROM ledger.leaves WHERE volume = 10")

    done = list(services.execute_approved())

    assert [request.pk for request in done] == [sound.pk]
    assert statuses(broken, sound) == ["approved", "executed"]


def test_a_refusal_does_not_stop_the_others(committed_db):
    refused, sound = approved(volume=11), approved()

    list(services.execute_approved())

    assert statuses(refused, sound) == ["failed", "executed"]


def test_a_serial_issued_before_does_not_stop_the_others(committed_db):
    target = make.account()
    make.mint(target, 5, source_serial="GO-1")
    twice = make.approve(make.mint_request(target, 5, source_serial="GO-1"))
    sound = approved()

    list(services.execute_approved())

    assert statuses(twice, sound) == ["failed", "executed"]
    assert Request.objects.get(pk=twice.pk).failure_code == "PRODUCTION_PERIOD_OVERLAP"


def test_this_process_knows_whether_it_may_execute(committed_db, monkeypatch):
    assert services.holds_ledger_login() is True

    monkeypatch.delitem(settings.DATABASES, "ledger")

    assert services.holds_ledger_login() is False


@pytest.mark.parametrize("kind", ["mint", "transfer", "retire", "reassign_region", "expire"])
def test_the_pages_own_login_cannot_execute(committed_db, kind):
    request = approved()

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        committed_db.connect("portal_web").execute(
            f"SELECT ledger_api.{kind}(%s, %s)", (request.pk, request.approver_id)
        )
