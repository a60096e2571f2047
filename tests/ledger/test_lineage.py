"""Where blocks come from and what becomes of them; and that nothing is lost on the way."""

from ledgerdb import reads
from registry.models import Request
from tests import make
from tests.ledger import look
from tests.ledger.test_reads import NOW, TICK, a_history, spans, when

# -- Lineage


def block(first: int, request: Request) -> int:
    """Return the block starting with this number that a request created."""
    return look.value(
        "SELECT id FROM ledger.transaction_items WHERE first_no = %s AND transaction_id = %s",
        first,
        request.transaction_id,
    )


def test_the_lineage_of_a_block_leads_up_to_its_mint(committed_db):
    *_, done = a_history()

    found = reads.lineage(block(1, done[2]))

    assert [(row["level"], *span) for row, span in zip(found, spans(found), strict=True)] == [
        (-2, 1, 100),
        (-1, 1, 30),
        (0, 1, 10),
    ]
    assert [row["spent_by"] for row in found] == [
        done[1].transaction_id,
        done[2].transaction_id,
        None,
    ]


def test_the_lineage_of_a_batch_leads_down_to_what_became_of_it(committed_db):
    *_, done = a_history()

    found = reads.lineage(block(1, done[0]))

    assert [(row["level"], *span) for row, span in zip(found, spans(found), strict=True)] == [
        (0, 1, 100),
        (1, 1, 30),
        (1, 31, 100),
        (2, 1, 10),
        (2, 11, 30),
        (2, 31, 50),
        (2, 51, 100),
    ]


def test_lineage_in_the_middle_goes_both_ways(committed_db):
    *_, done = a_history()

    found = reads.lineage(block(31, done[1]))

    assert [row["level"] for row in found] == [-1, 0, 1, 1]
    assert sum(row["volume"] for row in found if row["level"] == 1) == 70


def test_the_unspent_ends_of_a_lineage_are_the_whole_batch(committed_db):
    *_, done = a_history()

    found = reads.lineage(block(1, done[0]))

    assert sum(row["volume"] for row in found if row["spent_by"] is None) == 100


def test_an_unknown_block_has_no_lineage(committed_db):
    assert reads.lineage(999) == []


# -- Conservation


def test_of_each_batch_what_was_minted_is_held_retired_or_expired(committed_db):
    *_, done = a_history()
    commodity = make.default_commodity()

    steps = [reads.conservation(when(request)) for request in done]

    assert [[tuple(row.values())[2:] for row in step] for step in steps] == [
        [(100, 100, 0, 0)],
        [(100, 100, 0, 0)],
        [(100, 90, 10, 0)],
        [(100, 90, 10, 0)],
    ]
    assert {row["commodity_id"] for step in steps for row in step} == {commodity.pk}


def test_what_has_expired_is_conserved_too(committed_db):
    fleeting = make.commodity(months_to_expiry=1)
    account = make.account()
    make.mint(account, 40, commodity=fleeting)
    make.mint(account, 2, commodity=fleeting)
    make.done(make.expire_request(fleeting, max_blocks=1))

    found = reads.conservation(NOW)

    assert [(row["minted"], row["held"], row["expired"]) for row in found] == [
        (40, 0, 40),
        (2, 2, 0),
    ]


def test_a_batch_is_not_there_before_its_mint(committed_db):
    *_, done = a_history()

    assert reads.conservation(when(done[0]) - TICK) == []
