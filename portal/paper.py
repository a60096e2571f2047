"""The statement of a retirement as PDF/A: the same statement is the same bytes. Pure."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import typst

from portal import qr, wording
from registry.reference import grouped
from registry.selectors.statements import Statement

TEMPLATE = Path(__file__).with_name("statement.typ").read_bytes()
COLUMNS = ("Serial range", "Certificates", "Facility", "Technology", "Region", "Produced")
# With tags for screen readers 5,000 ranges are ten times the bytes; the page can be heard instead.
TAGGED = 500
# Sets each character of its input by itself: PDF/A refuses what none of the fonts can draw.
TRIAL = b'#set text(font: "Libertinus Serif")\n#for each in sys.inputs.statement { [#each \\ ] }'


def pdf(statement: Statement, address: str) -> bytes:
    """Write a statement, all its ranges, and the code that leads to an address."""
    ranges = statement.ranges
    content = _content(statement.facts, ranges, address)
    try:
        return _compile(TEMPLATE, json.dumps(content), tags=len(ranges) <= TAGGED)
    except typst.TypstError:
        return _compile(TEMPLATE, json.dumps(_drawable(content)), tags=len(ranges) <= TAGGED)


def _compile(template: bytes, text: str, *, tags: bool = False) -> bytes:
    written = typst.compile(
        template,
        format="pdf",
        pdf_standards="a-2b",
        pdf_tags=tags,
        # Only the fonts that come with typst: the same on every machine.
        ignore_system_fonts=True,
        sys_inputs={"statement": text},
    )
    assert isinstance(written, bytes)  # noqa: S101  -- one document, and no file to write it to
    return written


def _content(facts: dict[str, Any], ranges: list[dict[str, Any]], address: str) -> dict[str, Any]:
    happened: datetime = facts["occurred_at"]
    return {
        "registry": "Strata",
        "title": "Retirement statement",
        "reference": grouped(facts["reference"]),
        "number": facts["number"],
        "hash": facts["hash"],
        "date": [happened.year, happened.month, happened.day],
        "sentence": wording.sentence(facts),
        "facts": _facts(facts),
        "how": wording.HOW,
        "address": address,
        "code": list(qr.as_png(address)),
        "columns": COLUMNS,
        "rows": [_row(part) for part in ranges],
        "together": f"{facts['volume']:,}",
    }


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    consumed = _period(facts["consumption_start"], facts["consumption_end"])
    rows = [
        ("Retired by", facts["organisation"]),
        ("Beneficiary", facts["beneficiary"]),
        ("Place of consumption", facts["beneficiary_place"]),
        ("Country", facts["beneficiary_country"]),
        ("Purpose", facts["reason"]),
        ("Energy consumed", consumed),
        ("Certificates", f"{facts['volume']:,} {facts['commodity']} ({facts['commodity_name']})"),
        ("Energy", wording.energy(facts)),
        ("Retired", _instant(facts["occurred_at"])),
        ("Recorded", _instant(facts["recorded_at"])),
        ("Transaction", f"{facts['number']}, link {facts['height']:,} of the chain"),
        ("Hash of the link", facts["hash"]),
        ("Claim", "Published" if facts["claim_published"] else "Not published"),
    ]
    return [(label, value) for label, value in rows if value]


def _row(part: dict[str, Any]) -> list[Any]:
    return [
        part["first_no"],
        part["last_no"],
        f"{part['volume']:,}",
        part["facility"],
        part["technology"],
        part["region"],
        wording.vintage(part["production_start"], part["production_end"]),
    ]


def _period(first: date | None, last: date | None) -> str:
    return f"{_day(first)} to {_day(last)}" if first and last else ""


def _day(moment: date) -> str:
    return f"{moment.day} {moment:%b %Y}"


def _instant(moment: datetime) -> str:
    return f"{_day(moment)}, {moment:%H:%M:%S} UTC"


def _drawable(content: Any) -> Any:
    """Write the characters that no font can draw by their number, such as ``(U+682A)``."""
    used = {
        each
        for text in _texts(content)
        for each in text
        if not (each.isascii() and each.isprintable())
    }
    unknown = {ord(each): f"(U+{ord(each):04X})" for each in used if not _can_be_drawn(each)}
    return _rewritten(content, unknown)


def _can_be_drawn(character: str) -> bool:
    try:
        _compile(TRIAL, character)
    except typst.TypstError:
        return False
    return True


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, dict):
        return [text for each in content.values() for text in _texts(each)]
    if isinstance(content, list | tuple):
        return [text for each in content for text in _texts(each)]
    return []


def _rewritten(content: Any, unknown: dict[int, str]) -> Any:
    if isinstance(content, str):
        return content.translate(unknown)
    if isinstance(content, dict):
        return {name: _rewritten(each, unknown) for name, each in content.items()}
    if isinstance(content, list | tuple):
        return [_rewritten(each, unknown) for each in content]
    return content
