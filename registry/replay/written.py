"""
What a person writes about an event: values as text, and events as lines of JSON. Pure.

Everything is read by the readers of the replay file (``format``), so that what is signed can be
replayed. Whether the ledger accepts it is the ledger's to say, in the next run.
"""

import contextlib
import json
from typing import Any

from registry.replay.fields import FieldError
from registry.replay.format import EVENTS, EVERY_EVENT, LineError, read_line

Event = dict[str, Any]
# What an event is known by: another one is another event.
IDENTITY = ("event_id",)
MOST = 50


class WrittenError(Exception):
    """What was written cannot be replayed; the message says why, for a person."""


def amended(event: Event, given: dict[str, str]) -> dict[str, Any]:
    """
    Return the content of an amendment: which fields to set, and which to leave out.

    :param given: the text of each field; an empty one leaves the field out
    :raises WrittenError: the event could not be read like this
    """
    fields: dict[str, Any] = {}
    remove = sorted(name for name, text in given.items() if not text)
    rest = {name: value for name, value in event.items() if name not in given}
    for name, text in given.items():
        if text:
            fields[name] = _value(name, text, str(event.get("kind", "")))
    if fields == {name: event.get(name) for name in fields} and not remove:
        raise WrittenError("That is what the event says already.")
    _read({**rest, **fields})
    return {"set": fields, "remove": remove}


def events(text: str, *, beside: Event | None = None) -> list[Event]:
    """
    Return events that were written one a line.

    :param beside: the event that stays; none of them has its name
    :raises WrittenError: a line is no event, or two have one name
    """
    found: list[Event] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            found.append(_line(number, line))
    names = [event["event_id"] for event in found]
    if not found:
        raise WrittenError("Write at least one event.")
    if len(found) > MOST:
        raise WrittenError(f"Write {MOST} events at most.")
    taken = [*names, beside["event_id"]] if beside else names
    if twice := next((name for name in taken if taken.count(name) > 1), ""):
        raise WrittenError(f"Give each event an event_id of its own: {twice}")
    return found


def as_line(event: Event) -> str:
    """Write an event as a line that reads back."""
    return json.dumps(in_order(_bare(event)), ensure_ascii=False)


def parts(event: Event) -> str:
    """Propose two events instead of one: each with a name of its own, and half of the volume."""
    volume = event.get("volume")
    halves = (volume - volume // 2, volume // 2) if isinstance(volume, int) else (None, None)
    lines = []
    for number, half in enumerate(halves, start=1):
        part = {**_bare(event), "event_id": f"{event.get('event_id', '')}/{number}"[-200:]}
        lines.append(as_line(part if half is None else {**part, "volume": half}))
    return "\n".join(lines)


def as_text(value: Any) -> str:
    """Write the value of a field as it is typed."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(name: str, text: str, kind: str) -> Any:
    """Read the text of a field: as words where words are taken, else as JSON."""
    known = {**EVERY_EVENT, **EVENTS.get(kind, {})}
    with contextlib.suppress(FieldError, KeyError):
        known[name].read(text)
        return text
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text, parse_constant=str)
    return text


def _line(number: int, text: str) -> Event:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrittenError(f"Line {number} is no JSON object.") from error
    if not isinstance(event, dict):
        raise WrittenError(f"Line {number} is no JSON object.")
    _read(event, number)
    return _bare(event)


def _read(event: Event, number: int = 0) -> None:
    where = f"Line {number}, " if number else ""
    try:
        read_line(1, json.dumps({**event, "record": "event"}).encode())
    except LineError as wrong:
        detail = wrong.detail if wrong.field else "It cannot be read as an event."
        raise WrittenError(f"{where}{wrong.field}: {detail}".strip(": ")) from wrong
    except (ValueError, RecursionError) as error:
        raise WrittenError(f"{where}it cannot be read as an event.") from error


def _bare(event: Event) -> Event:
    return {name: value for name, value in event.items() if name != "record"}


def facts(given: Any, above: str = "") -> list[tuple[str, str]]:
    """Write an object as pairs of name and text, one for each value, however deep it lies."""
    if isinstance(given, dict):
        pairs = given.items()
        return [pair for name, value in pairs for pair in facts(value, _under(above, str(name)))]
    if isinstance(given, list) and any(isinstance(each, dict | list) for each in given):
        numbered = enumerate(given, start=1)
        return [pair for n, value in numbered for pair in facts(value, _under(above, str(n)))]
    if isinstance(given, list):
        given = ", ".join(as_text(each) for each in given)
    if isinstance(given, bool):
        given = "yes" if given else "no"
    return [] if given in (None, "") else [(above, as_text(given))]


def in_order(event: Event) -> Event:
    """Return an event with its fields in the order of the format: JSON of a database has none."""
    known = {**EVERY_EVENT, **EVENTS.get(str(event.get("kind", "")), {})}
    names = [name for name in known if name in event]
    return {name: event[name] for name in (*names, *(n for n in event if n not in known))}


def _under(above: str, name: str) -> str:
    return f"{above} {name}".strip().replace("_", " ")
