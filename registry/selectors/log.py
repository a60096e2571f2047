"""The log of the reference records: what was changed, in the words of the pages."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Field, ForeignKey, Model

from ledgerdb import changes
from registry.models import (
    Account,
    Commodity,
    Facility,
    FacilityAudit,
    Organisation,
    Region,
    RegionRule,
    User,
)

Row = dict[str, Any]
PAGE = 50
SHEET = 500
NOBODY = "nobody"
RECORDS: dict[str, type[Model]] = {
    "organisation": Organisation,
    "user": User,
    "account": Account,
    "facility": Facility,
    "facilityaudit": FacilityAudit,
    "commodity": Commodity,
    "region": Region,
    "regionrule": RegionRule,
}
WORDS = {
    "user": "person",
    "facilityaudit": "audit",
    "regionrule": "region policy",
}
# Of a record that is added or removed, these say nothing that the page does not say already.
UNTOLD = {"id", "created_at", "opened_at", "recorded_at", "person_id"}
LABELS = {
    "registration_no": "registration number",
    "vat_no": "VAT number",
    "capacity_kw": "capacity in kW",
    "unit_per_certificate": "units per certificate",
    "periods_may_overlap": "periods may overlap",
    "reassignable": "may change region",
    "months_transferable": "months transferable",
    "is_active": "may sign in",
}


@dataclass(frozen=True)
class Told:
    """One field of an entry, in words."""

    name: str
    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One entry of the log, in words."""

    row: Row
    kind: str
    act: str
    what: str
    link: tuple[str, str]
    fields: list[Told]


def kind_words() -> dict[str, str]:
    """Return the kinds of records in words."""
    return {kind: WORDS.get(kind, kind) for kind in RECORDS}


def version_of(record: Model) -> int:
    """Return the version of a record: the log's last entry about it."""
    return changes.version(kind_of(record), str(record.pk))


def kind_of(record: Model) -> str:
    """Return how the log names the kind of a record."""
    return record._meta.model_name or ""


def page(
    chosen: Mapping[str, Any], *, code: str = "", before: int | None = None, size: int = PAGE
) -> tuple[list[Entry], int | None]:
    """
    Return a page of the log, newest first, and where the next one starts.

    :param code: of a record; then only what is about it or belongs to it
    """
    ids = ids_of(code) if code else None
    found = changes.page(chosen, ids=ids, before=before, limit=size + 1)
    more = found[size - 1]["id"] if len(found) > size else None
    return _told(found[:size]), more


def everything(chosen: Mapping[str, Any], *, code: str = "") -> Iterator[Entry]:
    """Return all entries that a filter chooses, newest first, a few hundred at a time."""
    before: int | None = None
    while True:
        found, before = page(chosen, code=code, before=before, size=SHEET)
        yield from found
        if before is None:
            return


def actors() -> list[Row]:
    """Return the people whom the log names."""
    return changes.actors()


def ids_of(code: str) -> list[str]:
    """Return the ids of the records that have a code, or of the person who has this address."""
    found: list[str] = []
    for model in RECORDS.values():
        if any(field.name == "code" for field in model._meta.fields):
            ids = model._default_manager.filter(code__iexact=code).values_list("pk", flat=True)
            found += [str(each) for each in ids]
    people = User.objects.filter(email__iexact=code).values_list("pk", flat=True)
    return found + [str(each) for each in people]


def since(record: Model, version: int) -> list[Entry]:
    """Return what was changed on a record after a version, newest first."""
    return _told(changes.of_record(kind_of(record), str(record.pk), after=version))


def history(record: Model, *, only: str = "") -> list[Entry]:
    """Return what was changed on a record, newest first; only where one field changed."""
    entries = _told(changes.of_record(kind_of(record), str(record.pk)))
    return [
        entry for entry in entries if not only or any(field.name == only for field in entry.fields)
    ]


def frozen_with(organisation: Organisation) -> list[str]:
    """Return the ids of the accounts that were suspended with their organisation, and still are."""
    return changes.frozen_with(organisation.id)


