"""Two sessions want the same thing: one of them gets it, and the ledger stays sound."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg
import pytest
from django.db import connections

from registry import services
from registry.models import Account, Region, Request
from tests import make
from tests.proof import balance, executed, prove
from tests.server import Database
from tests.together import (
    behind_gate,
    call,
    execute,
    executing,
    names,
    outcome,
    serving,
    together,
    wait_until_blocked,
    while_held,
)

STRICT = pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])


def two_of_80_from_100() -> tuple[Account, Account, list[Request]]:
    """Make an account of 100, another one, and two approved transfers of 80 between them."""
    source, target = make.account(holding=100), make.account()
    return source, target, [make.approved_transfer(source, target, 80) for _ in range(2)]


def test_two_transfers_of_80_from_100_leave_exactly_one_done(committed_db: Database) -> None:
    source, target, requests = two_of_80_from_100()

    outcomes = behind_gate(committed_db, [source], *executing(committed_db, requests))

    assert names(outcomes) == ["INSUFFICIENT_TOTAL_BALANCE", "done"]
    assert (balance(committed_db, source), balance(committed_db, target)) == (20, 80)
    prove(committed_db)


@STRICT
def test_two_strict_transfers_of_80_from_100_leave_one_done_and_one_to_try_again(
    committed_db: Database, isolation: str
) -> None:
    source, target, requests = two_of_80_from_100()
    acts = executing(committed_db, requests, default_transaction_isolation=isolation)

    outcomes = behind_gate(committed_db, [source], *acts)
    again = [act() for act in acts]

    assert names(outcomes) == ["40001", "done"]
    assert names(again) == ["INSUFFICIENT_TOTAL_BALANCE", "done"]
    assert (balance(committed_db, source), balance(committed_db, target)) == (20, 80)
    prove(committed_db)


@STRICT
def test_a_strict_loser_stays_approved_until_it_is_tried_again(
    committed_db: Database, isolation: str
) -> None:
    source, _, requests = two_of_80_from_100()

    def serve(request: Request) -> Request:
        with connections["ledger"].cursor() as cursor:
            cursor.execute(
                "SELECT set_config('default_transaction_isolation', %s, false)", [isolation]
            )
        return services.execute_request(request_id=request.pk)

    acts = [serving(serve, request=request) for request in requests]
    outcomes = behind_gate(committed_db, [source], *acts)
    swept = list(services.execute_approved())

    assert sorted(outcomes) == ["approved", "executed"]
    assert [(each.status, each.failure_code) for each in swept] == [
        ("failed", "INSUFFICIENT_TOTAL_BALANCE")
    ]
    prove(committed_db)


def test_eight_executions_of_one_request_at_once_have_one_result(committed_db: Database) -> None:
    source, target = make.account(holding=100), make.account()
    request = make.approved_transfer(source, target, 80)

    outcomes = behind_gate(committed_db, [source], *executing(committed_db, [request] * 8))

    assert len(set(outcomes)) == 1
    assert list(executed(committed_db).values()).count(request.pk) == 1
    assert (balance(committed_db, source), balance(committed_db, target)) == (20, 80)
    prove(committed_db)


@STRICT
def test_eight_strict_executions_of_one_request_have_one_result_in_the_end(
    committed_db: Database, isolation: str
) -> None:
    source, target = make.account(holding=100), make.account()
    acts = executing(
        committed_db,
        [make.approved_transfer(source, target, 80)] * 8,
        default_transaction_isolation=isolation,
    )

    outcomes = behind_gate(committed_db, [source], *acts)
    again = {act() for act in acts}

    assert again == set(outcomes) - {"40001"}
    assert len(again) == 1
    prove(committed_db)


def test_a_service_and_a_sweep_that_meet_execute_a_request_once(committed_db: Database) -> None:
    source, target = make.account(holding=100), make.account()
    request = make.approved_transfer(source, target, 80)

    outcomes = behind_gate(
        committed_db,
        [source],
        serving(services.execute_request, request_id=request.pk),
        serving(lambda: next(services.execute_approved())),
    )

    assert outcomes == ["executed", "executed"]
    assert balance(committed_db, target) == 80
    prove(committed_db)


def test_two_mints_of_overlapping_months_of_one_facility_leave_one(committed_db: Database) -> None:
    holder = make.account()
    plant = make.facility(holder.organisation)
    requests = [make.approve(make.mint_request(holder, 50, facility=plant)) for _ in range(2)]
    issuance = requests[0].commodity.system_accounts.get(type="issuance")

    outcomes = behind_gate(committed_db, [issuance], *executing(committed_db, requests))

    assert names(outcomes) == ["PRODUCTION_PERIOD_OVERLAP", "done"]
    assert balance(committed_db, holder) == 50
    prove(committed_db)


@STRICT
@pytest.mark.parametrize("minted_before", [0, 10])
def test_two_strict_mints_of_overlapping_months_leave_one(
    committed_db: Database, isolation: str, minted_before: int
) -> None:
    holder = make.account(holding=minted_before)
    plant = make.facility(holder.organisation)
    requests = [make.approve(make.mint_request(holder, 50, facility=plant)) for _ in range(2)]
    issuance = requests[0].commodity.system_accounts.get(type="issuance")
    acts = executing(committed_db, requests, default_transaction_isolation=isolation)

    outcomes = behind_gate(committed_db, [issuance], *acts)
    again = [act() for act in acts]

    assert names(outcomes) == ["40001", "done"]
    assert names(again) == ["PRODUCTION_PERIOD_OVERLAP", "done"]
    assert balance(committed_db, holder) == minted_before + 50
    prove(committed_db)


def test_a_region_change_and_a_transfer_of_the_same_numbers_are_done_in_turn(
    committed_db: Database,
) -> None:
    commodity = make.commodity(reassignable=True)
    source, target = make.account(holding=100, commodity=commodity), make.account()
    here, there = Region.objects.get(), make.region()
    services.allow_region_change(
        commodity=commodity, from_region=here, to_region=there, valid_from=date(2020, 1, 1)
    )
    whole = {"ranges": ((1, 100),)}
    requests = [
        make.approve(make.region_request(source, None, here, there, **whole)),
        make.approved_transfer(source, target, None, **whole),
    ]

    outcomes = behind_gate(committed_db, [source], *executing(committed_db, requests))

    # The change goes first or finds the numbers gone; the transfer succeeds either way.
    assert names(outcomes) in (["done", "done"], ["BLOCK_NOT_HELD", "done"])
    assert balance(committed_db, target) == 100
    prove(committed_db)


@pytest.mark.parametrize("first", ["approve", "reject", "withdraw"])
@pytest.mark.parametrize("second", ["approve", "reject", "withdraw"])
def test_of_two_who_decide_at_once_one_wins(
    committed_db: Database, first: str, second: str
) -> None:
    source, target = make.account(holding=100), make.account()
    request = make.transfer_request(source, target, 80)
    submitter, here = request.submitter, {"request_id": request.pk}
    people = [make.approver(email="one@example.org"), make.approver(email="two@example.org")]
    acts = {
        "approve": lambda n: serving(services.approve_request, approver=people[n], **here),
        "reject": lambda n: serving(
            services.reject_request, approver=people[n], reason="No.", **here
        ),
        "withdraw": lambda n: serving(services.withdraw_request, submitter=submitter, **here),
    }

    holder = committed_db.connect()
    holder.execute("SELECT FROM registry_request WHERE id = %s FOR UPDATE", (request.pk,))
    outcomes = while_held(committed_db, holder, acts[first](0), acts[second](1))

    won = [each for each in outcomes if each != "REQUEST_TRANSITION_INVALID"]
    request.refresh_from_db()
    assert set(won) == {request.status}
    # Withdrawing twice is the same wish twice: both hear that it is withdrawn.
    assert len(won) == (2 if first == second == "withdraw" else 1)
    assert balance(committed_db, target) == (80 if request.status == "executed" else 0)
    prove(committed_db)


@pytest.mark.parametrize("side", ["source", "target"])
def test_an_account_suspended_while_a_transfer_waits_stops_it(
    committed_db: Database, side: str
) -> None:
    accounts = {"source": make.account(holding=100), "target": make.account()}
    request = make.approved_transfer(accounts["source"], accounts["target"], 80)

    pages = committed_db.connect("portal_web")
    pages.execute(
        "UPDATE registry_account SET status = 'suspended' WHERE id = %s", (accounts[side].pk,)
    )
    outcomes = while_held(
        committed_db, pages, serving(services.execute_request, request_id=request.pk)
    )

    request.refresh_from_db()
    assert outcomes == ["failed"]
    assert request.failure_code == "ACCOUNT_NOT_ACTIVE"
    assert balance(committed_db, accounts["source"]) == 100
    prove(committed_db)


def test_a_caller_who_rolls_back_leaves_nothing_and_the_next_one_executes(
    committed_db: Database,
) -> None:
    source, target = make.account(holding=100), make.account()
    request = make.approved_transfer(source, target, 80)

    first = committed_db.connect("ledger_service")
    call(first, request)
    with ThreadPoolExecutor() as threads:
        second = threads.submit(execute, committed_db, request)
        wait_until_blocked(committed_db, 1)
        first.rollback()

    assert isinstance(second.result(), int)
    assert balance(committed_db, target) == 80
    prove(committed_db)


def test_a_savepoint_rolled_back_takes_the_transfer_with_it(committed_db: Database) -> None:
    source, target = make.account(holding=100), make.account()
    kept, dropped = (make.approved_transfer(source, target, volume) for volume in (30, 50))

    with committed_db.connect("ledger_service") as connection:
        call(connection, kept)
        connection.execute("SAVEPOINT here")
        call(connection, dropped)
        connection.execute("ROLLBACK TO SAVEPOINT here")
        connection.commit()

    assert (balance(committed_db, source), balance(committed_db, target)) == (70, 30)
    prove(committed_db)


def test_a_refusal_inside_a_savepoint_leaves_the_rest_of_the_transaction_whole(
    committed_db: Database,
) -> None:
    source, target = make.account(holding=100), make.account()
    kept, refused = (make.approved_transfer(source, target, volume) for volume in (80, 80))

    with committed_db.connect("ledger_service") as connection:
        call(connection, kept)
        connection.execute("SAVEPOINT here")
        with pytest.raises(psycopg.Error) as raised:
            call(connection, refused)
        connection.execute("ROLLBACK TO SAVEPOINT here")
        connection.commit()

    assert outcome(raised.value) == "INSUFFICIENT_TOTAL_BALANCE"
    assert (balance(committed_db, source), balance(committed_db, target)) == (20, 80)
    prove(committed_db)


def test_readers_see_a_sound_ledger_at_every_moment_of_a_storm(committed_db: Database) -> None:
    one, other = make.account(holding=100), make.account(holding=100)
    requests = [
        make.approved_transfer(*pair, 7) for _ in range(40) for pair in ((one, other), (other, one))
    ]

    def write() -> set:
        return {type(execute(committed_db, request)) for request in requests}

    def look() -> int:
        for _ in range(20):
            prove(committed_db)
        return 20

    outcomes = together(write, look, look)

    assert outcomes == [{int}, 20, 20]
    assert balance(committed_db, one) + balance(committed_db, other) == 200
