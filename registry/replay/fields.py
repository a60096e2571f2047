"""How one value of a line is read: a reader returns the value or says what it must be."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

BIGINT = 2**63 - 1
INTEGER = 2**31 - 1
SMALLINT = 2**15 - 1
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
EMAIL = re.compile(r"[^@\s]+@[^@\s]+", re.ASCII)

Reader = Callable[[Any], Any]


class FieldError(Exception):
    """What is wrong with a value; whoever knows the line adds it."""

    def __init__(self, must_be: str, *, code: str = "FIELD_INVALID", field: str = "") -> None:
        """Keep what it must be, and in which field if it lies deeper."""
        super().__init__(must_be)
        self.must_be = must_be
        self.code = code
        self.field = field


@dataclass(frozen=True)
class Field:
    """One field of a record."""

    read: Reader
    required: bool = False


def read_fields(given: dict[str, Any], known: dict[str, Field]) -> dict[str, Any]:
    """
    Read the fields of an object; those left out stay out.

    :raises FieldError: one is missing, not known or not what it must be
    """
    # A field that nobody reads would be a fact lost without a word.
    for name in given:
        if name not in known:
            raise FieldError("is no field of this record", code="FIELD_UNKNOWN", field=name)
    values = {}
    for name, field in known.items():
        if name not in given:
            if field.required:
                raise FieldError("is required", code="FIELD_MISSING", field=name)
            continue
        try:
            values[name] = field.read(given[name])
        except FieldError as wrong:
            wrong.field = name + (f".{wrong.field}" if wrong.field else "")
            raise
    return values


def text(longest: int, *, empty: bool = False) -> Reader:
    """Read a text that PostgreSQL can keep."""
    must_be = f"must be text of {0 if empty else 1} to {longest} characters"

    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or not (empty or value.strip()):
            raise FieldError(must_be)
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise FieldError("must not hold a NUL or half a character")
        return value

    return read


def one_of(choices: Iterable[str]) -> Reader:
    """Read one of a few words."""
    words = tuple(choices)

    def read(value: Any) -> str:
        if value not in words:
            raise FieldError("must be " + " or ".join(f'"{word}"' for word in words))
        return str(value)

    return read


def whole(lowest: int, highest: int) -> Reader:
    """Read a whole number; no fraction, no text, no true or false."""

    def read(value: Any) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise FieldError(f"must be a whole number from {lowest} to {highest}")
        return value

    return read


def whole_or_digits(lowest: int, highest: int) -> Reader:
    """Read a whole number that may be written as a text of digits."""

    def read(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
            value = int(value)
        number: int = whole(lowest, highest)(value)
        return number

    return read


def boolean(value: Any) -> bool:
    """Read true or false."""
    if value is not True and value is not False:
        raise FieldError("must be true or false")
    return bool(value)


def day(value: Any) -> date:
    """Read a date."""
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise FieldError("must be a date like 2024-05-31")


def instant(value: Any) -> datetime:
    """Read an instant, which names its offset from UTC."""
    if isinstance(value, str) and INSTANT.fullmatch(value):
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise FieldError("must be an instant like 2024-05-31T09:30:00Z, with Z or an offset")


def email(value: Any) -> str:
    """Read an e-mail address."""
    address: str = text(254)(value)
    if not EMAIL.fullmatch(address):
        raise FieldError("must be an e-mail address")
    return address


def time_zone(value: Any) -> str:
    """Read the name of a time zone."""
    name: str = text(64)(value)
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise FieldError("must be a time zone like Europe/Madrid") from error
    return name


def objects(known: dict[str, Field]) -> Reader:
    """Read a list of one or more objects with these fields."""

    def read(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not value or not all(type(v) is dict for v in value):
            raise FieldError("must be a list of one or more objects")
        return [read_fields(item, known) for item in value]

    return read


def an_object(known: dict[str, Field]) -> Reader:
    """Read one object with these fields."""

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise FieldError("must be an object")
        return read_fields(value, known)

    return read
