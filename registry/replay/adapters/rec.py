"""
The public certificate actions of the Australian REC Registry: a JSON file, or a directory of them.

Each action states ranges with their owner after it. Who held them before follows from the actions
before it, so all days since the first creation must be there. docs/replay.md lists the fields, and
says which names of actions are known from where. A name that is not known is refused, never guessed
at: ``actions.json`` beside the days says what it does.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from registry.replay.adapters.source import Book, Row
from registry.replay.fields import FieldError, instant

TYPES = {"certificateType": str, "accreditationCode": str, "generationState": str,
         "fuelSource": str, "ownerAccount": str, "status": str}  # fmt: skip
NUMBERS = ("registeredPersonNumber", "generationYear", "startSerialNumber", "endSerialNumber",
           "ownerAccountId")  # fmt: skip
# What an action does, by its name. A creation issues a range once it shows as registered: "created"
# waits for an audit or a fee, which the other three settle. An offer moves nothing until it is
# accepted.
RETIRE, TRANSFER, CREATE, NOTHING = "retire", "transfer", "mint", ""
ACTIONS = {
    **{
        f"{kind} {name}": what
        for kind in ("stc", "lgc")
        for name, what in (
            ("created", CREATE),
            ("registered", CREATE),
            ("audit passed", CREATE),
            ("audit failed", NOTHING),
        )
    },
    "transfer offer": NOTHING,
    "transfer accept": TRANSFER,
}
# What else may be said of names in actions.json.
WORDS = {"create": CREATE, "transfer": TRANSFER, "retire": RETIRE, "nothing": NOTHING}
NAMES = "actions.json"
COMMODITIES = {
    "LGC": "Large-scale generation certificate",
    "STC": "Small-scale technology certificate",
}
REGISTRY = "REC-REGISTRY"


def convert(path: Path, history: Path) -> int:
    """
    Write the actions down as a history; return how many events there are.

    :raises SourceError: a file or an action is not as described
    :raises OSError: a file cannot be read
    """
    reader = _Actions()
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    files = [each for each in files if each.name != NAMES]
    if path.is_dir() and (path / NAMES).exists():
        reader.learn(path / NAMES)
    actions = []
    for file in files:
        actions += list(reader.actions(file))
    for _, place, action in sorted(actions, key=lambda each: each[0]):
        reader.take(place, action)
    return reader.book.write(history)


class _Actions:
    """Knows which batches there are, and who holds which part of them."""

    def __init__(self) -> None:
        self.book = Book()
        # By what numbers are counted in: first and last number, owner and serial of the batch.
        self.held: dict[str, list[tuple[int, int, str, str]]] = {}
        self.count = 0
        self.names = dict(ACTIONS)
        self.unknown: set[str] = set()

    def learn(self, file: Path) -> None:
        """Read what further names of actions do."""
        try:
            given = json.loads(file.read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            self.book.problem(file.name, "actions", "must be a JSON object of names and words")
            return
        for name, word in given.items():
            if not isinstance(word, str) or word not in WORDS:
                self.book.problem(file.name, name, f"must be one of {', '.join(WORDS)}")
            else:
                self.names[_plain(name)] = WORDS[word]

    def actions(self, file: Path) -> Iterator[tuple[str, str, Row]]:
        """Return time, place and content of the actions of a file that can be read."""
        try:
            answer = json.loads(file.read_text(encoding="utf-8-sig"))
            numbered = list(enumerate(answer["result"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            self.book.problem(file.name, "result", "must be a list of actions in a JSON object")
            return
        for number, action in numbered:
            place = f"{file.name} result[{number}]"
            if self._is_readable(place, action):
                at = instant(action["completedTime"]).replace(microsecond=0)
                yield at.isoformat(), place, action

    def _is_readable(self, place: str, action: Any) -> bool:
        before = len(self.book.problems)
        if not isinstance(action, dict):
            self.book.problem(place, "action", "must be an object")
            return False
        known = self._is_known(place, action.get("actionType"))
        try:
            instant(action.get("completedTime"))
        except FieldError as wrong:
            self.book.problem(place, "completedTime", wrong.must_be)
        ranges = action.get("certificateRanges")
        if not isinstance(ranges, list) or not ranges:
            self.book.problem(place, "certificateRanges", "must be a list of one or more ranges")
            ranges = []
        for index, each in enumerate(ranges):
            # The published dictionary writes it so, the answers do not.
            if isinstance(each, dict) and "ownerAccountID" in each:
                each.setdefault("ownerAccountId", each["ownerAccountID"])
            self._check_range(f"{place} certificateRanges[{index}]", each)
        return len(self.book.problems) == before and known

    def _is_known(self, place: str, name: Any) -> bool:
        """Name each unknown action once, where it comes first."""
        if not isinstance(name, str) or not name.strip():
            self.book.problem(place, "actionType", "must be text that is not empty")
            return False
        plain = _plain(name)
        if plain not in self.names and plain not in self.unknown:
            what = f"is not known: {name!r}; {NAMES} can say what it does"
            self.book.problem(place, "actionType", what)
            self.unknown.add(plain)
        return plain in self.names

    def _check_range(self, place: str, each: Any) -> None:
        if not isinstance(each, dict):
            self.book.problem(place, "range", "must be an object")
            return
        for name in TYPES:
            if not isinstance(each.get(name), str) or not each[name].strip():
                self.book.problem(place, name, "must be text that is not empty")
        for name in NUMBERS:
            value = each.get(name)
            # Some days write numbers as text.
            if isinstance(value, str) and value.isascii() and value.isdecimal():
                each[name] = value = int(value[:18])
            if type(value) is not int or value < 0:
                self.book.problem(place, name, "must be a whole number")
                return
        if each["endSerialNumber"] < each["startSerialNumber"]:
            self.book.problem(place, "endSerialNumber", "must not be below startSerialNumber")

    def take(self, place: str, action: Row) -> None:
        """Write down what one action did to its ranges."""
        kind = self.names[_plain(action["actionType"])]
        at = instant(action["completedTime"]).replace(microsecond=0).isoformat()
        for index, each in enumerate(action["certificateRanges"]):
            where = f"{place} certificateRanges[{index}]"
            self.count += 1
            if kind == CREATE:
                self._create(where, at, each)
            elif kind:
                self._move(where, at, kind, action["actionType"], each)

    def _create(self, place: str, at: str, each: Row) -> None:
        """Issue what became valid now; what waits for its audit is issued by a later action."""
        first, last = each["startSerialNumber"], each["endSerialNumber"]
        key = _key(each)
        known = any(f <= last and t >= first for f, t, _, _ in self.held.get(key, ()))
        if each["status"].lower() != "registered" or known:
            return
        owner, serial = self._party(place, each), f"{key}-{first}"
        facility = each["accreditationCode"][:32]
        self._commodity(place, each)
        self.book.refer(place, "region", code=_region(each), name=each["generationState"])
        self.book.refer(
            place, "facility", code=facility, name=each["accreditationCode"], organisation=owner,
            region=_region(each), technology=each["fuelSource"][:64],
        )  # fmt: skip
        self.held.setdefault(key, []).append((first, last, owner, serial))
        year = each["generationYear"]
        self._event(
            place, "mint", each, owner, event_id=f"create:{serial}", occurred_at=at,
            account=f"{owner}-T", facility=facility, region=_region(each),
            production_start=f"{year:04}-01-01", production_end=f"{year:04}-12-31",
            volume=last - first + 1, source_serial=serial, source_first=first,
        )  # fmt: skip

    def _move(self, place: str, at: str, kind: str, action: str, each: Row) -> None:
        """Take the range from whoever held it, a part from each; what nobody held is one event."""
        first, last, key = each["startSerialNumber"], each["endSerialNumber"], _key(each)
        self._commodity(place, each)
        owner = self._party(place, each)
        parts = [h for h in self.held.get(key, []) if h[0] <= last and h[1] >= first]
        if not parts:
            parts = [(first, last, owner, f"{key}-{first}")]
        for start, end, holder, serial in parts:
            a, b = max(start, first), min(end, last)
            fields = {
                "event_id": f"{kind}:{key}:{a}-{b}:{at}",
                "occurred_at": at,
                "source_account": f"{holder}-T",
                "ranges": [{"source_serial": serial, "first": a, "last": b}],
            }
            if kind == RETIRE:
                fields |= {"target_account": f"{holder}-R", "reason": action[:500],
                           "beneficiary": each["ownerAccount"][:200]}  # fmt: skip
            else:
                fields["target_account"] = f"{owner}-T"
            self._event(place, kind, each, holder, **fields)
            self._hand_over(key, (start, end, holder, serial), (a, b), kind, owner)

    def _hand_over(
        self, key: str, part: tuple[int, int, str, str], moved: tuple[int, int], kind: str, to: str
    ) -> None:
        start, end, holder, serial = part
        held = [each for each in self.held.get(key, []) if each != part]
        for a, b, who in ((start, moved[0] - 1, holder), (moved[1] + 1, end, holder)):
            if a <= b:
                held.append((a, b, who, serial))
        if kind == TRANSFER:
            held.append((*moved, to, serial))
        self.held[key] = sorted(held)

    def _commodity(self, place: str, each: Row) -> None:
        # The source knows a year and no days: one facility is issued for again and again.
        code = each["certificateType"][:16]
        self.book.refer(
            place, "commodity", code=code, name=COMMODITIES.get(code, code), unit="MWh",
            periods_may_overlap=True,
        )  # fmt: skip

    def _party(self, place: str, each: Row) -> str:
        if ("organisation", REGISTRY) not in self.book.references:
            self.book.refer(
                place, "organisation", code=REGISTRY, name="REC Registry", kind="registry"
            )
            for role in ("operator", "approver"):
                self.book.refer(
                    place, "person", code=f"rec.{role}", name=f"REC Registry {role}",
                    organisation=REGISTRY, role=role,
                )  # fmt: skip
        code, name = f"A{each['ownerAccountId']}", each["ownerAccount"][:180]
        self.book.refer(place, "organisation", code=code, name=name)
        self.book.refer(
            place, "person", code=f"{code}.submitter".lower(), name=f"{name} submitter",
            organisation=code, role="submitter",
        )  # fmt: skip
        for letter, kind in (("T", "trading"), ("R", "retirement")):
            self.book.refer(place, "account", code=f"{code}-{letter}", organisation=code, type=kind)
        return code

    def _event(self, place: str, kind: str, each: Row, party: str, **fields: Any) -> None:
        self.book.event(
            place,
            self.count,
            kind=kind,
            submitted_by=f"{party}.submitter".lower(),
            approved_by="rec.approver",
            commodity=each["certificateType"][:16],
            note=place,
            **fields,
        )


def _plain(name: str) -> str:
    """Return a name of an action without what does not tell it from another one."""
    return " ".join(name.split()).lower()


def _key(each: Row) -> str:
    """Return what the numbers of a range are counted in."""
    return "-".join(
        str(each[name])
        for name in (
            *("certificateType", "registeredPersonNumber", "accreditationCode"),
            *("generationYear", "generationState"),
        )
    )[:150]


def _region(each: Row) -> str:
    return f"AU-{each['generationState']}"[:16]
