"""Which blocks are chosen: by quantity, by numbers, and narrowed by filters."""

from datetime import date

import pytest
from django.db import connections
from django.utils import timezone

from registry import services
from registry.models import Account, Request
from tests import make
from tests.ledger import look


def holding(*volumes: int) -> Account:
    """Make an account with one block of each volume, numbered from 1 in this order."""
    account = make.account()
    for volume in volumes:
        make.mint(account, volume)
    return account


def numbers(source: Account, *ranges: tuple[int, int], **asks: object) -> Request:
    """Make an approved transfer of these numbers."""
    asks.setdefault("volume", None)
    return make.approved_transfer(source, make.account(), ranges=ranges, **asks)


def executed(request: Request) -> Request:
    assert look.outcome(request) == "done"
    return request


# -- By quantity


@pytest.mark.parametrize(
    ("volumes", "wanted", "expected"),
    [
        pytest.param((50, 20, 30), 20, [(51, 70)], id="the block that fits exactly"),
        pytest.param((50, 20, 30), 25, [(71, 95)], id="the smallest that suffices"),
        pytest.param((50, 20, 30), 31, [(1, 31)], id="the only one that suffices"),
        pytest.param((30, 30, 30), 10, [(1, 10)], id="of equal blocks the lowest number"),
        pytest.param((30, 30, 30), 30, [(1, 30)], id="of equal exact fits the lowest number"),
        pytest.param((1, 1), 1, [(1, 1)], id="a block of one"),
        pytest.param(
            (50, 20, 30), 60, [(1, 10), (51, 70), (71, 100)], id="smallest first, the last is cut"
        ),
        pytest.param((50, 20, 30), 100, [(1, 50), (51, 70), (71, 100)], id="everything"),
        pytest.param(
            (10, 20, 40), 69, [(1, 10), (11, 30), (31, 69)], id="all but one of everything"
        ),
        pytest.param(
            (20, 20, 20), 50, [(1, 20), (21, 40), (41, 50)], id="equal blocks by lowest number"
        ),
        pytest.param((10, 20, 25), 30, [(1, 10), (11, 30)], id="a sum that fits exactly"),
    ],
)
def test_by_quantity_these_blocks_are_chosen(committed_db, volumes, wanted, expected):
    source = holding(*volumes)

    done = make.transfer(source, make.account(), wanted)

    assert look.moved(done) == expected
    assert look.balance(source) == sum(volumes) - wanted


def test_only_the_last_of_several_blocks_is_cut(committed_db):
    source = holding(50, 20, 30)

    done = make.transfer(source, make.account(), 60)

    assert [block for block in look.created(done) if block[0] == source.pk] == [(source.pk, 11, 50)]
    assert look.held(source) == [(11, 50)]


def test_the_order_of_issue_does_not_matter_but_the_size_does(committed_db):
    source = holding(5, 40, 6)

    done = make.transfer(source, make.account(), 45)

    assert look.moved(done) == [(1, 5), (6, 39), (46, 51)]


def test_one_certificate_too_many_is_refused(committed_db):
    source = holding(50, 20, 30)

    request = make.approved_transfer(source, make.account(), 101)

    assert look.outcome(request) == "INSUFFICIENT_TOTAL_BALANCE"
    assert look.held(source) == [(1, 50), (51, 70), (71, 100)]


def test_the_largest_quantity_there_is_is_refused_by_name(committed_db):
    request = make.approved_transfer(holding(50, 20), make.account(), 2**63 - 1)

    assert look.outcome(request) == "INSUFFICIENT_TOTAL_BALANCE"


def test_one_block_is_consumed_however_many_small_ones_there_are(committed_db):
    source = holding(1, 2, 3, 4, 100)

    done = make.transfer(source, make.account(), 50)

    assert look.consumed(done) == [(source.pk, 11, 110)]


# -- By numbers


