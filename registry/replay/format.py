"""The replay file: JSON Lines, one record a line. docs/replay.md tells how to write one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from registry.models import Account, Facility, Organisation, Request, User
from registry.replay.fields import (
    BIGINT,
    INTEGER,
    SMALLINT,
    Field,
    FieldError,
    an_object,
    boolean,
    day,
    email,
    instant,
    objects,
    one_of,
    read_fields,
    text,
    time_zone,
    whole,
    whole_or_digits,
)

LONGEST_LINE = 8 * 2**20
# So many positions has a line: a rule may send that many events for it.
ROOM = 64
ANY_NUMBER = whole(-BIGINT, BIGINT)


def must(reader: Any) -> Field:
    """Describe a field that every such record has."""
    return Field(reader, required=True)


def may(reader: Any) -> Field:
    """Describe a field that can be left out."""
    return Field(reader)


NAMED = {"code": must(text(32)), "name": must(text(200))}
REFERENCES: dict[str, dict[str, Field]] = {
    "region": {"code": must(text(16)), "name": must(text(100))},
    "commodity": {
        "code": must(text(16)),
        "name": must(text(100)),
        "unit": may(text(16)),
        "unit_per_certificate": may(whole_or_digits(1, INTEGER)),
        "transferable": may(boolean),
        "retirable": may(boolean),
        "reassignable": may(boolean),
        "periods_may_overlap": may(boolean),
        "months_transferable": may(whole(0, SMALLINT)),
        "months_to_expiry": may(whole(0, SMALLINT)),
        "time_zone": may(time_zone),
    },
    "region_rule": {
        "commodity": must(text(16)),
        "from_region": must(text(16)),
        "to_region": must(text(16)),
        "valid_from": must(day),
        "valid_to": may(day),
    },
    "organisation": {
        **NAMED,
        "kind": may(one_of(Organisation.Kind.values)),
        "status": may(one_of(Organisation.Status.values)),
        "country": may(text(2, empty=True)),
        "registration_no": may(text(64, empty=True)),
    },
    "person": {
        "code": must(text(64)),
        "name": must(text(200)),
        "organisation": must(text(32)),
        "role": must(one_of(User.Role.values)),
        "email": may(email),
        "is_active": may(boolean),
    },
    "account": {
        "code": must(text(32)),
        "organisation": must(text(32)),
        "type": must(one_of((Account.Type.TRADING, Account.Type.RETIREMENT))),
        "name": may(text(200, empty=True)),
        "status": may(one_of(Account.Status.values)),
    },
    "facility": {
        **NAMED,
        "organisation": must(text(32)),
        "region": must(text(16)),
        "technology": may(text(64, empty=True)),
        "capacity_kw": may(whole(0, INTEGER)),
        "commissioned_on": may(day),
        "audited_on": may(day),
        "status": may(one_of(Facility.Status.values)),
    },
}

EVERY_EVENT = {
    "event_id": must(text(200)),
    "kind": must(one_of(Request.Kind.values)),
    "occurred_at": must(instant),
    "submitted_by": must(text(64)),
    "approved_by": must(text(64)),
    "commodity": must(text(16)),
    "note": may(text(2000, empty=True)),
}
# Which certificates. Numbers and volumes out of order are the ledger's to refuse, by name.
CHOICE = {
    "source_account": must(text(32)),
    "volume": may(ANY_NUMBER),
    "ranges": may(
        objects(
            {
                "source_serial": may(text(200)),
                "first": must(ANY_NUMBER),
                "last": must(ANY_NUMBER),
            }
        )
    ),
    "filters": may(
        an_object(
            {
                "facility": may(text(32)),
                "region": may(text(16)),
                "produced_from": may(day),
                "produced_to": may(day),
            }
        )
    ),
}
EVENTS: dict[str, dict[str, Field]] = {
    "mint": {
        "account": must(text(32)),
        "facility": must(text(32)),
        "region": may(text(16)),
        "production_start": must(day),
        "production_end": must(day),
        "volume": must(ANY_NUMBER),
        "source_serial": may(text(200)),
        "source_first": may(whole(0, BIGINT)),
    },
    "transfer": {**CHOICE, "target_account": must(text(32))},
    "retire": {
        **CHOICE,
        "target_account": must(text(32)),
        "beneficiary": must(text(200)),
        "beneficiary_country": may(text(2, empty=True)),
        "beneficiary_place": may(text(200, empty=True)),
        "reason": must(text(500)),
        "consumption_start": may(day),
        "consumption_end": may(day),
        "claim_published": may(boolean),
    },
    "reassign_region": {**CHOICE, "region": must(text(16))},
    "expire": {"max_blocks": may(whole(1, INTEGER))},
}


class LineError(Exception):
    """A line that cannot be replayed, by its name, its number and the field that is wrong."""

    def __init__(self, code: str, line: int, detail: str, *, field: str = "") -> None:
        """Keep what is wrong and where."""
        super().__init__(f"line {line}: {code}{f' {field}' if field else ''}: {detail}")
        self.code = code
        self.line = line
        self.field = field
        self.detail = detail


@dataclass(frozen=True)
class Record:
    """
    One readable line, or what a rule made of it.

    ``position`` orders what is sent: a rule may send several events for one line.
    """

    line: int
    name: str
    fields: dict[str, Any] = field(default_factory=dict)
    position: int = 0
    # Of the rule that changed it: its number, what the source said, whether this was added.
    rule: int | None = None
    said: dict[str, Any] | None = None
    inserted: bool = False

    def __getitem__(self, name: str) -> Any:
        """Return a field that every such record has."""
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field that may be left out."""
        return self.fields.get(name, default)


