"""What is written keeps to the request: filters, blocks as shown, dates, accounts, limits."""

from datetime import UTC, date, datetime, timedelta

import pytest

from registry import services
from registry.models import Account
from tests import make
from tests.ledger.forge import Forger, approving, refused
from tests.ledger.test_guards_approval import LONG_AGO, moved, to
from tests.ledger.test_guards_whole import Case
from tests.washing import stage_of

ATTACKS = {}


stage = stage_of(approving(months_transferable=60, months_to_expiry=120))


@pytest.fixture
def case(staged, committed_db) -> Case:
    return Case(committed_db, Forger(committed_db), *staged)


def attack(function):
    """Register an attack."""
    return ATTACKS.setdefault(function.__name__, function)


def transfer(case, **asks) -> None:
    """Let 30 be approved with more said of them, and move the lowest whatever was said."""
    request = make.approved_transfer(
        case.source, case.target, 30, commodity=case.request.commodity, **asks
    )
    moved(case, request, to(case.target, 1, 30), to(case.source, 31, 100))


@attack
def of_another_facility(case):
    transfer(case, filter_facility=make.facility(case.source.organisation))


@attack
def of_another_region(case):
    transfer(case, filter_region=make.region())


@attack
def produced_before(case):
    transfer(case, filter_produced_from=date(2026, 1, 2))


@attack
def produced_after(case):
    transfer(case, filter_produced_to=date(2026, 1, 30))


@attack
def other_blocks_than_shown(case):
    request = make.transfer_request(case.source, case.target, 30, commodity=case.request.commodity)
    shown = services.preview_request(request.id)["fingerprint"]
    request = make.approve(request, shown)
    moved(case, request, to(case.target, 71, 100), to(case.source, 1, 70))


@attack
def past_their_expiry(case):
    old(case, LONG_AGO, kind="retire")


@attack
def past_the_end_of_trade(case):
    old(case, date(datetime.now(UTC).year - 7, 1, 1), kind="transfer")


def old(case, day: date, *, kind: str) -> None:
    """Move 30 that were produced on a day long ago."""
    commodity = case.request.commodity
    make.mint(case.source, 30, commodity=commodity, production_start=day, production_end=day)
    ask = {"transfer": make.transfer_request, "retire": make.retire_request}[kind]
    target = make.retirement_account(case.source) if kind == "retire" else case.target
    request = make.approve(ask(source=case.source, target=target, volume=30, commodity=commodity))
    moved(case, request, to(target, 101, 130), block=case.forger.blocks(case.source)[-1])


@attack
def from_a_suspended_account(case):
    Account.objects.filter(pk=case.source.pk).update(status="suspended")
    moved(case, case.request, to(case.target, 1, 30), to(case.source, 31, 100))


@attack
def into_a_suspended_account(case):
    Account.objects.filter(pk=case.target.pk).update(status="suspended")
    moved(case, case.request, to(case.target, 1, 30), to(case.source, 31, 100))


@attack
def more_blocks_than_an_expiry_may_take(case):
    commodity = case.request.commodity
    for day in (LONG_AGO, LONG_AGO + timedelta(days=1)):
        make.mint(case.source, 7, commodity=commodity, production_start=day, production_end=day)
    request = make.approve(make.expire_request(commodity, max_blocks=1))
    expiry = commodity.system_accounts.get(type="expiry")
    transaction = case.forger.header(request)
    for block in case.forger.blocks(case.source)[-2:]:
        case.forger.consume(transaction, block["id"])
        case.forger.create(transaction, block, account_id=expiry.id)
        case.forger.settle(transaction, block["asset_id"], case.source, expiry, 7)
    case.forger.close(request, transaction)


@attack
def a_period_issued_for_before(case):
    plant = make.facility(case.target.organisation)
    commodity = make.commodity()
    make.mint(case.target, 10, commodity=commodity, facility=plant)
    issue(case, make.mint_request(case.target, 10, commodity=commodity, facility=plant), 11)


@attack
def a_production_that_has_not_happened(case):
    ahead = datetime.now(UTC).date() + timedelta(days=2)
    commodity = make.commodity()
    make.mint(case.target, 10, commodity=commodity)
    request = make.mint_request(
        case.target, 10, commodity=commodity, production_start=ahead, production_end=ahead
    )
    issue(case, request, 11)


def issue(case, request, first_no: int) -> None:
    """Issue whatever was approved."""
    request = make.approve(request)
    transaction, batch, _ = case.forger.mint(request, first_no)
    issuance = request.commodity.system_accounts.get(type="issuance")
    case.forger.settle(transaction, batch["id"], issuance, request.target, request.volume)
    case.forger.close(request, transaction)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_does_not_keep_to_the_request_is_refused(name, case):
    with refused("REQUEST_NOT_FOLLOWED"):
        ATTACKS[name](case)
        case.forger.commit()
