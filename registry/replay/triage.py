"""From an event to what is asked of the ledger, or to the name of what is wrong with it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from registry.models import Account, Commodity, Facility, Region, User
from registry.replay.fields import BIGINT
from registry.replay.format import Record
from registry.replay.references import KEPT, Directory
from registry.replay.scan import Scan, digest
from registry.selectors import replay as selectors

# The ledger's own names for what the event names and the registry does not know.
UNKNOWN = {
    User: "ACTOR_NOT_AUTHORISED",
    Commodity: "COMMODITY_RULE",
    Account: "ACCOUNT_NOT_FOUND",
    Facility: "FACILITY_NOT_ACTIVE",
    Region: "REGION_NOT_ALLOWED",
}
# Event field to request field, where no record is looked up.
COPIED = {
    name: name
    for name in (
        "volume",
        "production_start",
        "production_end",
        "source_serial",
        "beneficiary",
        "beneficiary_country",
        "beneficiary_place",
        "reason",
        "consumption_start",
        "consumption_end",
        "claim_published",
        "max_blocks",
        "occurred_at",
        "note",
    )
} | {"event_id": "source_event"}
NAMED = {
    "account": ("target", Account),
    "source_account": ("source", Account),
    "target_account": ("target", Account),
    "facility": ("facility", Facility),
    "region": ("region", Region),
}
FILTERS = {"facility": ("filter_facility", Facility), "region": ("filter_region", Region)}


@dataclass
class Case:
    """One event, what it asks for, and the first thing that is wrong with it, if anything."""

    event: Record
    submitter: User | None = None
    approver: User | None = None
    commodity: Commodity | None = None
    asks: dict[str, Any] = field(default_factory=dict)
    refusal: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_fine(self) -> bool:
        """Say whether everything that is named is there, and two people have to do with it."""
        return not self.refusal and (
            self.submitter is not None
            and self.approver is not None
            and self.commodity is not None
            and self.submitter.person_id != self.approver.person_id
        )

    def refuse(self, code: str, **facts: Any) -> None:
        """Note what is wrong, unless something was wrong before."""
        if not self.refusal:
            self.refusal, self.facts = code, facts


class Triage:
    """Looks up what events name."""

    def __init__(self, directory: Directory, scan: Scan) -> None:
        """Take where records are found, and what the first reading noted."""
        self.directory = directory
        self.scan = scan
        # What was issued stays where it is: the latest batches are remembered.
        self.batches: dict[tuple[int, str], tuple[int, int]] = {}
        # Looked up for the events whose turn it is, and not there.
        self.absent: set[tuple[int, str]] = set()

    def key_of(self, event: Record) -> UUID:
        """
        Return one value for what an event asks for.

        From where its batches are counted is part of it: a file that is read differently than
        before asks for other certificates.
        """
        counted = [
            self.scan.first_number(event["commodity"], numbers["source_serial"])
            for numbers in event.get("ranges", ())
            if "source_serial" in numbers
        ]
        return digest([event.fields, counted])

    def case_of(self, event: Record) -> Case:
        """Look up everything; the request that comes of it holds whatever was found."""
        case = Case(event)
        case.submitter = self._find(case, User, event["submitted_by"], "submitted_by")
        case.approver = self._find(case, User, event["approved_by"], "approved_by")
        case.commodity = self._find(case, Commodity, event["commodity"], "commodity")
        for name, value in event.fields.items():
            if name in COPIED:
                case.asks[COPIED[name]] = value
        for name, (asked, model) in NAMED.items():
            if name in event.fields:
                case.asks[asked] = self._find(case, model, event[name], name)
        self._filters(case, event.get("filters", {}))
        later = self.scan.before(event)
        if later:
            case.refuse("REPLAY_OUT_OF_ORDER", occurred_at=later, why="an earlier line is later")
        if case.commodity is not None:
            self._serial(case, case.commodity)
            self._ranges(case, case.commodity)
        return case

    def _find(self, case: Case, model: type[Any], code: str, name: str) -> Any:
        found = self.directory.find(model, code)
        if found is None:
            case.refuse(UNKNOWN[model], **{name: code, "why": "not in the registry"})
        return found

    def _filters(self, case: Case, filters: dict[str, Any]) -> None:
        for name, value in filters.items():
            if name in FILTERS:
                asked, model = FILTERS[name]
                case.asks[asked] = self._find(case, model, value, f"filters.{name}")
            else:
                case.asks[f"filter_{name}"] = value

    def _serial(self, case: Case, commodity: Commodity) -> None:
        serial = case.event.get("source_serial")
        if serial and self._batch(commodity, serial):
            case.refuse("IDEMPOTENCY_KEY_REUSED", source_serial=serial, why="issued before")

    def look_up(self, events: Iterable[Record]) -> None:
        """Look up together the batches that some events name."""
        wanted: dict[int, set[str]] = {}
        for event in events:
            commodity = self.directory.find(Commodity, event["commodity"])
            named = [numbers.get("source_serial") for numbers in event.get("ranges", ())]
            for serial in (event.get("source_serial"), *named):
                if commodity and serial and (commodity.pk, serial) not in self.batches:
                    wanted.setdefault(commodity.pk, set()).add(serial)
        self.absent = set()
        for commodity_id, serials in wanted.items():
            found = selectors.numbers_of_batches(commodity_id, sorted(serials))
            if len(self.batches) + len(found) >= KEPT:
                self.batches.clear()
            self.batches |= {(commodity_id, serial): numbers for serial, numbers in found.items()}
            self.absent |= {(commodity_id, serial) for serial in serials - found.keys()}

    def _batch(self, commodity: Commodity, serial: str) -> tuple[int, int] | None:
        key = (commodity.pk, serial)
        if key in self.absent:
            return None
        if key not in self.batches:
            found = selectors.numbers_of_batch(commodity, serial)
            if found is None:
                return None
            if len(self.batches) >= KEPT:
                self.batches.clear()
            self.batches[key] = found
        return self.batches[key]

    def _ranges(self, case: Case, commodity: Commodity) -> None:
        given = case.event.get("ranges")
        if given is None:
            return
        ranges = [self._range(case, commodity, numbers) for numbers in given]
        found = [pair for pair in ranges if pair is not None]
        if len(found) < len(ranges):
            return
        total = sum(last - first + 1 for first, last in found)
        if total > BIGINT:
            case.refuse("VOLUME_OVERFLOW", numbers=total)
            return
        case.asks["ranges"] = tuple(found)
        # Ranges that overlap are fewer certificates than their sum, and the ledger says so.
        case.asks.setdefault("volume", total)

    def _range(
        self, case: Case, commodity: Commodity, numbers: dict[str, Any]
    ) -> tuple[int, int] | None:
        first, last, serial = numbers["first"], numbers["last"], numbers.get("source_serial")
        if not (0 if serial else 1) <= first <= last < BIGINT:
            case.refuse("RANGE_INVALID", **numbers)
            return None
        if serial is None:
            return first, last
        batch = self._batch(commodity, serial)
        if batch is None:
            case.refuse("BLOCK_NOT_HELD", source_serial=serial, why="never issued")
            return None
        counted_from = self.scan.first_number(commodity.code, serial)
        if counted_from is None:
            case.refuse("RANGE_INVALID", source_serial=serial, why="not issued in this file")
            return None
        shift = batch[0] - counted_from
        if first + shift < batch[0] or last + shift > batch[1]:
            case.refuse("BLOCK_NOT_HELD", **numbers, why="outside the batch")
            return None
        return first + shift, last + shift
