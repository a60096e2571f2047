"""Dates that people type."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

FORMATS = ("%Y-%m-%d", "%d %B %Y", "%d %b %Y")


class DateError(ValueError):
    """What was typed is no past date; the message says what to type."""


def parse_day(text: str) -> date | None:
    """
    Read ``31 May 2026`` or ``2026-05-31``; nothing typed means now.

    :raises DateError: anything else (06/07/2026 is two dates), and the future
    """
    text = " ".join(text.split())
    if not text:
        return None
    for form in FORMATS:
        try:
            day = datetime.strptime(text, form).date() if text.isascii() else None  # noqa: DTZ007
        except ValueError:
            continue
        if day and day > today():
            raise DateError("This date is in the future. Type a past date.")
        if day and day.year >= 1990:
            return day
    raise DateError("Type a date such as 31 May 2026.")


def end_of(day: date) -> datetime:
    """Return the last instant of a day in the registry's time zone."""
    zone = ZoneInfo(settings.REGISTRY_TIME_ZONE)
    return datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(microseconds=1)


def today() -> date:
    """Return the present day in the registry's time zone."""
    return datetime.now(ZoneInfo(settings.REGISTRY_TIME_ZONE)).date()
