"""From blocks to rectangles."""

import itertools

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from audit.strata import MANY, MIXED, Axis, Cell, layout, merged
from audit.templatetags.strata import lineage_picture


def cells(*ranges, **more):
    return [Cell(first, last, holder="Alder", name="new", **more) for first, last in ranges]


def width_of(picture, y):
    """What a row's rectangles cover: each is drawn one pixel in from both edges."""
    return sum(rect.width + 2 for rect in picture.rects if rect.y == y)


def test_a_split_lies_under_what_it_was_cut_from():
    picture = layout([cells((1, 100)), cells((1, 30), (31, 100))])

    above, left, right = picture.rects
    assert left.x == above.x
    assert left.width == pytest.approx((760 * 0.3) - 2)
    assert right.x + right.width == pytest.approx(above.x + above.width)
    assert picture.cuts == [(pytest.approx(228), pytest.approx(123.5))]
    assert [bar.width for bar in picture.bars] == [758]


def test_a_gap_in_the_numbers_is_a_gap_in_the_picture():
    picture = layout([cells((1, 50), (1001, 1050))])

    left, right = picture.rects
    assert right.x - (left.x + left.width) == pytest.approx(34)


def test_rows_of_equal_volume_are_equally_wide():
    picture = layout([cells((1, 50), (91, 100)), cells((1, 20), (21, 50), (91, 100))])

    above, below = sorted({rect.y for rect in picture.rects})
    assert width_of(picture, above) == pytest.approx(width_of(picture, below), abs=0.5)


def test_what_cannot_be_seen_is_merged_and_never_dropped():
    tiny = [(n, n) for n in range(1, 1001)]

    picture = layout([cells((1, 100_000)), cells(*tiny, (1001, 100_000))])

    row = [rect.cell for rect in picture.rects if rect.y != picture.rects[0].y]
    assert len(row) < 20
    assert sum(cell.volume for cell in row) == 100_000
    assert sum(cell.count for cell in row) == 1001


def test_blocks_of_two_holders_are_not_merged():
    tiny = [Cell(n, n, tone="from" if n % 2 else "to") for n in range(1, 9)]

    picture = layout([[*tiny, Cell(9, 100_000)]])

    assert len(picture.rects) == 9


@pytest.mark.parametrize("gap", [0, 3])
def test_ten_thousand_blocks_are_merged_and_still_sum_to_their_batch(gap):
    step = 40 + gap
    blocks = [
        Cell(n * step + 1, n * step + 40, tone="to" if n % 2 else "from", here=n == 5000)
        for n in range(10_000)
    ]
    whole = [Cell(1, blocks[-1].last)] if gap == 0 else blocks

    picture = layout([whole, blocks])

    rows = {y: [rect.cell for rect in picture.rects if rect.y == y] for y in (24, 131)}
    assert [sum(cell.volume for cell in row) for row in rows.values()] == [400_000, 400_000]
    assert sum(cell.count for cell in rows[131]) == 10_000
    assert len(rows[131]) <= MANY
    assert [cell.here for cell in rows[131]].count(True) == 1
    assert {cell.tone for cell in rows[131]} == {MIXED}
    assert len(picture.cuts) <= MANY
    assert len(picture.bars) <= MANY
    assert max(rect.x + rect.width for rect in picture.rects) <= 760.01


def test_a_picture_of_ten_thousand_blocks_is_small_to_send():
    batch = {"block_id": 1, "first": 1, "last": 400_000, "volume": 400_000, "holder": "Alder",
             "tone": "from", "is_open": True, "spent_number": "SOL-2"}  # fmt: skip
    blocks = [
        batch | {"block_id": n + 2, "first": n * 40 + 1, "last": n * 40 + 40, "volume": 40,
                 "tone": "to" if n % 2 else "from", "spent_number": None}
        for n in range(10_000)
    ]  # fmt: skip

    drawn = render_to_string("parts/strata.html", lineage_picture(batch, None, [batch], blocks))

    assert len(drawn.encode()) <= 300_000
    assert drawn.count("tone-mixed") > 50


def test_a_label_is_left_out_where_it_does_not_fit():
    wide, narrow = layout([cells((1, 990), (991, 1000))]).rects

    assert wide.who == "Alder, new"
    assert (narrow.who, narrow.numbers, narrow.volume) == ("", "", "")


def test_a_shorter_label_is_used_where_only_that_fits():
    _, narrow = layout([cells((1, 900), (901, 1000))]).rects

    assert narrow.who == "Alder"


def test_nothing_to_draw_is_an_empty_picture():
    assert layout([[], []]).rects == []


ranges = st.lists(st.integers(1, 10_000), min_size=2, max_size=40, unique=True).map(
    lambda ends: [(a, b - 1) for a, b in itertools.pairwise(sorted(ends)) if b > a]
)


@given(ranges, st.data())
def test_no_rectangle_leaves_the_picture_or_crosses_another(parts, data):
    kept = data.draw(st.lists(st.sampled_from(parts), min_size=1, unique=True))

    picture = layout([cells(*kept)])

    rects = sorted(picture.rects, key=lambda rect: rect.x)
    assert rects[0].x >= 0
    assert rects[-1].x + rects[-1].width <= 760.01
    for left, right in itertools.pairwise(rects):
        assert left.x + left.width <= right.x + 0.01
    assert sum(rect.cell.volume for rect in picture.rects) == sum(b - a + 1 for a, b in kept)


@given(ranges)
def test_the_axis_keeps_the_order_of_numbers(parts):
    axis = Axis(cells(*parts), 760)
    places = [axis.at(first) for first, _ in parts]

    assert places == sorted(places)


def test_ranges_that_touch_are_one():
    assert merged([(5, 9), (1, 4), (20, 30), (25, 26)]) == [(1, 9), (20, 30)]
