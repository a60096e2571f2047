"""What the fields accept."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from django import forms
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from portal import forms as packages
from portal.forms.agreement import Agreement
from portal.forms.fields import NumberRanges, Quantity, count, take, write_ranges
from portal.forms.passwords import ChangePassword, SetPassword


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


def forms_below(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield from (each, *forms_below(each))


def test_a_field_that_is_left_empty_says_what_belongs_there():
    for module in pkgutil.iter_modules(packages.__path__, f"{packages.__name__}."):
        importlib.import_module(module.name)

    silent = [
        f"{form.__name__}.{name}"
        for form in forms_below(forms.BaseForm)
        # Nobody types an agreement; a password's words come with the form, not with its class.
        if form.__module__.startswith(packages.__name__)
        and form not in (Agreement, ChangePassword, SetPassword)
        for name, field in form.base_fields.items()
        if field.required
        and not isinstance(field.widget, forms.HiddenInput)
        and field.error_messages["required"] == forms.Field.default_error_messages["required"]
    ]

    assert not silent


def test_nothing_is_no_quantity_and_is_told_so():
    with pytest.raises(ValidationError, match="Type 1 or more"):
        Quantity().clean("0")
