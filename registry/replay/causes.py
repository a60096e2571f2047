"""
Who is to blame: of a rejected event, the rejected one that it depended on.

A refused issuance, the transfer of what it would have made, and the retirement at the end are one
cause with two consequences. What a rejected event would have credited is noted as missing; an event
that is rejected because its source does not hold what it names looks there.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

from registry.replay.format import Record

# Only these say that something is not there which something earlier would have brought.
LACKING = {"BLOCK_NOT_HELD", "INSUFFICIENT_TOTAL_BALANCE"}
ANY = -1

TABLE = """
    CREATE TABLE missing (
        id INTEGER PRIMARY KEY, commodity TEXT, serial TEXT, first INTEGER, last INTEGER,
        account TEXT, root TEXT, root_code TEXT);
    CREATE INDEX missing_serial ON missing (commodity, serial);
    CREATE INDEX missing_account ON missing (commodity, account);
"""


@dataclass(frozen=True)
class Cause:
    """The event that is to blame, and for which code."""

    event_id: str
    code: str


class Causes:
    """What is missing since earlier rejections; kept by SQLite in a file that nobody else sees."""

    def __init__(self) -> None:
        """Miss nothing yet."""
        self.notes = sqlite3.connect("", isolation_level=None)
        self.notes.execute("PRAGMA journal_mode = OFF")
        self.notes.execute("PRAGMA synchronous = OFF")
        self.notes.executescript(TABLE)

    def of(self, event: Record, code: str) -> Cause:
        """Name the cause of a rejection, and note what is missing from now on."""
        cause = self._earlier(event) if code in LACKING else None
        cause = cause or Cause(event["event_id"], code)
        # A twin of an event that stands credits nothing that is missing.
        if code != "IDEMPOTENCY_KEY_REUSED":
            self._note(event, cause)
        return cause

    def _earlier(self, event: Record) -> Cause | None:
        commodity, account = event["commodity"], event.get("source_account")
        for numbers in event.get("ranges", ()):
            if "source_serial" not in numbers:
                continue
            found = self.notes.execute(
                # What did not come to this account; else what was never issued at all.
                "SELECT root, root_code FROM missing WHERE commodity = ? AND serial = ?"
                " AND (first = ? OR first <= ? AND last >= ?)"
                " ORDER BY account = ? DESC, id LIMIT 1",
                (commodity, numbers["source_serial"], ANY, numbers["last"], numbers["first"],
                 account),
            ).fetchone()  # fmt: skip
            if found:
                return Cause(*found)
        if "ranges" in event.fields:
            return None
        found = self.notes.execute(
            "SELECT root, root_code FROM missing WHERE commodity = ? AND account = ?"
            " ORDER BY id LIMIT 1",
            (commodity, account),
        ).fetchone()
        return Cause(*found) if found else None

    def _note(self, event: Record, cause: Cause) -> None:
        """Note what the event would have brought to its target."""
        target = event.get("target_account") or event.get("account")
        if target is None:
            return
        parts: list[tuple[Any, Any, Any]] = [
            (numbers["source_serial"], numbers["first"], numbers["last"])
            for numbers in event.get("ranges", ())
            if "source_serial" in numbers
        ]
        if event["kind"] == "mint":
            parts = [(event.get("source_serial"), ANY, ANY)]
        for serial, first, last in parts or [(None, ANY, ANY)]:
            self.notes.execute(
                "INSERT INTO missing (commodity, serial, first, last, account, root, root_code)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (event["commodity"], serial, first, last, target, cause.event_id, cause.code),
            )
