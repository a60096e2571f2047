"""
The engine: three readings of one file.

The first checks every line and writes nothing. The second creates or compares the reference
records, all or none. The third sends the events, in order: first requests as far as the approval,
then their executions. Wherever a run is killed, the next one finds the
request by ``source_event`` and goes on from the state it is in.

Requests are written many at a time, because nothing of them depends on the execution of another one
but the numbers of a batch. Executions go one by one, and one commit keeps many of them. While
PostgreSQL executes one group of events, the next one is read, looked up and written; no outcome is
told before its group is at its end, and none while another one is executed.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import Any
from uuid import UUID

from ledgerdb.errors import InvariantBroken, LedgerError, Refused
from registry.identity import id_of
from registry.models import Request
from registry.replay.causes import Causes
from registry.replay.format import HistoryFile, LineError, Record
from registry.replay.outcomes import (
    REJECTED,
    REPEATED,
    SETTLED,
    UNREADABLE,
    Outcome,
    accepted,
    facts_of,
    outcome_of,
    settled,
)
from registry.replay.references import Directory, References
from registry.replay.rules import SKIPPED, Rules, Stream
from registry.replay.scan import Scan, line_of
from registry.replay.triage import Case, Triage
from registry.selectors import replay as selectors
from registry.services import replay as services

# Requests are looked up this many events at a time.
CHUNK = 200
# A lock that somebody else holds is waited for this often, a second longer each time.
TRIES = 5

REUSED = "IDEMPOTENCY_KEY_REUSED"


class StoppedError(Exception):
    """The replay cannot go on now; started again later it continues where it was."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep why."""
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass
class Turn:
    """One event whose turn has come: what is known of it, or what came of it already."""

    event: Record
    key: UUID | None = None
    request: Request | None = None
    case: Case | None = None
    outcome: Outcome | None = None

    @property
    def is_ready(self) -> bool:
        """Say whether the event is approved, and has only to be executed."""
        return self.request is not None and self.request.status == Request.Status.APPROVED


@dataclass
class Group:
    """Events whose requests are written together: none is about a batch that another one issues."""

    turns: list[Turn] = field(default_factory=list)
    named: set[tuple[str, str]] = field(default_factory=set)
    issued: set[tuple[str, str]] = field(default_factory=set)
    # Of its first events that only wait for their execution, if that is under way.
    executed: Future[services.Executed] | None = None

    def add(self, turn: Turn) -> None:
        """Take one more event."""
        named, issued = _serials(turn.event)
        self.turns.append(turn)
        self.named |= named
        self.issued |= issued


