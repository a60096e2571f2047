"""
The first reading of a file: every line is checked, and two things are noted that only the whole
file tells: from which number each batch was counted, and which events are there twice.

The notes are kept by SQLite in a temporary file, so that memory stays the same however long the
history is.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

from registry.identity import NAMESPACE, id_of
from registry.replay.format import ROOM, LineError, Record
from registry.replay.rules import Stream

CACHE_KIB = 65_536

# Of an event, "line" is its position: a rule may send several for one line.
# Notes are only appended while the file is read, and sorted once at its end: keys in the order of a
# history would be random writes all over a large index.
TABLES = """
    CREATE TABLE event (line INTEGER PRIMARY KEY, id BLOB, digest BLOB);
    CREATE TABLE issue (line INTEGER, commodity TEXT, serial TEXT, volume INTEGER, stated INTEGER);
    CREATE TABLE mention (commodity TEXT, serial TEXT, first INTEGER, last INTEGER);
    CREATE TABLE repeated (line INTEGER PRIMARY KEY, first_line INTEGER, same INTEGER);
    CREATE TABLE late (line INTEGER PRIMARY KEY, latest TEXT);
    CREATE TABLE issued (commodity TEXT, serial TEXT, volume INTEGER, stated INTEGER,
                         PRIMARY KEY (commodity, serial)) WITHOUT ROWID;
    CREATE TABLE mentioned (commodity TEXT, serial TEXT, lowest INTEGER, highest INTEGER,
                            PRIMARY KEY (commodity, serial)) WITHOUT ROWID;
"""
# Of a serial issued twice the first counts: the second is refused. (SQLite takes the other columns
# from the row that has the min().)
SORT = (
    """INSERT INTO repeated
       SELECT e.line, first.line, e.digest = first.digest
       FROM event e
       JOIN (SELECT id, min(line) AS line FROM event GROUP BY id HAVING count(*) > 1) twice
         ON twice.id = e.id AND twice.line < e.line
       JOIN event first ON first.line = twice.line""",
    "DROP TABLE event",
    """INSERT INTO issued
       SELECT commodity, serial, volume, stated FROM (
           SELECT commodity, serial, volume, stated, min(line) FROM issue
           GROUP BY commodity, serial)""",
    "DROP TABLE issue",
    """INSERT INTO mentioned
       SELECT commodity, serial, min(first), max(last) FROM mention GROUP BY commodity, serial""",
    "DROP TABLE mention",
    "COMMIT",
)


class Scan:
    """What one reading of the whole file found."""

    def __init__(self) -> None:
        """Open an empty notebook; an unnamed SQLite database is a file that nobody else sees."""
        self.notes = sqlite3.connect("", isolation_level=None)
        self.notes.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self.notes.execute("PRAGMA journal_mode = OFF")
        self.notes.execute("PRAGMA synchronous = OFF")
        self.notes.executescript(TABLES)
        self.notes.execute("BEGIN")
        self.records: Counter[str] = Counter()
        self.latest: dict[str, datetime] = {}
        self.any_repeated = self.any_late = False
        self.last_line = 0

    def read(self, history: Stream, report: Callable[[LineError], None]) -> Iterator[int]:
        """
        Read the file, line by line, and report what cannot be read.

        :raises OSError: the file cannot be read
        """
        for found in history.records():
            self.last_line = found.line
            if isinstance(found, LineError):
                report(found)
            else:
                self.records[found.name] += 1
                if found.name == "event":
                    self._note(found)
            yield found.line
        for statement in SORT:
            self.notes.execute(statement)
        self.any_repeated, self.any_late = self.notes.execute(
            "SELECT EXISTS (SELECT 1 FROM repeated), EXISTS (SELECT 1 FROM late)"
        ).fetchone()

    @property
    def events(self) -> int:
        """Return how many readable events there are."""
        return self.records["event"]

    @property
    def references(self) -> int:
        """Return how many reference records there are."""
        return sum(self.records.values()) - self.events - self.records["skipped"]

    def first_of(self, event: Record) -> tuple[int, bool]:
        """Return the position where this event_id came first, and whether it said the same."""
        if not self.any_repeated:
            return event.position, True
        found = self.notes.execute(
            "SELECT first_line, same FROM repeated WHERE line = ?", (event.position,)
        ).fetchone()
        return (found[0], bool(found[1])) if found else (event.position, True)

    def before(self, event: Record) -> str | None:
        """Return the later time of an earlier event of the commodity, if there is one."""
        if not self.any_late:
            return None
        found = self.notes.execute(
            "SELECT latest FROM late WHERE line = ?", (event.position,)
        ).fetchone()
        return str(found[0]) if found else None

    def first_number(self, commodity: str, serial: str) -> int | None:
        """
        Return the number that the source gave to the first certificate of a batch.

        What the issuance states. Otherwise 0 if any event of the file names number 0 of the batch,
        and else 1. None if the file does not issue it: part of a history cannot tell.
        """
        found = self.notes.execute(
            "SELECT stated, lowest FROM issued LEFT JOIN mentioned USING (commodity, serial)"
            " WHERE commodity = ? AND serial = ?",
            (commodity, serial),
        ).fetchone()
        if found is None:
            return None
        stated, lowest = found
        if stated is not None:
            return int(stated)
        return 0 if lowest == 0 else 1

    def counted_from(self) -> dict[str, int]:
        """Return how many batches are counted from where, and for how many that is not certain."""
        stated, zero, one, uncertain = self.notes.execute(
            """SELECT count(stated), count(*) FILTER (WHERE stated IS NULL AND lowest = 0),
                      count(*) FILTER (WHERE stated IS NULL AND (lowest = 1 OR highest = volume)
                                         AND lowest <> 0),
                      count(*) FILTER (WHERE stated IS NULL AND lowest > 1 AND highest <> volume)
               FROM issued JOIN mentioned USING (commodity, serial)"""
        ).fetchone()
        return {"stated": stated, "0": zero, "1": one, "1 assumed": uncertain}

    def _note(self, event: Record) -> None:
        commodity, serial = event["commodity"], event.get("source_serial")
        at = event["occurred_at"]
        latest = self.latest.setdefault(commodity, at)
        if at < latest:
            self.notes.execute(
                "INSERT INTO late VALUES (?, ?)", (event.position, latest.isoformat())
            )
        else:
            self.latest[commodity] = at
        self.notes.execute(
            "INSERT INTO event VALUES (?, ?, ?)",
            (event.position, id_of("event", event["event_id"]).bytes, digest(event.fields).bytes),
        )
        if serial:
            self.notes.execute(
                "INSERT INTO issue VALUES (?, ?, ?, ?, ?)",
                (event.position, commodity, serial, event["volume"], event.get("source_first")),
            )
        self.notes.executemany(
            "INSERT INTO mention VALUES (?, ?, ?, ?)",
            [
                (commodity, numbers["source_serial"], numbers["first"], numbers["last"])
                for numbers in event.get("ranges", ())
                if "source_serial" in numbers and 0 <= numbers["first"] <= numbers["last"]
            ],
        )


def line_of(position: int) -> int:
    """Return the line of a position."""
    return position // ROOM


def digest(content: Any) -> UUID:
    """Return one value for what an event says, however its line was written."""
    return uuid5(NAMESPACE, json.dumps(content, sort_keys=True, default=_plain))


def _plain(value: Any) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no plain form")
