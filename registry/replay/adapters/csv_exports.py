"""
A directory of CSV exports by serial range, with ``mapping.json`` that says what each column means.

docs/replay.md lists the fields. A field is mapped to the name of a column, or to an object:
``{"column": …, "match": a pattern whose first group counts, "default": …}`` or ``{"value": …}``.
"""

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from registry.identity import id_of
from registry.replay.adapters.source import Book, Row, SourceError

MAPPING = "mapping.json"
RANGE = ("serial", "first", "last", "date")
REQUIRED = {
    "issuances": ("serial", "volume", "date", "organisation", "production_start", "production_end"),
    "transfers": (*RANGE, "from", "to"),
    "retirements": (*RANGE, "organisation", "beneficiary", "reason"),
}
OPTIONAL = {
    "issuances": ("first", "facility", "organisation_name", "technology", "region"),
    "transfers": (),
    "retirements": ("beneficiary_country", "beneficiary_place", "id"),
}
SECTIONS = ("commodity", "region", "registry")
CODE = re.compile(r"[A-Za-z0-9._-]{1,24}", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)


def convert(path: Path, history: Path) -> int:
    """
    Write the exports of a directory down as a history; return how many events there are.

    :raises SourceError: the mapping or a line is not as described
    :raises OSError: a file cannot be read
    """
    return _Exports(path).write(history)


class _Exports:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.book = Book()
        self.mapping = _mapping(path)
        self.zone = ZoneInfo(self.mapping.get("time_zone", "UTC"))
        self.commodity = self.mapping["commodity"]["code"]
        self.registry = self.mapping["registry"]

    def write(self, history: Path) -> int:
        """Read every export and write the history."""
        self._references()
        acts = {
            "issuances": self._issue,
            "transfers": self._transfer,
            "retirements": self._retire,
        }
        for rank, (kind, act) in enumerate(acts.items()):
            for place, row in self._rows(kind):
                act(place, row, rank)
        return self.book.write(history)

    def _references(self) -> None:
        registry = self.registry
        self.book.refer(MAPPING, "region", **self.mapping["region"])
        self.book.refer(MAPPING, "commodity", **self.mapping["commodity"])
        code = registry.get("code", "REGISTRY")
        name = registry.get("name", "Registry")
        self.book.refer(MAPPING, "organisation", code=code, name=name, kind="registry")
        for duty, role in (("operator", "operator"), ("approver", "approver")):
            self.book.refer(
                MAPPING, "person", code=self._staff(duty), name=f"{name} {duty}",
                organisation=code, role=role,
            )  # fmt: skip

    def _staff(self, duty: str) -> str:
        return str(self.registry.get(duty, f"registry.{duty}"))

    def _rows(self, kind: str) -> Iterator[tuple[str, Row]]:
        """Return each line of an export with its place and its fields, those that can be read."""
        given = self.mapping["files"].get(kind)
        if given is None:
            return
        name = given["file"]
        with (self.path / name).open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter=given.get("delimiter", ","), strict=True)
            columns = {f: _column(m) for f, m in given["columns"].items()}
            there = set(reader.fieldnames or ())
            for field, column in columns.items():
                if column is not None and column not in there:
                    self.book.problem(f"{name} line 1", field, f"there is no column {column!r}")
            if self.book.problems:
                return
            try:
                for row in reader:
                    place = f"{name} line {reader.line_num}"
                    read = self._read(place, kind, row, given["columns"])
                    if read is not None:
                        yield place, read
            except (csv.Error, UnicodeDecodeError) as error:
                self.book.problem(f"{name} line {reader.line_num}", "line", str(error))

    def _read(self, place: str, kind: str, row: Row, columns: Row) -> Row | None:
        found: Row = {}
        before = len(self.book.problems)
        for field, mapped in columns.items():
            text = _text(row, mapped)
            if text is None and field in REQUIRED[kind]:
                self.book.problem(place, field, "is empty, or not as the mapping describes it")
            elif text is not None:
                found[field] = self._value(place, field, text)
        return found if len(self.book.problems) == before else None

    def _value(self, place: str, field: str, text: str) -> Any:
        if field in ("first", "last", "volume"):
            if WHOLE.fullmatch(text):
                return int(text)
            self.book.problem(place, field, "must be a whole number in plain digits")
        elif field == "date":
            try:
                at = datetime.fromisoformat(text)
            except ValueError:
                self.book.problem(place, field, "must be like 2024-05-31 or 2024-05-31 09:30:00")
            else:
                at = at if at.tzinfo else at.replace(tzinfo=self.zone)
                return at.astimezone(UTC).replace(microsecond=0).isoformat()
        return text

    def _party(self, place: str, name: str, shown: str = "") -> str:
        """Refer to an organisation with its people and accounts; return its code."""
        code = code_of(name)
        self.book.refer(place, "organisation", code=code, name=(shown or name)[:200])
        self.book.refer(
            place, "person", code=f"{code}.submitter".lower(),
            name=f"{(shown or name)[:180]} submitter", organisation=code, role="submitter",
        )  # fmt: skip
        for letter, kind in (("T", "trading"), ("R", "retirement")):
            self.book.refer(place, "account", code=f"{code}-{letter}", organisation=code, type=kind)
        return code

    def _event(self, place: str, rank: int, kind: str, party: str, **fields: Any) -> None:
        self.book.event(
            place,
            rank,
            kind=kind,
            submitted_by=f"{party}.submitter".lower(),
            approved_by=self._staff("approver"),
            commodity=self.commodity,
            note=place,
            **fields,
        )

    def _issue(self, place: str, row: Row, rank: int) -> None:
        party = self._party(place, row["organisation"], row.get("organisation_name", ""))
        region = row.get("region", self.mapping["region"]["code"])
        if "region" in row:
            self.book.refer(place, "region", code=region, name=region)
        plant = str(row.get("facility", row["organisation"]))
        facility = code_of(plant)
        self.book.refer(
            place, "facility", code=facility, name=plant[:200],
            organisation=party, region=region, technology=row.get("technology", "")[:64],
        )  # fmt: skip
        extra = {"source_first": row["first"]} if "first" in row else {}
        self._event(
            place, rank, "mint", party, event_id=f"issue:{row['serial']}",
            occurred_at=row["date"], account=f"{party}-T", facility=facility, region=region,
            production_start=row["production_start"], production_end=row["production_end"],
            volume=row["volume"], source_serial=row["serial"], **extra,
        )  # fmt: skip

    def _transfer(self, place: str, row: Row, rank: int) -> None:
        source, target = self._party(place, row["from"]), self._party(place, row["to"])
        self._event(
            place, rank, "transfer", source, event_id=f"transfer:{_named(row)}:{row['date']}",
            occurred_at=row["date"], source_account=f"{source}-T", target_account=f"{target}-T",
            ranges=[_range(row)],
        )  # fmt: skip

    def _retire(self, place: str, row: Row, rank: int) -> None:
        party = self._party(place, row["organisation"])
        extra = {
            name: row[name] for name in ("beneficiary_country", "beneficiary_place") if name in row
        }
        self._event(
            place, rank, "retire", party, event_id=f"retire:{row.get('id') or _named(row)}",
            occurred_at=row["date"], source_account=f"{party}-T", target_account=f"{party}-R",
            ranges=[_range(row)], beneficiary=row["beneficiary"], reason=row["reason"], **extra,
        )  # fmt: skip


