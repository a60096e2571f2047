"""What adapters have in common: problems with their place, records written in order."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from registry.replay.format import LineError, read_record

Row = dict[str, Any]
SHOWN = 20


class SourceError(Exception):
    """A source cannot be replayed; the message names the first problems with their places."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the first problems, and say how many more there are."""
        more = len(problems) - SHOWN
        shown = [*problems[:SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
        super().__init__("\n".join(shown))
        self.problems = problems


class Book:
    """
    The records of a source: reference records once, and events sorted by time.

    Kept by SQLite in a file that nobody else sees, so that memory stays the same.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.problems: list[str] = []
        self.references: dict[tuple[str, str], Row] = {}
        self.notes = sqlite3.connect("", isolation_level=None)
        self.notes.execute("PRAGMA journal_mode = OFF")
        self.notes.execute("PRAGMA synchronous = OFF")
        self.notes.execute(
            "CREATE TABLE event (place INTEGER PRIMARY KEY, at TEXT, rank INTEGER, text TEXT)"
        )
        self.notes.execute("BEGIN")

    def problem(self, place: str, field: str, must_be: str) -> None:
        """Note what is wrong, and where."""
        self.problems.append(f"{place}: {field}: {must_be}")

    def refer(self, place: str, record: str, **fields: Any) -> None:
        """Note a reference record; the first one of a code counts."""
        key = (record, str(fields["code"]))
        if key not in self.references:
            self.references[key] = {"record": record, **fields}
            self._check(place, self.references[key])

    def event(self, place: str, rank: int = 0, **fields: Any) -> None:
        """Note an event; of one instant those with a lower rank come first."""
        row = {"record": "event", **fields}
        if self._check(place, row):
            self.notes.execute(
                "INSERT INTO event (at, rank, text) VALUES (?, ?, ?)",
                (fields["occurred_at"], rank, json.dumps(row, ensure_ascii=False)),
            )

    def _check(self, place: str, row: Row) -> bool:
        try:
            read_record(1, row | {})
        except LineError as wrong:
            self.problem(place, wrong.field, wrong.detail)
            return False
        return True

    def write(self, history: Path) -> int:
        """
        Write everything down: reference records first, then events in order; return their number.

        :raises SourceError: something is wrong with the source; nothing is written
        """
        self.notes.execute("COMMIT")
        if self.problems:
            raise SourceError(self.problems)
        count = 0
        draft = history.with_suffix(".draft")
        with draft.open("w", encoding="utf-8") as stream:
            for row in _in_order(self.references.values()):
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
            for (text,) in self.notes.execute(
                "SELECT text FROM event ORDER BY datetime(at), rank, place"
            ):
                stream.write(text + "\n")
                count += 1
        draft.replace(history)
        return count


def _in_order(rows: Iterable[Row]) -> Iterator[Row]:
    """Return reference records so that each comes after those it names."""
    order = ["region", "commodity", "region_rule", "organisation", "person", "account", "facility"]
    yield from sorted(rows, key=lambda row: order.index(row["record"]))
