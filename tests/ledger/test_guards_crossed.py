"""Two open transactions whose rows cross, and rows that only look like history."""

import psycopg
import pytest

from tests import make
from tests.ledger.forge import WRITERS, Forger, refused


@pytest.fixture(params=WRITERS)
def forger(request, committed_db) -> Forger:
    return Forger(committed_db, request.param)


def test_no_number_is_created_twice_by_way_of_another_open_transaction(forger):
    source, target = make.account(holding=110), make.account()
    away = make.approved_transfer(source, target, 55)
    back = make.approved_transfer(target, source, 20)
    first, second = forger.header(away), forger.header(back)
    block = forger.blocks(source)[0]
    forger.consume(first, block["id"])
    part = forger.create(first, block, account_id=target.id, last_no=55)
    forger.consume(second, part["id"])
    forger.create(second, part, account_id=source.id, first_no=21)
    forger.create(first, block, account_id=target.id, last_no=55)  # again: 1 to 55
    forger.settle(first, block["asset_id"], source, target, 55)

    with refused("CHAIN_BROKEN"):
        forger.close(away, first)


@pytest.mark.parametrize("first_linked", [0, 1])
def test_what_one_open_transaction_creates_another_cannot_consume(forger, first_linked):
    source, target = make.account(holding=100), make.account(holding=50)
    requests = [
        make.approved_transfer(target, source, 30),
        make.approved_transfer(source, target, 30),
    ]
    headers = [forger.header(request) for request in requests]
    block = forger.blocks(source)[0]
    forger.consume(headers[1], block["id"])
    part = forger.create(headers[1], block, account_id=target.id, last_no=30)
    forger.create(headers[1], block, first_no=31)
    forger.consume(headers[0], part["id"])
    forger.create(headers[0], part, account_id=source.id)
    forger.settle(headers[0], block["asset_id"], target, source, 30)
    forger.settle(headers[1], block["asset_id"], source, target, 30)

    with refused("CHAIN_BROKEN"):
        forger.close(requests[first_linked], headers[first_linked])
        forger.close(requests[1 - first_linked], headers[1 - first_linked])


def test_what_two_open_transactions_posted_cannot_cross(forger):
    source, target = make.account(holding=100), make.account(holding=5)
    requests = [make.approved_transfer(source, target, volume) for volume in (30, 20)]
    first, second = (forger.header(request) for request in requests)
    asset = forger.blocks(source)[0]["asset_id"]
    forger.settle(second, asset, source, target, 20)

    with refused("BALANCE_DRIFT"):
        forger.settle(first, asset, source, target, 30)


def test_a_block_is_not_its_own_parent(forger):
    victim, source, target = make.account(holding=100), make.account(holding=50), make.account()
    request = make.approved_transfer(source, target, 50)
    transaction = forger.header(request)
    block, theirs = forger.blocks(source)[0], forger.blocks(victim)[0]
    forger.consume(transaction, block["id"])
    forger.create(transaction, block, account_id=target.id)
    forger.insert(
        "transaction_items",
        overriding=True,
        id=1_000_000,
        transaction_id=transaction["id"],
        asset_id=theirs["asset_id"],
        account_id=source.id,
        region_id=block["region_id"],
        first_no=11,
        last_no=40,
        volume=30,
        input_id=1_000_000,
    )
    forger.consume(transaction, 1_000_000)
    forger.settle(transaction, block["asset_id"], source, target, 50)

    with refused("SPLIT_VOLUME_MISMATCH"):
        forger.close(request, transaction)


def test_a_region_change_that_names_no_region_moves_nothing(forger):
    source = make.account(holding=100)
    commodity = make.default_commodity()
    commodity.reassignable = True
    commodity.save()
    region, elsewhere = make.facility(source.organisation).region, make.region()
    request = make.approve(make.region_request(source, 30, region, None))
    transaction = forger.header(request)
    block = forger.blocks(source)[0]
    forger.consume(transaction, block["id"])
    forger.create(transaction, block, last_no=30, region_id=elsewhere.pk)
    forger.create(transaction, block, first_no=31)
    postings = [(source, 0, 30, 100), (source, 30, 0, 100)]
    forger.post_together(transaction, block["asset_id"], *postings)

    with refused("REQUEST_NOT_FOLLOWED"):
        forger.close(request, transaction)


@pytest.mark.parametrize(
    "fault",
    [
        {"source_serial": "forged"},
        {"expires_at": "2000-01-01"},
        {"transferable_until": "2000-01-01"},
        {"region_id": 0},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_a_batch_is_what_was_asked_for(forger, fault):
    target = make.account()
    make.mint(target, 100)
    request = make.approve(make.mint_request(target, 10))
    if "region_id" in fault:
        fault = {"region_id": make.region().pk}
    transaction, batch, _ = forger.mint(request, 101, **fault)
    issuance = request.commodity.system_accounts.get(type="issuance")
    forger.settle(transaction, batch["id"], issuance, target, 10)

    with refused("REQUEST_NOT_FOLLOWED"):
        forger.close(request, transaction)


def test_what_is_not_due_does_not_expire(forger):
    source = make.account(holding=100)
    request = make.approve(make.expire_request())
    expiry = request.commodity.system_accounts.get(type="expiry")
    transaction = forger.header(request)
    block = forger.blocks(source)[0]
    forger.consume(transaction, block["id"])
    forger.create(transaction, block, account_id=expiry.id)
    forger.settle(transaction, block["asset_id"], source, expiry, 100)

    with refused("REQUEST_NOT_FOLLOWED"):
        forger.close(request, transaction)


@pytest.mark.parametrize("writer", ["ledger_owner", "replica"])
def test_balances_that_were_emptied_do_not_start_again(committed_db, writer):
    source, target = make.account(holding=100), make.account(holding=40)
    request = make.approved_transfer(source, target, 30)
    forger = Forger(committed_db, writer)
    forger.run("TRUNCATE ledger.account_balances")
    forger.insert(
        "account_balances", account_id=source.id, commodity_id=request.commodity_id, balance=100
    )

    with refused("BALANCE_DRIFT"):
        forger.move(request)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger.account_balances SET balance = 7777 WHERE NOT issues",
        "DELETE FROM ledger.leaves",
    ],
)
def test_the_derivation_alone_is_not_watched_and_not_who_takes_its_role(committed_db, change):
    make.account(holding=100)

    with pytest.raises(psycopg.Error) as caught:
        Forger(committed_db, "ledger_deriver").run(change)

    # It cannot even read what the guards ask about.
    assert caught.value.diag.sqlstate in {"42501", "LB002", "LB003"}
