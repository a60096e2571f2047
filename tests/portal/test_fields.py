"""What the fields accept."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from portal.forms.fields import NumberRanges, Quantity, count, take, write_ranges


@pytest.mark.parametrize(
    ("typed", "number"),
    [("1", 1), (" 5000 ", 5000), ("5,000", 5000), ("1,234,567", 1234567), ("9" * 18, 10**18 - 1)],
)
def test_digits_are_a_quantity(typed, number):
    assert Quantity().clean(typed) == number


@pytest.mark.parametrize("typed", ["5,0000", ",500", "50,00", "5 000", "0x10", "5.000", "0,500"])
def test_anything_else_is_not(typed):
    with pytest.raises(ValidationError):
        Quantity().clean(typed)


@given(st.text(max_size=24))
def test_only_ascii_digits_ever_pass(typed):
    try:
        number = Quantity().clean(typed)
    except ValidationError:
        return
    assert number > 0
    assert typed.strip().replace(",", "") == str(number)


@pytest.mark.parametrize(
    "text", ["5-1", "1-2,", "a-b", "1-2;3-4", "0-5", "\uff11-2", "1--2", "1 2"]
)
def test_numbers_that_are_no_ranges_are_refused(text):
    with pytest.raises(ValidationError):
        NumberRanges().clean(text)


@pytest.mark.parametrize(
    ("typed", "pairs"),
    [
        ("101-150, 200", ((101, 150), (200, 200))),
        ("200,101 - 150", ((101, 150), (200, 200))),
        ("4021001 \N{EN DASH} 4025000", ((4021001, 4025000),)),
        ("1-10, 5-20, 21", ((1, 21),)),
    ],
)
def test_numbers_are_read_as_people_write_them(typed, pairs):
    assert NumberRanges().clean(typed) == pairs


def test_ranges_read_back_as_they_were_written():
    pairs = ((1, 10), (31, 31), (50, 100))

    assert NumberRanges().clean(write_ranges(pairs)) == pairs


@given(st.integers(1, 200), st.integers(1, 300))
def test_the_lowest_numbers_are_taken_and_no_more(first, volume):
    pairs = ((first + 500, first + 599), (first, first + 99))

    taken = take(pairs, volume)

    assert count(taken) == min(volume, 200)
    assert taken[0][0] == first
