"""Transfers: rows, choice of blocks, and every refusal in the order of its header."""

import pytest

from ledgerdb import calls
from tests import make
from tests.ledger import look, wrongs
from tests.ledger.wrongs import Case
from tests.server import Database
from tests.washing import stage_of

WRONGS = [
    *wrongs.REQUEST,
    *wrongs.TIME,
    wrongs.account_busy("source"),
    wrongs.Wrong(
        "SAME_ACCOUNT",
        "source and target",
        lambda case: case.asks.update(source=case.given["source"], target=case.given["source"]),
    ),
    *wrongs.account_wrongs("source"),
    *wrongs.account_wrongs("target"),
    wrongs.breaking("transferable"),
    *wrongs.CHOICE,
    *wrongs.END,
]


def a_transfer(database: Database) -> Case:
    commodity, source = wrongs.a_holding(database)
    # As in nearly every transfer, the target has held the commodity before.
    target = make.account(holding=1, commodity=commodity)
    asks = {"source": source, "target": target, "volume": 30}
    return Case(database, "transfer", commodity, asks)


stage = stage_of(a_transfer)


def test_a_transfer_that_nothing_is_wrong_with_is_done(staged):
    assert staged.outcome() == "done"


def test_the_header_names_the_refusals_in_the_order_tested_here():
    assert wrongs.header_codes("062_transfer.sql") == [each.code for each in WRONGS]


@pytest.mark.parametrize("wrong", WRONGS, ids=str)
def test_a_transfer_is_refused_and_writes_nothing(staged, wrong):
    case = wrongs.spoiled(staged, wrong)
    before = look.counts()

    refusal = case.outcome()

    assert refusal == wrong.code
    assert look.counts() == before


@pytest.mark.parametrize("place", range(len(WRONGS)), ids=lambda place: str(WRONGS[place]))
def test_of_several_wrongs_the_first_is_named(staged, place):
    case = wrongs.spoiled(staged, *WRONGS[place:])

    assert case.outcome() == WRONGS[place].code


def test_a_transfer_of_part_of_a_block_writes_every_row(committed_db):
    source, target = make.account(holding=100), make.account(holding=7)
    commodity = make.default_commodity()

    done = make.transfer(source, target, 30)

    header = look.header(done)
    assert header["kind"] == "transfer"
    assert header["commodity_id"] == commodity.pk
    assert header["actor_id"] == done.approver_id
    assert header["height"] == 3
    assert header["occurred_at"] <= header["recorded_at"]
    assert look.consumed(done) == [(source.pk, 1, 100)]
    assert look.created(done) == [(target.pk, 1, 30), (source.pk, 31, 100)]
    assert look.postings(done) == [(source.pk, 30, 0, 70), (target.pk, 0, 30, 37)]
    assert look.held(source) == [(31, 100)]
    assert look.held(target) == [(1, 30), (101, 107)]
    assert (look.balance(source), look.balance(target)) == (70, 37)


def test_the_request_says_which_transaction_executed_it_and_when(committed_db):
    done = make.transfer(make.account(holding=10), make.account(), 4)

    header = look.header(done)
    assert done.status == "executed"
    assert done.transaction_id == header["id"]
    assert done.executed_at == header["recorded_at"]


def test_a_block_that_fits_exactly_moves_whole(committed_db):
    source, target = make.account(holding=100), make.account()

    done = make.transfer(source, target, 100)

    assert look.created(done) == [(target.pk, 1, 100)]
    assert look.held(source) == []
    assert look.balance(source) == 0


def test_both_parts_of_a_cut_block_keep_batch_and_region(committed_db):
    source = make.account(holding=10)

    done = make.transfer(source, make.account(), 4)

    parts = look.rows(
        "SELECT DISTINCT i.asset_id, i.region_id, i.input_id FROM ledger.transaction_items i"
        " WHERE i.transaction_id = %s",
        done.transaction_id,
    )
    parent = look.rows(
        "SELECT asset_id, region_id, id FROM ledger.transaction_items WHERE input_id IS NULL"
    )
    assert parts == parent


def test_a_transfer_of_two_batches_posts_each_batch_apart(committed_db):
    source, target = make.account(), make.account()
    make.mint(source, 10)
    make.mint(source, 20)

    done = make.transfer(source, target, 25)

    assert look.postings(done) == [
        (source.pk, 10, 0, 5),
        (target.pk, 0, 10, 25),
        (source.pk, 15, 0, 5),
        (target.pk, 0, 15, 25),
    ]


def test_certificates_of_another_commodity_stay_where_they_are(committed_db):
    sun, wind = make.commodity(), make.commodity()
    source, target = make.account(), make.account()
    make.mint(source, 50, commodity=sun)
    make.mint(source, 60, commodity=wind)

    make.transfer(source, target, 50, commodity=sun)

    assert (look.held(source, sun), look.held(source, wind)) == ([], [(1, 60)])
    assert (look.balance(target, sun), look.balance(target, wind)) == (50, 0)


def test_what_another_commodity_holds_does_not_help_out(committed_db):
    sun, wind = make.commodity(), make.commodity()
    source = make.account()
    make.mint(source, 10, commodity=sun)
    make.mint(source, 90, commodity=wind)

    request = make.approved_transfer(source, make.account(), 11, commodity=sun)

    assert look.outcome(request) == "INSUFFICIENT_TOTAL_BALANCE"


def test_certificates_come_back_in_the_blocks_they_left_in(committed_db):
    here, there = make.account(holding=100), make.account()
    make.transfer(here, there, 30)

    make.transfer(there, here, 30)

    assert look.held(here) == [(1, 30), (31, 100)]
    assert (look.balance(here), look.balance(there)) == (100, 0)


def test_a_second_call_returns_the_first_transaction_and_writes_nothing(committed_db):
    done = make.transfer(make.account(holding=100), make.account(), 30)
    before = look.everything()

    again = calls.execute("transfer", request_id=done.pk, actor_id=done.approver_id)

    assert again == done.transaction_id
    assert look.everything() == before


def test_a_second_call_by_anybody_only_repeats_the_answer(committed_db):
    done = make.transfer(make.account(holding=100), make.account(), 30)

    again = calls.execute("transfer", request_id=done.pk, actor_id=make.operator().pk)

    assert again == done.transaction_id


def test_an_approver_who_was_shown_these_blocks_gets_these_blocks(committed_db):
    source = make.account(holding=100)
    request = make.transfer_request(source, make.account(), 30)
    shown = calls.preview(request_id=request.pk)

    assert look.outcome(make.approve(request, shown["fingerprint"])) == "done"


def test_an_approver_who_was_shown_other_blocks_decides_again(committed_db):
    source, target = make.account(holding=100), make.account()
    request = make.transfer_request(source, target, 30)
    shown = calls.preview(request_id=request.pk)
    make.transfer(source, target, 30)

    approved = make.approve(request, shown["fingerprint"])

    assert look.outcome(approved) == "PREVIEW_CHANGED"
    assert look.balance(source) == 70


def test_an_account_of_another_organisation_may_receive(committed_db):
    source, target = make.account(holding=5), make.account()
    assert source.organisation_id != target.organisation_id

    make.transfer(source, target, 5)

    assert look.held(target) == [(1, 5)]
