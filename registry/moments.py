"""Instants that people type: a day means its end, in the registry's time zone."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from registry import dates
from registry.dates import DateError

EXAMPLE = "Type a date such as 31 May 2026, or a date and time such as 31 May 2026 14:30."
TIME = re.compile(
    r"^(?P<day>.+?)(?:,\s*|\s+(?:at\s+)?|(?<=\d)[Tt])"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6}))?)?"
    r"\s*(?P<zone>[Zz]|UTC|utc|[+-]\d{2}:?\d{2})?$",
    re.ASCII,
)


@dataclass(frozen=True)
class Moment:
    """An instant as it was meant: ``day`` is there when only a day was typed."""

    at: datetime
    day: date | None = None

    @property
    def query(self) -> str:
        """Write it for an address: it reads back as the same instant."""
        return self.day.isoformat() if self.day else self.at.astimezone(UTC).isoformat()

    @property
    def field(self) -> str:
        """Write it for the field that it was typed in."""
        if self.day:
            return dates.write_day(self.day)
        return f"{dates.write_day(self._local.date())} {self._clock} {self._zone}"

    @property
    def words(self) -> str:
        """Write it for a sentence, with its time zone: ``the end of 31 May 2026 (UTC)``."""
        if self.day:
            return f"the end of {dates.write_day(self.day)} ({self._zone})"
        return f"{dates.write_day(self._local.date())}, {self._clock} {self._zone}"

    @property
    def file_name(self) -> str:
        """Write it for the name of a file."""
        return self.day.isoformat() if self.day else f"{self.at.astimezone(UTC):%Y-%m-%dT%H%M%SZ}"

    @property
    def _local(self) -> datetime:
        return self.at.astimezone(zone())

    @property
    def _zone(self) -> str:
        # An abbreviation such as IST has several meanings; a distance from UTC has one.
        offset = f"{self._local:%z}"
        return "UTC" if offset == "+0000" else f"{offset[:3]}:{offset[3:5]}"

    @property
    def _clock(self) -> str:
        if self.at.microsecond:
            return f"{self._local:%H:%M:%S.%f}"
        return f"{self._local:%H:%M:%S}" if self.at.second else f"{self._local:%H:%M}"


def parse(text: str) -> Moment | None:
    """
    Read a day, or a day and a time; nothing typed means now.

    Without a distance from UTC a time is of the registry's time zone.

    :raises DateError: anything else, the future, and a time that the clocks skipped or had twice
    """
    text = " ".join(text.split())
    found = TIME.match(text)
    if found is None:
        try:
            day = dates.parse_day(text)
        except DateError as error:
            raise DateError(EXAMPLE if str(error).startswith("Type") else str(error)) from error
        return Moment(dates.end_of(day), day) if day else None
    at = _instant(found)
    if at > datetime.now(UTC):
        raise DateError("This time is in the future. Type a past one.")
    return Moment(at)


def of(at: datetime) -> Moment:
    """Return an instant as if it had been typed in full."""
    return Moment(at)


def zone() -> ZoneInfo:
    """Return the registry's time zone."""
    return ZoneInfo(settings.REGISTRY_TIME_ZONE)


def _instant(found: re.Match[str]) -> datetime:
    day = dates.read_past(found["day"])
    if day is None:
        raise DateError(EXAMPLE)
    fraction = (found["fraction"] or "").ljust(6, "0")
    try:
        naive = datetime(  # noqa: DTZ001
            day.year,
            day.month,
            day.day,
            int(found["hour"]),
            int(found["minute"]),
            int(found["second"] or 0),
            int(fraction),
        )
        return _in_zone(naive, found["zone"])
    except (ValueError, OverflowError) as error:
        if isinstance(error, DateError):
            raise
        raise DateError(EXAMPLE) from error


def _in_zone(naive: datetime, named: str | None) -> datetime:
    if named:
        if named.upper() in ("Z", "UTC"):
            return naive.replace(tzinfo=UTC)
        # PostgreSQL takes no distance of 16 hours or more.
        return datetime.fromisoformat(naive.isoformat() + named).astimezone(UTC)
    first, second = (naive.replace(tzinfo=zone(), fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    clock = f"{naive:%H:%M} on {dates.write_day(naive.date())}"
    if first.astimezone(UTC).astimezone(zone()).replace(tzinfo=None) != naive:
        raise DateError(f"There was no {clock}: the clocks went forward.")
    offsets = " or ".join(f"{each:%z}"[:3] + ":" + f"{each:%z}"[3:5] for each in (first, second))
    raise DateError(f"It was {clock} twice: the clocks went back. Add {offsets}.")


def days_back(end: date, count: int) -> list[date]:
    """Return so many days that lie before a day, oldest first."""
    return [end - timedelta(days=back) for back in range(count, 0, -1)]