class Replay:
    """One run over one file."""

    def __init__(
        self,
        path: Path,
        *,
        allow_overlap: bool,
        report: Callable[[Outcome], None],
        rules: Rules | None = None,
    ) -> None:
        """Take the file, how to define its commodities, and who is told of unreadable lines."""
        self.history = Stream(HistoryFile(path), rules or Rules())
        self.scan = Scan()
        self.directory = Directory()
        self.references = References(self.directory, allow_overlap=allow_overlap)
        self.triage = Triage(self.directory, self.scan)
        self.causes = Causes()
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
        before: Group | None = None
        with services.second_hand() as hand:
            for group in self._groups():
                if before is not None and before.issued & group.named:
                    yield from self._finish(before)
                    before = None
                self._prepare_all(group)
                if before is not None:
                    yield from self._finish(before)
                ready = _ready(group.turns)
                if ready:
                    group.executed = hand.submit(services.execute_events, ready)
                before = group
            if before is not None:
                yield from self._finish(before)

    def _groups(self) -> Iterator[Group]:
        """Return the events in groups, each with what is known of it before it is sent."""
        events = self._events()
        while chunk := list(islice(events, CHUNK)):
            known = selectors.requests_of(event["event_id"] for event in chunk)
            group = Group()
            for event in chunk:
                if group.issued & _serials(event)[0]:
                    # It is about a batch that is issued first.
                    yield group
                    group = Group()
                group.add(self._turn(event, known.get(event["event_id"])))
            yield group

    def _events(self) -> Iterator[Record]:
        for record in self.history.records():
            # What was added to the file after the first reading waits for the next run.
            if record.line > self.scan.last_line:
                return
            if not isinstance(record, LineError) and record.name in ("event", SKIPPED):
                yield record

    def _unreadable(self, problem: LineError) -> None:
        facts = {"field": problem.field, "detail": problem.detail}
        self.report(Outcome(problem.line, UNREADABLE, problem.code, facts=facts))

    def _turn(self, event: Record, request: Request | None) -> Turn:
        """Say what is known of an event before it is sent."""
        if event.name == SKIPPED:
            return Turn(event, outcome=outcome_of(event, SKIPPED, facts={"rule": event.rule}))
        first, same = self.scan.first_of(event)
        if first != event.position:
            facts = {"first_line": line_of(first)}
            if same:
                return Turn(event, outcome=outcome_of(event, REPEATED, facts=facts))
            return Turn(event, outcome=outcome_of(event, REJECTED, REUSED, facts=facts))
        key = self.triage.key_of(event)
        if request is not None and request.idempotency_key != key:
            again = {"request": request.number, "why": "this event was replayed with other content"}
            return Turn(event, outcome=outcome_of(event, REJECTED, REUSED, facts=again))
        if request is not None and request.status in SETTLED:
            return Turn(event, outcome=settled(event, request, earlier=True))
        return Turn(event, key, request)

    def _prepare_all(self, group: Group) -> None:
        """Look up what the events of a group name, and write their requests together."""
        turns = [turn for turn in group.turns if turn.outcome is None]
        self.triage.look_up(turn.event for turn in turns)
        for turn in turns:
            turn.case = self.triage.case_of(turn.event)
        self._write([turn for turn in turns if turn.request is None])

    def _finish(self, group: Group) -> Iterator[Outcome]:
        """Execute what is not executed of a group yet, one after the other."""
        turns = deque(group.turns)
        while turns:
            ready = _ready(turns)
            if not ready:
                outcomes = iter([turns[0].outcome or self._one(turns[0])])
            else:
                executed = group.executed.result() if group.executed else None
                outcomes = self._told(list(turns), *(executed or services.execute_events(ready)))
            group.executed = None
            for outcome in outcomes:
                yield self._with_cause(turns.popleft(), outcome)

    def _told(
        self, turns: list[Turn], done: list[int], refused: LedgerError | None
    ) -> Iterator[Outcome]:
        """Say what came of events that were executed, and of the one that was refused, if any."""
        for turn, transaction_id in zip(turns, done, strict=False):
            if turn.request is not None:
                yield accepted(turn.event, turn.request, transaction_id)
        if refused is None:
            return
        turn = turns[len(done)]
        if isinstance(refused, InvariantBroken):
            raise _stopped(turn.event, refused) from refused
        if refused.code in services.NOT_NOW:
            yield self._one(turn)
        else:
            number = turn.request.number if turn.request else None
            facts = {"request": number, **facts_of(refused)}
            yield outcome_of(turn.event, REJECTED, refused.code, facts=facts)

    def _with_cause(self, turn: Turn, outcome: Outcome) -> Outcome:
        if outcome.outcome != REJECTED:
            return outcome
        cause = self.causes.of(turn.event, outcome.code)
        case = turn.case or Case(turn.event)
        return replace(
            outcome,
            root=cause.event_id,
            root_code=cause.code,
            asked=case.asks,
            commodity=case.commodity,
        )

    def _write(self, turns: list[Turn]) -> None:
        """Write the requests of what nothing is wrong with so far; the others come one by one."""
        fine = [(turn, turn.case) for turn in turns if turn.case is not None and turn.case.is_fine]
        try:
            written = services.record_events([_asked(turn, case) for turn, case in fine])
        except Refused:
            # Which one it is shows when they come one by one.
            return
        for (turn, _), request in zip(fine, written, strict=True):
            turn.request = request

    def _one(self, turn: Turn) -> Outcome:
        try:
            return self._patiently(lambda: self._act(turn))
        except InvariantBroken as broken:
            raise _stopped(turn.event, broken) from broken

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

    def _act(self, turn: Turn) -> Outcome:
        if turn.request is not None and turn.is_ready:
            return self._execute(turn.event, turn.request)
        return self._prepare(turn)

    def _prepare(self, turn: Turn) -> Outcome:
        """Take the event to its approval, and on to its execution."""
        case, request = turn.case or self.triage.case_of(turn.event), turn.request
        if case.submitter is None or case.commodity is None:
            # Nobody to ask, or nothing to ask for: there can be no request.
            return outcome_of(case.event, REJECTED, case.refusal, facts=case.facts)
        asked = _asked(turn, case)
        try:
            if case.approver is None:
                raise Refused(case.refusal, facts=case.facts)
            if request is None:
                request = services.record_event(**asked, refusal=case.refusal)
            else:
                request = services.finish_event(request=request, approver=case.approver)
        except Refused as refused:
            if refused.code in services.NOT_NOW:
                raise
            case.refuse(refused.code, **facts_of(refused))
            if request is not None:
                return outcome_of(case.event, REJECTED, case.refusal, facts=case.facts)
            del asked["approver"]
            request = services.shelve_event(**asked, refusal=case.refusal)
        if request.status in SETTLED:
            return settled(case.event, request, earlier=False, facts=case.facts)
        return self._execute(case.event, request)

    def _execute(self, event: Record, request: Request) -> Outcome:
        try:
            transaction_id = services.execute_event(request)
        except Refused as refused:
            if refused.code in services.NOT_NOW:
                raise
            facts = {"request": request.number, **facts_of(refused)}
            return outcome_of(event, REJECTED, refused.code, facts=facts)
        return accepted(event, request, transaction_id)


def _ready(turns: Iterable[Turn]) -> list[Request]:
    """Return the first events that only wait for their execution."""
    ready = takewhile(lambda turn: turn.outcome is None and turn.is_ready, turns)
    return [turn.request for turn in ready if turn.request is not None]


def _stopped(event: Record, broken: LedgerError) -> StoppedError:
    return StoppedError(
        broken.code, f"line {event.line}: the ledger's guards stopped it: {broken.facts}"
    )


def _asked(turn: Turn, case: Case) -> dict[str, Any]:
    """Return what is asked of the services for an event."""
    return {
        "request_id": id_of("event", turn.event["event_id"]),
        "key": turn.key,
        "kind": turn.event["kind"],
        "submitter": case.submitter,
        "approver": case.approver,
        "commodity": case.commodity,
        "asks": case.asks,
    }


def _serials(event: Record) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return the batches that an event names, and those of them that it issues."""
    serial, commodity = event.get("source_serial"), event["commodity"]
    issued = {(commodity, serial)} if serial else set()
    named = {
        (commodity, numbers["source_serial"])
        for numbers in event.get("ranges", ())
        if "source_serial" in numbers
    }
    return named | issued, issued
