"""What a transaction must be when whole: each rule broken by whoever can write rows."""

from dataclasses import dataclass
from datetime import date

import pytest

from registry import services
from registry.models import Account, Request
from tests import make
from tests.ledger.forge import WRITERS, Forger, approving, refused
from tests.proof import prove
from tests.server import Database
from tests.washing import stage_of

stage = stage_of(approving())


@dataclass
class Case:
    """An approved transfer of 30 out of 100, and somebody who writes rows by hand."""

    database: Database
    forger: Forger
    request: Request
    source: Account
    target: Account

    def other_block(self, commodity=None) -> dict:
        """Issue 50 more to the source and return their block."""
        make.mint(self.source, 50, commodity=commodity, production_start=date(2025, 1, 1))
        return self.forger.blocks(self.source)[-1]

    def mint_request(self, volume: int) -> Request:
        """Return an approved request for an issue to the target."""
        return make.approve(make.mint_request(self.target, volume))


@pytest.fixture(params=WRITERS)
def case(request, staged, committed_db) -> Case:
    return Case(committed_db, Forger(committed_db, request.param), *staged)


def test_a_transfer_written_by_hand_without_a_fault_is_accepted(case):
    transaction, _ = case.forger.move(case.request)
    case.forger.close(case.request, transaction)
    case.forger.commit()
    prove(case.database)


def test_a_mint_written_by_hand_without_a_fault_is_accepted(case):
    request = case.mint_request(10)
    transaction, batch, _ = case.forger.mint(request, 101)
    issuance = case.request.commodity.system_accounts.get(type="issuance")
    case.forger.settle(transaction, batch["id"], issuance, case.target, 10)
    case.forger.close(request, transaction)
    case.forger.run("UPDATE ledger.heads SET next_no = 111")
    case.forger.commit()

    prove(case.database)


# Each attack writes one fault; the name is what must follow, at commit at the latest.
ATTACKS = {}


def attack(*names: str):
    """Register an attack and what must refuse it."""
    return lambda function: ATTACKS.setdefault(function.__name__, (function, names)) and function


def moved_whole(case) -> tuple:
    """Move the block of 1 to 100 as approved, without a posting; return what belongs to it."""
    request = make.approved_transfer(case.source, case.target, 100)
    transaction = case.forger.header(request)
    block = case.forger.blocks(case.source)[0]
    case.forger.consume(transaction, block["id"])
    case.forger.create(transaction, block, account_id=case.target.id)
    return request, transaction, block["asset_id"]


@attack("POSTING_IMBALANCE")
def a_lone_posting(case):
    transaction = case.forger.header(case.request)
    asset = case.forger.blocks(case.source)[0]["asset_id"]
    case.forger.post(transaction, asset, case.target, credit=5)


@attack("POSTING_IMBALANCE")
def a_credit_too_much(case):
    transaction, block = case.forger.move(case.request)
    case.forger.post(transaction, block["asset_id"], case.target, credit=5)
    case.forger.close(case.request, transaction)


@attack("POSTING_IMBALANCE")
def credits_of_one_batch_against_debits_of_another(case):
    other = case.other_block()
    transaction = case.forger.header(case.request)
    asset = case.forger.blocks(case.source)[0]["asset_id"]
    case.forger.post(transaction, asset, case.source, debit=30)
    case.forger.post(transaction, other["asset_id"], case.target, credit=30)


@attack("POSTING_IMBALANCE")
def postings_without_blocks_that_move(case):
    transaction = case.forger.header(case.request)
    block = case.forger.blocks(case.source)[0]
    case.forger.settle(transaction, block["asset_id"], case.source, case.target, 30)
    case.forger.close(case.request, transaction)


@attack("POSTING_IMBALANCE")
def blocks_that_move_without_postings(case):
    request, transaction, _ = moved_whole(case)
    case.forger.close(request, transaction)


@attack("POSTING_IMBALANCE")
def a_mint_charged_to_somebodys_account(case):
    request = case.mint_request(10)
    transaction, batch, _ = case.forger.mint(request, 101)
    case.forger.settle(transaction, batch["id"], case.source, case.target, 10)
    case.forger.close(request, transaction)


@attack("POSTING_MISSING")
def a_header_alone(case):
    case.forger.header(case.request)


@attack("POSTING_MISSING")
def postings_that_cancel_out_and_no_block(case):
    transaction = case.forger.header(case.request)
    asset = case.forger.blocks(case.source)[0]["asset_id"]
    source = case.source
    case.forger.post_together(transaction, asset, (source, 0, 5, 100), (source, 5, 0, 100))
    case.forger.close(case.request, transaction)


@attack("POSTING_MISSING")
def a_region_change_without_a_posting(case):
    commodity = case.request.commodity
    commodity.reassignable = True
    commodity.save()
    region, target = make.facility(case.source.organisation).region, make.region()
    services.allow_region_change(
        commodity=commodity, from_region=region, to_region=target, valid_from=date(2020, 1, 1)
    )
    request = make.approve(make.region_request(case.source, 100, region, target))
    transaction = case.forger.header(request)
    block = case.forger.blocks(case.source)[0]
    case.forger.consume(transaction, block["id"])
    case.forger.create(transaction, block, region_id=target.id)
    case.forger.close(request, transaction)