class HistoryFile:
    """A replay file, read one line at a time and as often as needed."""

    def __init__(self, path: Path) -> None:
        """Remember where it is."""
        self.path = path

    def records(self) -> Iterator[Record | LineError]:
        """
        Read every line that is not empty.

        :raises OSError: the file cannot be read
        """
        with self.path.open("rb") as stream:
            for number, raw in _lines(stream):
                try:
                    if raw.strip():
                        yield read_line(number, raw)
                except LineError as problem:
                    yield problem


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        yield number, raw
        # The rest of a line that is too long is skipped, in pieces that fit.
        while len(raw) > LONGEST_LINE and not raw.endswith(b"\n"):
            raw = stream.readline(LONGEST_LINE + 1)


def read_line(number: int, raw: bytes) -> Record:
    """
    Read one line.

    :raises LineError: it is not a record of this format
    """
    if len(raw) > LONGEST_LINE:
        raise LineError("LINE_TOO_LONG", number, f"longer than {LONGEST_LINE} bytes")
    try:
        given = _object(number, raw)
    except FieldError as wrong:
        raise LineError(wrong.code, number, wrong.must_be, field=wrong.field) from wrong
    return read_record(number, given)


def read_record(number: int, given: dict[str, Any]) -> Record:
    """
    Read the object of one line.

    :raises LineError: it is not a record of this format
    """
    try:
        return _record(number, given)
    except FieldError as wrong:
        raise LineError(wrong.code, number, wrong.must_be, field=wrong.field) from wrong


def _object(number: int, raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(
            raw.decode(), object_pairs_hook=_without_repetition, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise LineError("LINE_NOT_UTF8", number, f"at byte {error.start + 1}") from error
    except (ValueError, RecursionError) as error:
        # Also a number of thousands of digits, and brackets without end.
        raise LineError("LINE_NOT_JSON", number, str(error)[:200]) from error
    if type(found) is not dict:
        raise LineError("LINE_NOT_JSON", number, "must be one JSON object")
    return found


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FieldError("is there twice", code="FIELD_REPEATED", field=twice)
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _record(number: int, given: dict[str, Any]) -> Record:
    name = given.pop("record", None)
    if name is None:
        raise FieldError("is required", code="FIELD_MISSING", field="record")
    if name == "event":
        return Record(number, "event", _event(given), number * ROOM)
    if not isinstance(name, str) or name not in REFERENCES:
        known = ", ".join([*REFERENCES, "event"])
        raise FieldError(f"must be one of {known}", code="RECORD_UNKNOWN", field="record")
    fields = read_fields(given, REFERENCES[name])
    _check_reference(name, fields)
    return Record(number, name, fields, number * ROOM)


def _event(given: dict[str, Any]) -> dict[str, Any]:
    kind = given.get("kind")
    known = EVENTS.get(kind, {}) if isinstance(kind, str) else {}
    if not known:
        read_fields({"kind": kind} if kind is not None else {}, {"kind": EVERY_EVENT["kind"]})
    fields = read_fields(given, {**EVERY_EVENT, **known})
    if "source_account" in known:
        _check_choice(fields)
    if "source_first" in fields and "source_serial" not in fields:
        raise FieldError("goes with a source_serial", field="source_first")
    return fields


def _check_choice(fields: dict[str, Any]) -> None:
    if "ranges" in fields:
        if "filters" in fields:
            raise FieldError("go with a volume, not with ranges", field="filters")
    elif "volume" not in fields:
        raise FieldError("is required without ranges", code="FIELD_MISSING", field="volume")


def _check_reference(name: str, fields: dict[str, Any]) -> None:
    """Check what two fields say together: the constraints of the tables, with a name and a line."""
    if name == "commodity":
        transfer, expiry = fields.get("months_transferable"), fields.get("months_to_expiry")
        if transfer is not None and expiry is not None and transfer > expiry:
            raise FieldError("must not exceed months_to_expiry", field="months_transferable")
    if name == "region_rule":
        if fields["from_region"] == fields["to_region"]:
            raise FieldError("must differ from from_region", field="to_region")
        if "valid_to" in fields and fields["valid_to"] < fields["valid_from"]:
            raise FieldError("must not be before valid_from", field="valid_to")
