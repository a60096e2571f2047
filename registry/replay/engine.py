"""
The engine: three readings of one file.

The first checks every line and writes nothing. The second creates or compares the reference
records, all or none. The third sends the events, in order, each in two database transactions: its
request as far as the approval, then its execution. Wherever a run is killed, the next one finds the
request by ``source_event`` and goes on from the state it is in.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from ledgerdb.errors import InvariantBroken, Refused
from registry.identity import id_of
from registry.models import Request
from registry.replay.format import HistoryFile, LineError, Record
from registry.replay.references import Directory, References
from registry.replay.scan import Scan
from registry.replay.triage import Case, Triage
from registry.selectors import replay as selectors
from registry.services import replay as services

# Requests are looked up this many events at a time.
CHUNK = 200
# A lock that somebody else holds is waited for this often, a second longer each time.
TRIES = 5

ACCEPTED, REJECTED, REPEATED, UNREADABLE = "accepted", "rejected", "repeated", "unreadable"
SETTLED = {
    Request.Status.EXECUTED,
    Request.Status.FAILED,
    Request.Status.REJECTED,
    Request.Status.WITHDRAWN,
}


class StoppedError(Exception):
    """The replay cannot go on now; started again later it continues where it was."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep why."""
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass(frozen=True)
class Outcome:
    """What came of one line."""

    line: int
    outcome: str
    code: str = ""
    event: str = ""
    kind: str = ""
    volume: int = 0
    earlier: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


class Replay:
    """One run over one file."""

    def __init__(
        self, path: Path, *, allow_overlap: bool, report: Callable[[Outcome], None]
    ) -> None:
        """Take the file, how to define its commodities, and who is told of unreadable lines."""
        self.history = HistoryFile(path)
        self.scan = Scan()
        self.directory = Directory()
        self.references = References(self.directory, allow_overlap=allow_overlap)
        self.triage = Triage(self.directory, self.scan)
        self.report = report

    def check(self) -> Iterator[int]:
        """
        Read every line and write nothing.

        :raises OSError: the file cannot be read
        """
        return self.scan.read(self.history, self._unreadable)

    def refer(self, *, keep_going: bool) -> Iterator[int]:
        """Create and compare the reference records."""
        return self.references.apply(self.history, self._unreadable, keep_going=keep_going)

    def outcomes(self) -> Iterator[Outcome]:
        """
        Send every event and say what came of it.

        :raises StoppedError: the replay cannot go on now
        """
        chunk: list[Record] = []
        for record in self.history.records():
            # What was added to the file after the first reading waits for the next run.
            if record.line > self.scan.last_line:
                break
            if isinstance(record, LineError) or record.name != "event":
                continue
            chunk.append(record)
            if len(chunk) == CHUNK:
                yield from self._send(chunk)
                chunk = []
        yield from self._send(chunk)

    def _unreadable(self, problem: LineError) -> None:
        facts = {"field": problem.field, "detail": problem.detail}
        self.report(Outcome(problem.line, UNREADABLE, problem.code, facts=facts))

    def _send(self, chunk: list[Record]) -> Iterator[Outcome]:
        known = selectors.requests_of(event["event_id"] for event in chunk)
        for event in chunk:
            first_line, same = self.scan.first_of(event)
            if first_line == event.line:
                yield self._one(event, known.get(event["event_id"]))
            elif same:
                yield _outcome(event, REPEATED, facts={"first_line": first_line})
            else:
                yield _outcome(
                    event, REJECTED, "IDEMPOTENCY_KEY_REUSED", facts={"first_line": first_line}
                )

    def _one(self, event: Record, request: Request | None) -> Outcome:
        key = self.triage.key_of(event)
        if request is not None and request.idempotency_key != key:
            facts = {"request": request.number, "why": "this event was replayed with other content"}
            return _outcome(event, REJECTED, "IDEMPOTENCY_KEY_REUSED", facts=facts)
        if request is not None and request.status in SETTLED:
            return _settled(event, request, earlier=True)
        case = self.triage.case_of(event)
        try:
            return self._patiently(lambda: self._prepare(case, key, request))
        except InvariantBroken as broken:
            raise StoppedError(
                broken.code, f"line {event.line}: the ledger's guards stopped it: {broken.facts}"
            ) from broken

    def _patiently(self, act: Callable[[], Outcome]) -> Outcome:
        """Try again what a lock prevented; stop when past times are no longer allowed."""
        for attempt in range(1, TRIES + 1):
            try:
                return act()
            except Refused as refused:
                if refused.code not in services.NOT_NOW:
                    raise
                if refused.code == "BACKDATING_FORBIDDEN" and not selectors.is_window_open():
                    raise StoppedError(refused.code, "the replay window has closed") from refused
                time.sleep(attempt)
        raise StoppedError("LOCK_NOT_AVAILABLE", "somebody else is writing to the same accounts")

    def _prepare(self, case: Case, key: UUID, request: Request | None) -> Outcome:
        """Take the event to its approval, and on to its execution."""
        if case.submitter is None or case.commodity is None:
            # Nobody to ask, or nothing to ask for: there can be no request.
            return _outcome(case.event, REJECTED, case.refusal, facts=case.facts)
        asked = {
            "request_id": id_of("event", case.event["event_id"]),
            "key": key,
            "kind": case.event["kind"],
            "submitter": case.submitter,
            "commodity": case.commodity,
            "asks": case.asks,
        }
        try:
            if case.approver is None:
                raise Refused(case.refusal, facts=case.facts)
            if request is None:
                request = services.record_event(
                    **asked, approver=case.approver, refusal=case.refusal
                )
            else:
                request = services.finish_event(request=request, approver=case.approver)
        except Refused as refused:
            if refused.code in services.NOT_NOW:
                raise
            case.refuse(refused.code, **_facts(refused))
            if request is not None:
                return _outcome(case.event, REJECTED, case.refusal, facts=case.facts)
            request = services.shelve_event(**asked, refusal=case.refusal)
        if request.status in SETTLED:
            return _settled(case.event, request, earlier=False, facts=case.facts)
        return self._execute(case.event, request)

    def _execute(self, event: Record, request: Request) -> Outcome:
        try:
            transaction_id = services.execute_event(request)
        except Refused as refused:
            if refused.code in services.NOT_NOW:
                raise
            facts = {"request": request.number, **_facts(refused)}
            return _outcome(event, REJECTED, refused.code, facts=facts)
        return _accepted(event, request, transaction_id)


def _outcome(event: Record, outcome: str, code: str = "", **more: Any) -> Outcome:
    return Outcome(event.line, outcome, code, event["event_id"], event["kind"], **more)


def _accepted(
    event: Record, request: Request, transaction_id: int | None, *, earlier: bool = False
) -> Outcome:
    return _outcome(
        event,
        ACCEPTED,
        volume=selectors.volume_of(request, transaction_id),
        earlier=earlier,
        facts={"request": request.number, "transaction": transaction_id},
    )


def _settled(
    event: Record, request: Request, *, earlier: bool, facts: dict[str, Any] | None = None
) -> Outcome:
    """Say what came of a request that is at its end."""
    if request.status == Request.Status.EXECUTED:
        return _accepted(event, request, request.transaction_id, earlier=earlier)
    # Somebody withdrew or rejected it by hand.
    code = services.refusal_of(request) or "REQUEST_NOT_APPROVED"
    more = {"request": request.number, **(facts or {})}
    return _outcome(event, REJECTED, code, earlier=earlier, facts=more)


def _facts(refused: Refused) -> dict[str, Any]:
    return refused.facts if isinstance(refused.facts, dict) else {"detail": refused.facts}
