"""Dates that people type."""

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

DAYS = ("%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y")
MONTHS = ("%Y-%m", "%B %Y", "%b %Y")
YEARS = ("%Y",)
# After the last one no calendar here has a next day.
FIRST_YEAR, LAST_YEAR = 1990, 2999


class DateError(ValueError):
    """What was typed is no date that is meant here; the message says what to type."""


def parse_day(text: str) -> date | None:
    """
    Read ``31 May 2026``, ``2026-05-31``, ``yesterday`` or ``today``; nothing typed means now.

    :raises DateError: anything else (06/07/2026 is two dates), and the future
    """
    text = " ".join(text.split())
    if not text:
        return None
    day = read_past(text)
    if day is None:
        raise DateError("Type a date such as 31 May 2026.")
    if day > today():
        raise DateError("This date is in the future. Type a past date.")
    return day


def parse_days(text: str) -> tuple[date, date]:
    """
    Read a day, a month or a year as its first and last day: ``May 2026`` is 1 May to 31 May.

    :raises DateError: anything else
    """
    text = " ".join(text.split())
    if day := _read(text, DAYS):
        return day, day
    if month := _read(text, MONTHS):
        return month, month.replace(day=calendar.monthrange(month.year, month.month)[1])
    if year := _read(text, YEARS):
        return year, year.replace(month=12, day=31)
    raise DateError("Type a date such as 31 May 2026, a month such as May 2026, or a year.")


def read_day(text: str) -> date | None:
    """Read ``31 May 2026`` or ``2026-05-31``, past or future; None if it is neither."""
    return _read(" ".join(text.split()), DAYS)


def read_past(text: str) -> date | None:
    """Read a day as ``read_day`` does, or one of the words for the last days."""
    words = {"today": 0, "yesterday": 1}
    if (back := words.get(text.strip().lower())) is not None:
        return today() - timedelta(days=back)
    return read_day(text)


def write_day(day: date | None) -> str:
    """Write a day so that it reads back."""
    return f"{day.day} {day:%b %Y}" if day else ""


def end_of(day: date) -> datetime:
    """Return the last instant of a day in the registry's time zone."""
    # Counted on the instant itself: a day on which the clocks change is not 24 hours long.
    return start_of_next(day).astimezone(UTC) - timedelta(microseconds=1)


def start_of(day: date) -> datetime:
    """Return the first instant of a day in the registry's time zone."""
    return datetime.combine(day, time(), ZoneInfo(settings.REGISTRY_TIME_ZONE))


def start_of_next(day: date) -> datetime:
    """Return the first instant after a day in the registry's time zone."""
    return start_of(day + timedelta(days=1))


def today() -> date:
    """Return the present day in the registry's time zone."""
    return datetime.now(ZoneInfo(settings.REGISTRY_TIME_ZONE)).date()


def decide_by(submitted_at: datetime) -> date:
    """Return the last day on which the registry decides in time: so many working days later."""
    day = submitted_at.astimezone(ZoneInfo(settings.REGISTRY_TIME_ZONE)).date()
    left = settings.REGISTRY_DECISION_DAYS
    while left > 0:
        day += timedelta(days=1)
        left -= day.weekday() < 5
    return day


def _read(text: str, forms: tuple[str, ...]) -> date | None:
    for form in forms:
        try:
            day = datetime.strptime(text, form).date() if text.isascii() else None  # noqa: DTZ007
        except ValueError:
            continue
        if day and FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
    return None
