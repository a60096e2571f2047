"""Fields that Django's own accept too much for."""

import re
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from registry import dates

MOST_DIGITS = 18
PLAIN = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
GROUPED = re.compile(r"[1-9][0-9]{0,2}(,[0-9]{3}){1,5}", re.ASCII)
RANGE = re.compile(
    r"([1-9][0-9]{0,17})(?:\s*[-\N{EN DASH}]\s*([1-9][0-9]{0,17}))?",
    re.ASCII,
)

Numbers = tuple[tuple[int, int], ...]
Span = tuple[date, date]


class Choice(forms.ChoiceField):
    """One of several answers."""

    default_error_messages = {
        "required": "Choose one from the list.",
        "invalid_choice": "Choose one from the list.",
    }


class Quantity(forms.CharField):
    """A whole number of certificates in ASCII digits: ``5000`` or ``5,000``, and nothing else."""

    default_error_messages = {"required": "Say how many, such as 5000 or 5,000."}

    def __init__(self, **kwargs: Any):
        """Ask for digits on a phone's keyboard."""
        widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "size": 14})
        super().__init__(**{"widget": widget, "max_length": 24, **kwargs})

    def clean(self, value: Any) -> int | None:
        """
        Return the number.

        :raises ValidationError: when it is anything but digits, grouped by threes if at all
        """
        text = super().clean(value)
        if not text:
            return None
        if PLAIN.fullmatch(text) or GROUPED.fullmatch(text):
            return int(text.replace(",", ""))
        digits = text.replace(",", "")
        if digits.isascii() and digits.strip("0") == "":
            raise ValidationError("Type 1 or more.", code="digits")
        if digits.isascii() and digits.isdigit() and len(digits) > MOST_DIGITS:
            raise ValidationError("No account holds that many.", code="many")
        raise ValidationError("Type a whole number, such as 5000 or 5,000.", code="digits")


class Share(Quantity):
    """A quantity, or the word ``all`` for as many as there are."""

    ALL = 0

    def clean(self, value: Any) -> int | None:
        """
        Return the number, or ``ALL``.

        :raises ValidationError: when it is neither
        """
        if isinstance(value, str) and value.strip().lower() == "all":
            return self.ALL
        return super().clean(value)


@cache
def countries() -> frozenset[str]:
    """Return the codes of two letters that ISO 3166-1 gives to countries."""
    listed = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8")
    return frozenset(line[:2] for line in listed.splitlines() if line and line[0] != "#")


class Country(forms.CharField):
    """A country by its two letters, as ISO 3166-1 has them, in capitals."""

    def clean(self, value: Any) -> str:
        """
        Return the code.

        :raises ValidationError: when no country has it
        """
        code: str = super().clean(value).upper()
        if code and code not in countries():
            raise ValidationError(
                "No country has this code. Type its two letters, such as DE or GB.", code="unknown"
            )
        return code


class NumberRanges(forms.CharField):
    """Certificate numbers as people write them: ``101-150, 200``, in plain digits."""

    def __init__(self, **kwargs: Any):
        """Leave room for many ranges, as ticking a page of blocks gives."""
        widget = forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"})
        super().__init__(**{"widget": widget, "max_length": 4000, **kwargs})

    def clean(self, value: Any) -> Numbers:
        """
        Return pairs of first and last, lowest first; what overlaps or touches is one.

        :raises ValidationError: when it is not such a list
        """
        text = super().clean(value)
        found = [RANGE.fullmatch(part.strip()) for part in text.split(",")] if text else []
        pairs = [(int(part[1]), int(part[2] or part[1])) for part in found if part]
        if len(pairs) != len(found) or any(first > last for first, last in pairs):
            raise ValidationError(
                "Type numbers such as 101-150, 200: plain digits, the lower number first.",
                code="numbers",
            )
        return _joined(pairs)


def _joined(pairs: list[tuple[int, int]]) -> Numbers:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(pairs):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)


def write_ranges(pairs: Numbers) -> str:
    """Write pairs of first and last so that they read back."""
    return ", ".join(f"{first}-{last}" if first < last else f"{first}" for first, last in pairs)


class Days(forms.CharField):
    """A day, a month or a year, typed; it stands for its first day to its last."""

    default_error_messages = {
        "required": "Type a date such as 31 May 2026, a month such as May 2026, or a year."
    }

    def __init__(self, **kwargs: Any):
        """Ask for text: a date field of the browser writes months and days in its own order."""
        widget = forms.TextInput(attrs={"class": "half", "autocomplete": "off"})
        super().__init__(**{"widget": widget, "max_length": 40, **kwargs})

    def clean(self, value: Any) -> Span | None:
        """
        Return the first and the last day.

        :raises ValidationError: when it is no date, or one that could be read in two ways
        """
        text = super().clean(value)
        try:
            return dates.parse_days(text) if text else None
        except dates.DateError as error:
            raise ValidationError(str(error), code="date") from error


def join_period(
    first: Span | None, last: Span | None
) -> tuple[date | None, date | None, tuple[int, str] | None]:
    """
    Turn two answers into the first and the last day of a period.

    A month or a year as its start is the whole period when no end is named.

    :returns: the days, and which of the two answers is wrong, and why
    """
    wrong = None
    if last and not first:
        wrong = (0, "Say when it began.")
    elif first and not last and first[0] == first[1]:
        wrong = (1, "Say when it ended.")
    elif first and last and first[0] > last[1]:
        wrong = (1, "This is before it began.")
    end = last or first
    return first[0] if first else None, end[1] if end else None, wrong


def check_period(form: forms.Form, start: str, end: str, *, begun: bool = False) -> None:
    """Turn two answers of a form into the days of a period; if asked, one that has ``begun``."""
    answers = form.cleaned_data
    if {start, end} & set(form.errors):
        return
    answers[start], answers[end], wrong = join_period(answers[start], answers[end])
    if wrong:
        form.add_error((start, end)[wrong[0]], wrong[1])
    elif begun and (early := not_begun(answers[start])):
        form.add_error(start, early)


def not_begun(start: date | None) -> str:
    """Say what is wrong with a time of consumption that is still to come: nobody can claim it."""
    if start is None or start <= dates.today():
        return ""
    return "This is still to come. Name a period that has begun."


def take(pairs: Numbers, volume: int) -> Numbers:
    """Return the lowest ``volume`` numbers of some ranges."""
    taken = []
    for first, last in sorted(pairs):
        if volume <= 0:
            break
        last = min(last, first + volume - 1)
        taken.append((first, last))
        volume -= last - first + 1
    return tuple(taken)


def count(pairs: Numbers) -> int:
    """Return how many numbers some ranges hold."""
    return sum(last - first + 1 for first, last in pairs)
