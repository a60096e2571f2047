"""What a decision does to its event: what the source says beside what would be sent. Pure."""

from dataclasses import dataclass, field
from typing import Any

from registry.models import ReplayVariance
from registry.replay import written

Event = dict[str, Any]
ACTION = ReplayVariance.Action


@dataclass(frozen=True)
class Effect:
    """Sentence, changed fields (name, before, after), and events in the order they are sent."""

    sentence: str
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    events: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    expected: str = ""


def of(variance: ReplayVariance, event: Event) -> Effect:
    """Return what the next run would send because of a decision."""
    content = variance.content
    if variance.action == ACTION.SKIP:
        return Effect("The event is left out. Nothing is sent for it.")
    if variance.action == ACTION.AMEND:
        return Effect("The event is sent with other values.", _changes(content, event))
    if variance.action == ACTION.SPLIT:
        events = content.get("events", [])
        return Effect(f"{_so_many(events)} sent instead of it.", events=_told(events))
    if variance.action == ACTION.INSERT:
        events = content.get("events", [])
        return Effect(f"{_so_many(events)} sent before it.", events=_told(events))
    return Effect(
        "Nothing is changed here: the source corrects its record, and the next file shows it.",
        expected=str(content.get("expected", "")),
    )


def _changes(content: dict[str, Any], event: Event) -> list[tuple[str, str, str]]:
    found = [
        (name, written.as_text(event[name]) if name in event else "", written.as_text(value))
        for name, value in content.get("set", {}).items()
    ]
    removed = [name for name in content.get("remove", []) if name in event]
    return found + [(name, written.as_text(event[name]), "") for name in removed]


def _told(events: list[Event]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (str(event.get("event_id", "")), written.facts(written.in_order(event))) for event in events
    ]


def _so_many(events: list[Event]) -> str:
    return "One event is" if len(events) == 1 else f"{len(events)} events are"