def _told(found: list[Row]) -> list[Entry]:
    names = _Names(found)
    return [
        Entry(
            row=row,
            kind=WORDS.get(row["record"], str(row["record"])),
            act=_act(row),
            what=names.of(RECORDS[row["record"]], row["record_id"], row["after"] or row["before"]),
            link=names.link(row),
            fields=_fields(row, names),
        )
        for row in found
    ]


def _act(row: Row) -> str:
    if row["before"] is None:
        return "added"
    return "changed" if row["after"] is not None else "removed"


def _fields(row: Row, names: "_Names") -> list[Told]:
    before, after = row["before"] or {}, row["after"] or {}
    known = {field.attname: field for field in RECORDS[row["record"]]._meta.concrete_fields}
    told = []
    # In the order of the record's fields: jsonb keeps none.
    names_of = [name for name in (*known, *before, *after) if name in before or name in after]
    for name in dict.fromkeys(names_of):
        old, new = before.get(name), after.get(name)
        empty = row["before"] is None and new in (None, "")
        if old == new or empty or name in UNTOLD:
            continue
        field = known.get(name)
        told.append(
            Told(
                field.name if field else name,
                _label(name, field),
                names.word(field, old) if row["before"] is not None else "",
                names.word(field, new) if row["after"] is not None else "",
            )
        )
    return told


def _label(name: str, field: "Field[Any, Any] | None") -> str:
    text = LABELS.get(name) or str(getattr(field, "verbose_name", name)).replace("_", " ")
    return text[:1].upper() + text[1:]


class _Names:
    """The names of the records that some entries mention, each kind asked for once."""

    def __init__(self, found: Iterable[Row]) -> None:
        wanted: dict[type[Model], set[str]] = {}
        for row in found:
            model = RECORDS[row["record"]]
            for field in model._meta.concrete_fields:
                if isinstance(field, ForeignKey):
                    for side in (row["before"] or {}, row["after"] or {}):
                        if side.get(field.attname) is not None:
                            related = field.related_model
                            wanted.setdefault(related, set()).add(str(side[field.attname]))
        self.known = {
            model: {str(each.pk): each for each in model._default_manager.filter(pk__in=ids)}
            for model, ids in wanted.items()
        }

    def of(self, model: type[Model], record_id: str, values: Row) -> str:
        """Name the record that an entry is about."""
        if model is FacilityAudit:
            facility = self._find(Facility, values.get("facility_id"))
            return f"{facility}, {_day(values['audited_on'])}"
        if model is RegionRule:
            commodity = self._find(Commodity, values.get("commodity_id"))
            there = self._find(Region, values.get("to_region_id"))
            return f"{commodity}: {self._find(Region, values.get('from_region_id'))} to {there}"
        return " ".join(str(values.get(name) or "") for name in ("code", "name")).strip()

    def link(self, row: Row) -> tuple[str, str]:
        """Return the kind and the code of the page that shows the record."""
        values = row["after"] or row["before"]
        if row["record"] == "facilityaudit":
            return "facility", self._code(Facility, values.get("facility_id"))
        if row["record"] in ("regionrule", "region"):
            return "commodity", self._code(Commodity, values.get("commodity_id"))
        if row["record"] == "user":
            return "organisation", self._code(Organisation, values.get("organisation_id"))
        return row["record"], values["code"]

    def word(self, field: "Field[Any, Any] | None", value: Any) -> str:
        """Write one value."""
        if value is None or value == "":
            return "empty"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(field, ForeignKey):
            return self._find(field.related_model, value)
        choices = dict(getattr(field, "flatchoices", None) or ())
        if value in choices:
            return str(choices[value])
        kind = field.get_internal_type() if field else ""
        if kind == "DateField":
            return _day(value)
        return f"{value:,}" if isinstance(value, int) else str(value)

    def _find(self, model: Any, record_id: Any) -> str:
        found = self.known.get(model, {}).get(str(record_id))
        if found is None:
            return str(record_id or "")
        code = getattr(found, "code", "")
        return f"{getattr(found, 'name', found)} ({code})" if code else str(found)

    def _code(self, model: type[Model], record_id: Any) -> str:
        found = self.known.get(model, {}).get(str(record_id))
        return str(getattr(found, "code", ""))


def _day(value: str) -> str:
    day = date.fromisoformat(value[:10]) if value else None
    return f"{day.day} {day:%b %Y}" if day else ""
