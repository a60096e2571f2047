"""
The rules that people signed, applied to a source. Pure: events and rules in, events out.

A rule changes what is sent and nothing else: whatever comes out of here meets the same five
functions and the same guards. A run applies the rules that were signed when it started.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from registry.replay.format import HistoryFile, LineError, Record, read_record

SKIP, AMEND, SPLIT, INSERT = "skip", "amend", "split", "insert"
# The name of a record that stands where an event was left out.
SKIPPED = "skipped"
# So many events may come of one line; positions leave room for them.
MOST = 63


@dataclass(frozen=True)
class Rule:
    """One signed decision: its number, the event it is about, and what is done to that."""

    id: int
    event_id: str
    action: str
    content: Mapping[str, Any]


class Rules:
    """The rules in force, by event."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        """Take the rules; of one event there is one."""
        self.rules = {rule.event_id: rule for rule in rules}

    def version(self) -> str:
        """Return one value for what the rules do, whoever signed them and in which order."""
        content = [
            [rule.event_id, rule.action, rule.content] for _, rule in sorted(self.rules.items())
        ]
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def apply(self, record: Record) -> Iterator[Record | LineError]:
        """Return what is sent instead: the event, others, or a mark that it is left out."""
        rule = self.rules.get(record["event_id"]) if record.name == "event" else None
        if rule is None:
            yield record
            return
        said = plain(record.fields)
        if rule.action == SKIP:
            yield replace(record, name=SKIPPED, rule=rule.id, said=said)
            return
        sent = [*_instead(rule, said)]
        if rule.action == INSERT:
            sent.append(None)
        for index, fields in enumerate(sent[:MOST]):
            marks = {"position": record.position + index, "rule": rule.id, "said": said}
            if fields is None:
                yield replace(record, position=record.position + index)
                continue
            try:
                read = read_record(record.line, {**fields, "record": "event"})
            except LineError as problem:
                yield problem
            else:
                yield replace(read, **marks, inserted=rule.action == INSERT)


class Stream:
    """A history as it is sent: each line with the rules applied; read as often as needed."""

    def __init__(self, history: HistoryFile, rules: Rules) -> None:
        """Take the file and the rules."""
        self.history = history
        self.rules = rules

    def records(self) -> Iterator[Record | LineError]:
        """
        Read every record, with the rules applied.

        :raises OSError: the file cannot be read
        """
        if not self.rules.rules:
            yield from self.history.records()
            return
        for found in self.history.records():
            if isinstance(found, LineError):
                yield found
            else:
                yield from self.rules.apply(found)


def _instead(rule: Rule, said: dict[str, Any]) -> list[dict[str, Any] | None]:
    """Return the fields of the events that take the place of one, or come before it."""
    if rule.action == AMEND:
        removed = set(rule.content.get("remove", ()))
        kept = {name: value for name, value in said.items() if name not in removed}
        return [{**kept, **rule.content.get("set", {})}]
    events: list[dict[str, Any] | None] = [dict(event) for event in rule.content.get("events", ())]
    return events


def plain(value: Any) -> Any:
    """Return a value as its line would write it."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value