@attack("POSTING_IMBALANCE")
def a_mint_that_no_issuance_account_gave(case):
    request = case.mint_request(10)
    transaction, batch, _ = case.forger.mint(request, 101)
    case.forger.post(transaction, batch["id"], case.target, credit=10)
    case.forger.close(request, transaction)


@attack("POSTING_IMBALANCE")
def a_mint_that_the_issuance_account_gave_in_part(case):
    request = case.mint_request(10)
    transaction, batch, _ = case.forger.mint(request, 101)
    issuance = case.request.commodity.system_accounts.get(type="issuance")
    for account, side in ((issuance, {"debit": 7}), (case.target, {"credit": 10})):
        case.forger.post(transaction, batch["id"], account, **side)
    case.forger.close(request, transaction)


@attack("SPLIT_VOLUME_MISMATCH")
def a_consumed_block_without_children(case):
    transaction = case.forger.header(case.request)
    case.forger.consume(transaction, case.forger.blocks(case.source)[0]["id"])


def split(*parts: tuple[int, int]):
    """Cut the block of 1 to 100 into these ranges instead."""

    def cut(case):
        transaction = case.forger.header(case.request)
        block = case.forger.blocks(case.source)[0]
        case.forger.consume(transaction, block["id"])
        for first_no, last_no in parts:
            case.forger.create(transaction, block, first_no=first_no, last_no=last_no)

    return cut


for name, parts in {
    "children_with_a_gap": ((1, 30), (32, 100)),
    "children_that_overlap": ((1, 30), (30, 100)),
    "children_that_end_too_early": ((1, 30), (31, 99)),
    "children_that_end_too_late": ((1, 30), (31, 101)),
    "children_that_start_too_late": ((2, 30), (31, 100)),
    "children_that_overlap_and_sum_up": ((1, 30), (41, 100), (91, 100)),
    "two_children_that_overlap_and_sum_up": ((11, 100), (91, 100)),
    "children_with_one_inside_another": ((1, 100), (20, 30)),
}.items():
    ATTACKS[name] = (split(*parts), ("SPLIT_VOLUME_MISMATCH",))


@attack("leaves_numbers_uq")
def two_children_of_the_same_numbers(case):
    split((1, 50), (1, 50))(case)


@attack("SPLIT_VOLUME_MISMATCH")
def a_child_of_another_batch(case):
    other = case.other_block()
    transaction = case.forger.header(case.request)
    block = case.forger.blocks(case.source)[0]
    case.forger.consume(transaction, block["id"])
    case.forger.create(transaction, block, asset_id=other["asset_id"])


@attack("PARENT_NOT_CONSUMED")
def a_block_from_nowhere(case):
    transaction = case.forger.header(case.request)
    block = case.forger.blocks(case.source)[0]
    case.forger.create(transaction, block, input_id=None, first_no=11)


@attack("PARENT_NOT_CONSUMED")
def a_block_whose_parent_was_not_consumed(case):
    transaction = case.forger.header(case.request)
    block = case.forger.blocks(case.source)[0]
    case.forger.create(transaction, block, first_no=11)


@attack("leaves_numbers_uq")
def a_block_in_the_place_of_its_parent(case):
    transaction = case.forger.header(case.request)
    case.forger.create(transaction, case.forger.blocks(case.source)[0])


@attack("PARENT_NOT_CONSUMED")
def a_block_whose_parent_was_consumed_before(case):
    block = case.forger.blocks(case.source)[0]
    case.forger.commit()
    make.transfer(case.source, case.target, 100)
    transaction = case.forger.header(case.request)
    case.forger.create(transaction, block, first_no=11)


@attack("PARENT_NOT_CONSUMED")
def a_mint_smaller_than_its_batch(case):
    case.forger.mint(case.mint_request(10), 101, {"last_no": 109, "volume": 9})


@attack("PARENT_NOT_CONSUMED")
def a_mint_in_another_region_than_its_batch(case):
    case.forger.mint(case.mint_request(10), 101, {"region_id": make.region().id})


@attack("PARENT_NOT_CONSUMED")
def a_mint_that_takes_somebodys_block(case):
    block = case.forger.blocks(case.source)[0]
    transaction, _, _ = case.forger.mint(case.mint_request(10), 101)
    case.forger.consume(transaction, block["id"])
    case.forger.create(transaction, block, account_id=case.target.id)


@attack("LEAF_SHORTFALL")
def blocks_of_another_commodity(case):
    commodity = make.commodity()
    make.mint(case.target, 200, commodity=commodity)
    other = case.other_block(commodity=commodity)
    transaction = case.forger.header(case.request)
    case.forger.consume(transaction, other["id"])
    cut = other["first_no"] + 30
    for part in ({"account_id": case.target.id, "last_no": cut - 1}, {"first_no": cut}):
        case.forger.create(transaction, other, **part)
    case.forger.settle(transaction, other["asset_id"], case.source, case.target, 30)
    case.forger.close(case.request, transaction)


