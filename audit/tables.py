"""Tables that are downloaded, and the places in long lists."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse

# A spreadsheet would run a text that starts with one of these as a formula, some of them as wide as
# a Chinese sign too.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
LONGEST, LONGEST_LINK = 120, 4000
LARGEST_COUNT = 10**9


class _Echo:
    """What a CSV writer writes to: hands each line on."""

    def write(self, line: str) -> str:
        return line


def as_csv(
    name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> StreamingHttpResponse:
    """Answer with rows as a CSV file that is never whole in memory."""
    answer = StreamingHttpResponse(_lines(columns, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{file_name(name)}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


def file_name(name: str) -> str:
    """Keep the letters, digits and signs that every system allows in a name."""
    return "".join(
        each if each.isascii() and (each.isalnum() or each in "-_.") else "_" for each in name
    )


def typed(request: HttpRequest, name: str) -> str:
    """Read what was typed into an address; PostgreSQL takes no text with a NUL."""
    text = " ".join(request.GET.get(name, "").replace("\x00", "\ufffd").split())
    # A lasting link names a height for each commodity: cut short, it would name another one.
    return text[:LONGEST_LINK] if name == "at" else text[:LONGEST]


def count(text: str) -> int:
    """Read a count from an address; nonsense is nothing."""
    found = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    return min(found, LARGEST_COUNT)


def number(text: str) -> int:
    """Read a certificate number from an address; nonsense is nothing."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def cell(value: Any) -> Any:
    """Write one value: plain digits, ISO times, and no text that a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value


def _lines(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([cell(row[name]) for name in columns])
