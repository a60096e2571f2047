"""The second reading: reference records are created, and those that are there are compared."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.db import DataError, IntegrityError, models, transaction

from registry import services
from registry.identity import id_of, number_of
from registry.models import Account, Commodity, Facility, Organisation, Region, User
from registry.replay.format import REFERENCES, LineError, Record
from registry.replay.rules import Stream
from registry.selectors import replay as selectors

MODELS: dict[str, type[models.Model]] = {
    "region": Region,
    "commodity": Commodity,
    "organisation": Organisation,
    "person": User,
    "account": Account,
    "facility": Facility,
}
KEPT = 20_000
ADDRESS = re.compile(r"[a-z0-9._-]+", re.ASCII)


class Directory:
    """Reference records by code; the latest thousands are remembered."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self.known: dict[tuple[type[models.Model], str], Any] = {}

    def find(self, model: type[models.Model], code: str) -> Any:
        """Return a record, or None."""
        key = (model, code)
        if key not in self.known:
            found = selectors.by_code(model, code)
            if found is None:
                return None
            self.keep(key, found)
        return self.known[key]

    def keep(self, key: tuple[type[models.Model], str], value: Any) -> None:
        """Remember one more, and forget all when there are too many."""
        if len(self.known) >= KEPT:
            self.known.clear()
        self.known[key] = value


class References:
    """Creates or compares the reference records of a file."""

    def __init__(self, directory: Directory, *, allow_overlap: bool) -> None:
        """Take how commodities are to be defined."""
        self.directory = directory
        self.allow_overlap = allow_overlap
        self.created = 0
        self.compared = 0

    def apply(
        self, history: Stream, report: Callable[[LineError], None], *, keep_going: bool
    ) -> Iterator[int]:
        """
        Create and compare all of them, and report what cannot be.

        Unless it is to keep going, one problem undoes everything.
        """
        problems = 0
        with transaction.atomic():
            for record in history.records():
                if isinstance(record, LineError) or record.name not in REFERENCES:
                    continue
                try:
                    self._apply(record)
                except LineError as problem:
                    problems += 1
                    report(problem)
                yield record.line
            if problems and not keep_going:
                transaction.set_rollback(True)
                self.directory.known.clear()
                self.created = 0

    def _apply(self, record: Record) -> None:
        given = dict(record.fields)
        if record.name == "commodity" and self.allow_overlap:
            given["periods_may_overlap"] = True
        asked = {name: self._resolve(record, name, value) for name, value in given.items()}
        there = self._existing(record, asked)
        if there is not None:
            self._compare(record, asked, there)
            self.compared += 1
            return
        try:
            with transaction.atomic():
                self._create(record.name, asked)
        except (IntegrityError, DataError) as error:
            raise LineError(
                "REFERENCE_REFUSED", record.line, str(error).split("\n")[0], field="code"
            ) from error
        except services.Refused as refused:
            raise LineError(
                "REFERENCE_REFUSED", record.line, refused.code, field="code"
            ) from refused
        self.created += 1

    def _resolve(self, record: Record, name: str, value: Any) -> Any:
        """Find the record that a field names."""
        named = {"from_region": "region", "to_region": "region"}.get(name, name)
        if named not in MODELS:
            return value
        found = self.directory.find(MODELS[named], value)
        if found is None:
            raise LineError(
                "REFERENCE_UNKNOWN",
                record.line,
                f"no {named} {value!r} in the registry or above this line",
                field=name,
            )
        return found

    def _existing(self, record: Record, asked: dict[str, Any]) -> Any:
        if record.name == "region_rule":
            key = ("commodity", "from_region", "to_region", "valid_from")
            return selectors.region_rule(**{name: asked[name] for name in key})
        return self.directory.find(MODELS[record.name], asked["code"])

    def _compare(self, record: Record, asked: dict[str, Any], there: Any) -> None:
        for name, value in asked.items():
            kept = getattr(there, name)
            if kept != value:
                raise LineError(
                    "REFERENCE_CONTRADICTED",
                    record.line,
                    f"{_word(value)} here, {_word(kept)} in the registry"
                    f" ({record.name} {record.get('code', '')})".replace(" )", ")"),
                    field=name,
                )

    def _create(self, name: str, asked: dict[str, Any]) -> None:
        if name == "region_rule":
            services.allow_region_change(**asked)
            return
        code = asked["code"]
        if name in ("region", "commodity"):
            asked["id"] = number_of(name, code)
        else:
            asked["id"] = id_of(name, code)
        if name == "person":
            asked["person_id"] = asked["id"]
            asked.setdefault("email", _unusable_address(code))
        CREATE[name](**asked)


CREATE: dict[str, Callable[..., Any]] = {
    "region": services.add_region,
    "commodity": services.define_commodity,
    "organisation": services.add_organisation,
    "person": services.add_person,
    "account": services.open_account,
    "facility": services.add_facility,
}


def _unusable_address(code: str) -> str:
    """Return an address at which nobody signs in: the domain exists nowhere (RFC 2606)."""
    local = code if ADDRESS.fullmatch(code) else id_of("person", code).hex
    return f"{local}@replay.invalid"


def _word(value: Any) -> str:
    return repr(getattr(value, "code", value))