@attack("SPENT_INPUT_STILL_LEAF")
def a_consumed_block_still_counted_as_held(case):
    transaction = case.forger.header(case.request)
    block = case.forger.blocks(case.source)[0]
    case.forger.consume(transaction, block["id"])
    case.forger.leaf(block, transaction["commodity_id"])


@attack("LEAF_SHORTFALL")
def a_new_block_not_counted_as_held(case):
    transaction = case.forger.header(case.request)
    block = case.forger.blocks(case.source)[0]
    case.forger.consume(transaction, block["id"])
    created = case.forger.create(transaction, block, account_id=case.target.id)
    case.forger.run("DELETE FROM ledger.leaves WHERE item_id = %s", created["id"])


@attack("LEAF_SHORTFALL")
def a_block_that_never_was_is_spent(case):
    case.forger.consume(case.forger.header(case.request), 4711)


@attack("transaction_item_inputs_input_spent_once_pk")
def a_block_spent_twice_at_once(case):
    transaction = case.forger.header(case.request)
    block = case.forger.blocks(case.source)[0]
    case.forger.consume(transaction, block["id"])
    case.forger.consume(transaction, block["id"])


@attack("transaction_item_inputs_input_spent_once_pk")
def a_block_spent_again_later(case):
    block = case.forger.blocks(case.source)[0]
    case.forger.commit()
    make.transfer(case.source, case.target, 100)
    case.forger.consume(case.forger.header(case.request), block["id"])


@attack("BALANCE_DRIFT")
def a_balance_stored_otherwise(case):
    _, transaction, asset = moved_whole(case)
    case.forger.settle(transaction, asset, case.source, case.target, 100)
    case.forger.store(case.target, transaction["commodity_id"], 1_000_000)


@attack("BALANCE_DRIFT", "credits_debits_derive_posted")
def a_posting_that_states_a_balance_it_does_not_lead_to(case):
    _, transaction, asset = moved_whole(case)
    case.forger.post(transaction, asset, case.source, debit=100, balance_after=40)


@attack("BALANCE_DRIFT", "credits_debits_derive_posted")
def a_first_posting_that_states_a_balance_it_does_not_lead_to(case):
    _, transaction, asset = moved_whole(case)
    case.forger.post(transaction, asset, case.target, credit=100, balance_after=1_000_000)


for name, rows in {
    "of_two_postings_the_second_lies": ((0, 0, 100, 0), (1, 100, 0, 99)),
    "of_two_postings_the_first_lies": ((0, 0, 100, 1), (1, 100, 0, 100)),
    "two_postings_to_one_account_that_disagree": ((0, 0, 100, 0), (0, 60, 0, 60)),
    "two_postings_to_one_account_after_each_other": ((0, 0, 5, 95), (0, 3, 0, 98)),
    "of_three_postings_one_lies": ((0, 0, 60, 40), (0, 0, 40, 0), (1, 100, 0, 100)),
}.items():

    def lie(case, rows=rows):
        _, transaction, asset = moved_whole(case)
        accounts = (case.source, case.target)
        postings = [(accounts[who], *rest) for who, *rest in rows]
        case.forger.post_together(transaction, asset, *postings)

    ATTACKS[name] = (lie, ("BALANCE_DRIFT", "credits_debits_derive_posted"))


@attack("BALANCE_DRIFT", "balances_agree")
def postings_of_one_account_written_after_each_other(case):
    request, transaction, asset = moved_whole(case)
    case.forger.post(transaction, asset, case.source, debit=60)
    case.forger.post(transaction, asset, case.source, debit=40)
    case.forger.post(transaction, asset, case.target, credit=100)
    case.forger.close(request, transaction)


@attack("BALANCE_DRIFT", "credits_debits_derive_posted")
def postings_in_another_commodity(case):
    other = make.commodity()
    _, transaction, asset = moved_whole(case)
    case.forger.post(transaction, asset, case.target, commodity_id=other.id, credit=100)


@attack("account_balances_balance_not_negative_ck")
def a_balance_below_zero(case):
    transaction = case.forger.header(case.request)
    block = case.forger.blocks(case.source)[0]
    case.forger.settle(transaction, block["asset_id"], case.source, case.target, 101)


@attack("CHAIN_BROKEN")
def a_transaction_left_out_of_the_chain(case):
    transaction, _ = case.forger.move(case.request)
    case.forger.execute(case.request, transaction)


@attack("CHAIN_BROKEN")
def a_transaction_that_grows_after_it_was_looked_at(case):
    transaction, block = case.forger.move(case.request)
    case.forger.execute(case.request, transaction)
    case.forger.run("SET CONSTRAINTS ledger.transactions_whole_at_commit IMMEDIATE")
    case.forger.post(transaction, block["asset_id"], case.target, credit=1_000_000)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_transaction_with_a_fault_is_refused(name, case):
    write, names = ATTACKS[name]

    with refused(*names):
        write(case)
        case.forger.commit()
