"""What is written is what was approved: each other thing, written by whoever can write rows."""

from datetime import date

import pytest

from registry import services
from tests import make
from tests.ledger.forge import WRITERS, Forger, approving, refused
from tests.ledger.test_guards_whole import Case
from tests.washing import stage_of

LONG_AGO = date(2010, 1, 1)


stage = stage_of(approving(reassignable=True, months_to_expiry=120))


@pytest.fixture(params=WRITERS)
def case(request, staged, committed_db) -> Case:
    return Case(committed_db, Forger(committed_db, request.param), *staged)


ATTACKS = {}


def attack(function):
    """Register an attack."""
    return ATTACKS.setdefault(function.__name__, function)


def moved(case, request, *parts: dict, block: dict | None = None, **header) -> None:
    """Write a whole transaction that cuts one block into these parts and posts what they move."""
    transaction = case.forger.header(request, **header)
    block = block or case.forger.blocks(case.source)[0]
    case.forger.consume(transaction, block["id"])
    for part in parts:
        created = case.forger.create(transaction, block, **part)
        if created["account_id"] != block["account_id"]:
            case.forger.settle(
                transaction,
                block["asset_id"],
                block["account_id"],
                created["account_id"],
                created["volume"],
            )
    case.forger.close(request, transaction)


def to(account, first_no: int, last_no: int) -> dict:
    return {"account_id": account.id, "first_no": first_no, "last_no": last_no}


@attack
def a_request_that_nobody_approved(case):
    waiting = make.transfer_request(case.source, case.target, 100, commodity=case.request.commodity)
    transaction, _ = case.forger.move(waiting)
    case.forger.link(transaction)


@attack
def a_request_that_is_not_marked_executed(case):
    transaction, _ = case.forger.move(case.request)
    case.forger.link(transaction)


@attack
def another_kind_than_approved(case):
    moved(case, case.request, to(case.target, 1, 30), to(case.source, 31, 100), kind="retire")


@attack
def another_actor_than_the_approver(case):
    transaction, _ = case.forger.move(case.request, actor_id=case.request.submitter_id)
    case.forger.close(case.request, transaction)


@attack
def more_than_approved(case):
    moved(case, case.request, to(case.target, 1, 31), to(case.source, 32, 100))


@attack
def less_than_approved(case):
    moved(case, case.request, to(case.target, 1, 29), to(case.source, 30, 100))


@attack
def into_another_account(case):
    moved(case, case.request, to(make.account(), 1, 30), to(case.source, 31, 100))


@attack
def out_of_another_account(case):
    victim = make.account(holding=30, commodity=case.request.commodity)
    moved(case, case.request, to(case.target, 101, 130), block=case.forger.blocks(victim)[0])


@attack
def other_numbers_than_approved(case):
    request = make.approved_transfer(
        case.source, case.target, None, commodity=case.request.commodity, ranges=((5, 14),)
    )
    moved(case, request, to(case.target, 1, 10), to(case.source, 11, 100))


@attack
def into_another_region(case):
    elsewhere = {"region_id": make.region().id}
    moved(case, case.request, to(case.target, 1, 30) | elsewhere, to(case.source, 31, 100))


@attack
def out_of_a_retirement_account(case):
    retired = make.retirement_account(case.source)
    make.retire(case.source, 40, target=retired, commodity=case.request.commodity)
    # The request names the retirement account: two people approved what must not be.
    request = make.approve(
        make.request(
            "transfer",
            make.submitter_for(case.source),
            case.request.commodity,
            source=retired,
            target=case.target,
            volume=40,
        )
    )
    moved(case, request, to(case.target, 1, 40), block=case.forger.blocks(retired)[0])


@attack
def out_of_the_expiry_account(case):
    commodity = case.request.commodity
    make.mint(
        case.source, 7, commodity=commodity, production_start=LONG_AGO, production_end=LONG_AGO
    )
    make.done(make.expire_request(commodity))
    request = make.approve(make.expire_request(commodity))
    expiry = commodity.system_accounts.get(type="expiry")
    moved(case, request, to(case.target, 101, 107), block=case.forger.blocks(expiry)[0])


@attack
def a_transfer_into_a_retirement_account(case):
    retirement = make.retirement_account(case.source)
    request = make.approved_transfer(case.source, retirement, 30, commodity=case.request.commodity)
    moved(case, request, to(retirement, 1, 30), to(case.source, 31, 100))


@attack
def a_retirement_into_a_trading_account(case):
    request = make.approve(
        make.retire_request(case.source, 30, target=case.target, commodity=case.request.commodity)
    )
    moved(case, request, to(case.target, 1, 30), to(case.source, 31, 100))


@attack
def a_retirement_for_another_organisation(case):
    terminal = make.retirement_account(case.target)
    request = make.approve(
        make.retire_request(case.source, 30, target=terminal, commodity=case.request.commodity)
    )
    moved(case, request, to(terminal, 1, 30), to(case.source, 31, 100))


@attack
def an_expiry_into_a_trading_account(case):
    request = make.approve(make.expire_request(case.request.commodity))
    moved(case, request, to(case.target, 1, 100))


@attack
def a_region_change_into_another_region_than_approved(case):
    request = region_change(case)
    transaction = case.forger.header(request)
    block = case.forger.blocks(case.source)[0]
    case.forger.consume(transaction, block["id"])
    case.forger.create(transaction, block, region_id=make.region().id)
    postings = [(case.source, 0, 100, 100), (case.source, 100, 0, 100)]
    case.forger.post_together(transaction, block["asset_id"], *postings)
    case.forger.close(request, transaction)


@attack
def a_region_change_that_gives_the_certificates_away(case):
    request = region_change(case)
    moved(case, request, to(case.target, 1, 100) | {"region_id": request.region_id})


@attack
def an_issue_for_another_facility(case):
    request = make.approve(make.mint_request(case.target, 10, commodity=case.request.commodity))
    other = make.facility(case.target.organisation)
    transaction, batch, _ = case.forger.mint(request, 101, facility_id=other.id)
    issuance = request.commodity.system_accounts.get(type="issuance")
    case.forger.settle(transaction, batch["id"], issuance, case.target, 10)
    case.forger.close(request, transaction)


def region_change(case):
    """Return an approved change of 100 to another region."""
    region = make.facility(case.source.organisation).region
    target = make.region()
    commodity = case.request.commodity
    services.allow_region_change(
        commodity=commodity, from_region=region, to_region=target, valid_from=LONG_AGO
    )
    return make.approve(make.region_request(case.source, 100, region, target, commodity=commodity))


@pytest.mark.parametrize("name", ATTACKS)
def test_what_was_not_approved_is_refused(name, case):
    with refused("REQUEST_NOT_FOLLOWED"):
        ATTACKS[name](case)
        case.forger.commit()