@pytest.mark.parametrize(
    ("ranges", "moved", "kept"),
    [
        pytest.param([(1, 100)], [(1, 100)], [(101, 150)], id="a whole block"),
        pytest.param([(1, 10)], [(1, 10)], [(11, 100), (101, 150)], id="the start"),
        pytest.param([(91, 100)], [(91, 100)], [(1, 90), (101, 150)], id="the end"),
        pytest.param(
            [(40, 60)], [(40, 60)], [(1, 39), (61, 100), (101, 150)], id="cut at both ends"
        ),
        pytest.param(
            [(7, 7)], [(7, 7)], [(1, 6), (8, 100), (101, 150)], id="one single certificate"
        ),
        pytest.param(
            [(10, 19), (30, 39)],
            [(10, 19), (30, 39)],
            [(1, 9), (20, 29), (40, 100), (101, 150)],
            id="several ranges in one block",
        ),
        pytest.param(
            [(90, 110)],
            [(90, 100), (101, 110)],
            [(1, 89), (111, 150)],
            id="one range across two blocks",
        ),
        pytest.param(
            [(1, 5), (96, 105), (150, 150)],
            [(1, 5), (96, 100), (101, 105), (150, 150)],
            [(6, 95), (106, 149)],
            id="several ranges across blocks",
        ),
        pytest.param(
            [(10, 14), (15, 19)],
            [(10, 19)],
            [(1, 9), (20, 100), (101, 150)],
            id="ranges that touch are one",
        ),
        pytest.param([(1, 150)], [(1, 100), (101, 150)], [], id="everything"),
    ],
)
def test_by_numbers_exactly_these_move(committed_db, ranges, moved, kept):
    source = holding(100, 50)

    done = executed(numbers(source, *ranges))

    assert look.moved(done) == moved
    assert look.held(source) == kept
    assert look.balance(source) == sum(last - first + 1 for first, last in kept)


def test_a_quantity_that_is_the_sum_of_the_numbers_may_be_stated(committed_db):
    source = holding(100)

    done = executed(numbers(source, (1, 10), (21, 30), volume=20))

    assert look.moved(done) == [(1, 10), (21, 30)]


@pytest.mark.parametrize("volume", [19, 21, 0, -20])
def test_a_quantity_that_is_not_the_sum_of_the_numbers_is_refused(committed_db, volume):
    request = numbers(holding(100), (1, 10), (21, 30), volume=volume)

    assert look.outcome(request) == "RANGE_INVALID"


@pytest.mark.parametrize(
    "ranges",
    [
        pytest.param([(100, 101)], id="one number beyond"),
        pytest.param([(200, 300)], id="numbers never issued"),
        pytest.param([(1, 2**63 - 2)], id="all numbers there are"),
        pytest.param([(1, 5), (101, 101)], id="one held and one not"),
    ],
)
def test_numbers_not_held_are_refused_and_nothing_moves(committed_db, ranges):
    source = holding(100)

    assert look.outcome(numbers(source, *ranges)) == "BLOCK_NOT_HELD"
    assert look.held(source) == [(1, 100)]


def test_numbers_that_somebody_else_holds_are_refused(committed_db):
    source, other = holding(10), holding(10)

    assert look.outcome(numbers(source, (5, 15))) == "BLOCK_NOT_HELD"
    assert look.held(other) == [(11, 20)]


def test_numbers_that_have_left_are_refused(committed_db):
    source = holding(100)
    make.transfer(source, make.account(), 30)

    assert look.outcome(numbers(source, (30, 31))) == "BLOCK_NOT_HELD"


def test_numbers_that_have_been_retired_are_refused(committed_db):
    source = holding(100)
    make.retire(source, None, ranges=((1, 50),))

    assert look.outcome(numbers(source, (50, 51))) == "BLOCK_NOT_HELD"


def test_the_same_numbers_of_another_commodity_are_other_certificates(committed_db):
    sun, wind = make.commodity(), make.commodity()
    source = make.account()
    make.mint(source, 10, commodity=wind)

    request = make.approved_transfer(source, make.account(), None, commodity=sun, ranges=((1, 10),))

    assert look.outcome(request) == "BLOCK_NOT_HELD"


