"""Tables as CSV: all rows, plain digits, and nothing that a spreadsheet would run."""

import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

# What a spreadsheet takes for a formula, or for the start of a cell beyond this one.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def respond(name: str, header: list[str], rows: Iterable[list[Any]]) -> StreamingHttpResponse:
    """Send a table as a file, row by row."""
    answer = StreamingHttpResponse(_lines(header, rows), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _lines(header: list[str], rows: Iterable[list[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in itertools.chain([header], rows):
        writer.writerow([_safe(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _safe(cell: Any) -> Any:
    if isinstance(cell, str) and cell.startswith(DANGEROUS):
        return f"'{cell}"
    return cell