def code_of(name: str) -> str:
    """Return a code for a name: itself where it can be one."""
    if CODE.fullmatch(name):
        return name
    short = re.sub(r"[^A-Z0-9]+", "-", name.upper(), flags=re.ASCII).strip("-")[:15]
    return f"{short}-{id_of('organisation', name).hex[:8]}".strip("-")


def _named(row: Row) -> str:
    return f"{row['serial']}:{row['first']}-{row['last']}"


def _range(row: Row) -> Row:
    return {"source_serial": row["serial"], "first": row["first"], "last": row["last"]}


def _column(mapped: Any) -> str | None:
    return mapped.get("column") if isinstance(mapped, dict) else mapped


def _text(row: Row, mapped: Any) -> str | None:
    """Return the text of a field, or None if there is none."""
    if not isinstance(mapped, dict):
        mapped = {"column": mapped}
    text = mapped.get("value") or (row.get(mapped.get("column")) or "").strip()
    if text and "match" in mapped:
        found = re.search(mapped["match"], text)
        text = found.group(1) if found else ""
    return text or mapped.get("default") or None


def _mapping(path: Path) -> Row:
    """
    Read the mapping and see that nothing is missing in it.

    :raises SourceError: it is not as described
    """
    try:
        found = json.loads((path / MAPPING).read_text(encoding="utf-8"))
        problems = [f"{MAPPING}: {name}: is required" for name in SECTIONS if name not in found]
        files = found.get("files", {})
        if "issuances" not in files:
            problems.append(f"{MAPPING}: files.issuances: is required")
        for kind, given in files.items():
            if kind not in REQUIRED:
                problems.append(f"{MAPPING}: files.{kind}: is not one of {', '.join(REQUIRED)}")
                continue
            columns, where = given["columns"], f"{MAPPING}: files.{kind}.columns"
            known = {*REQUIRED[kind], *OPTIONAL[kind]}
            problems += [f"{where}.{f}: is required" for f in REQUIRED[kind] if f not in columns]
            problems += [f"{where}.{f}: is not known" for f in columns if f not in known]
            for mapped in columns.values():
                re.compile(mapped.get("match", "") if isinstance(mapped, dict) else "")
        ZoneInfo(found.get("time_zone", "UTC"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, re.error) as error:
        raise SourceError([f"{MAPPING}: {error!r}"]) from error
    if problems:
        raise SourceError(problems)
    return dict(found)