@pytest.mark.parametrize(
    "stored", ["{}", "{[5,)}", "{(,5]}", "{[0,5]}", "{[-5,-1]}"], ids=lambda stored: stored
)
def test_ranges_that_are_no_numbers_are_refused(committed_db, stored):
    source, approver = holding(100), make.approver()
    request = services.create_transfer_draft(
        submitter=make.submitter_for(source),
        source=source,
        target=make.account(),
        commodity=make.default_commodity(),
    )
    written = Request.objects.filter(pk=request.pk)
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "UPDATE registry_request SET ranges = %s::int8multirange WHERE id = %s",
            (stored, request.pk),
        )

    # Statement by statement: Python has no word for a range without an end.
    written.update(status="submitted", submitted_at=timezone.now())
    written.update(status="approved", approver=approver, decided_at=timezone.now())
    request.approver = approver

    assert look.outcome(request) == "RANGE_INVALID"


@pytest.mark.parametrize("volume", [0, -1, None], ids=str)
def test_a_quantity_that_is_not_positive_is_refused(committed_db, volume):
    request = make.approved_transfer(holding(100), make.account(), volume)

    assert look.outcome(request) == "VOLUME_NOT_POSITIVE"


# -- Filters


def test_a_facility_narrows_the_choice(committed_db):
    source = make.account()
    make.mint(source, 10)
    plant = make.facility(source.organisation)
    make.mint(source, 50, facility=plant)

    done = make.transfer(source, make.account(), 5, filter_facility=plant)

    assert look.moved(done) == [(11, 15)]


def test_a_region_narrows_the_choice(committed_db):
    source = make.account()
    make.mint(source, 10)
    north = make.region()
    make.mint(source, 50, region=north)

    done = make.transfer(source, make.account(), 5, filter_region=north)

    assert look.moved(done) == [(11, 15)]


def quarters() -> Account:
    """Make an account with a block of 10 from each of the first four months of 2026."""
    account = make.account()
    for month, last in ((1, 31), (2, 28), (3, 31), (4, 30)):
        make.mint(
            account,
            10,
            production_start=date(2026, month, 1),
            production_end=date(2026, month, last),
        )
    return account


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ({"filter_produced_from": date(2026, 3, 1)}, [(21, 30)]),
        ({"filter_produced_from": date(2026, 3, 2)}, [(31, 40)]),
        ({"filter_produced_to": date(2026, 1, 31)}, [(1, 10)]),
        (
            {"filter_produced_from": date(2026, 2, 1), "filter_produced_to": date(2026, 2, 28)},
            [(11, 20)],
        ),
    ],
    ids=["from a day", "from a day later", "to a day", "within a month"],
)
def test_a_production_period_narrows_the_choice(committed_db, asks, expected):
    done = make.transfer(quarters(), make.account(), 10, **asks)

    assert look.moved(done) == expected


@pytest.mark.parametrize(
    "asks",
    [
        {"filter_produced_from": date(2026, 4, 2)},
        {"filter_produced_to": date(2026, 1, 30)},
        {"filter_produced_from": date(2026, 4, 1), "volume": 11},
    ],
    ids=["starts too early", "ends too late", "too little of it"],
)
def test_what_a_filter_leaves_must_suffice(committed_db, asks):
    volume = asks.pop("volume", 10)
    request = make.approved_transfer(quarters(), make.account(), volume, **asks)

    assert look.outcome(request) == "INSUFFICIENT_TOTAL_BALANCE"


def test_filters_narrow_together(committed_db):
    source = make.account()
    plant = make.facility(source.organisation)
    make.mint(source, 10, facility=plant)
    north = make.region()
    make.mint(source, 10, region=north)
    both = make.mint(
        source,
        10,
        facility=plant,
        region=north,
        production_start=date(2026, 2, 1),
        production_end=date(2026, 2, 28),
    )

    done = make.transfer(source, make.account(), 10, filter_facility=plant, filter_region=north)

    assert look.moved(done) == [(21, 30)]
    assert look.batch(both)["first_no"] == 21


def test_a_filter_by_region_follows_a_change_of_region(committed_db):
    north, south = make.region(), make.region()
    commodity = make.commodity(reassignable=True)
    services.allow_region_change(
        commodity=commodity, from_region=north, to_region=south, valid_from=date(2020, 1, 1)
    )
    source = make.account()
    make.mint(source, 10, commodity=commodity, region=north)
    make.done(make.region_request(source, 4, north, south, commodity=commodity))

    done = make.transfer(source, make.account(), 4, commodity=commodity, filter_region=south)

    assert look.moved(done) == [(1, 4)]
