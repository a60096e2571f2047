"""Lines that cannot be read: each is named before anything is written."""

import json
import os
import re

import pytest

from registry.management.commands.replay import Command
from registry.models import Organisation, Request
from registry.replay import format
from registry.replay.format import LineError, read_line
from registry.settings import BASE_DIR
from tests import histories
from tests.histories import Events, part, play, write

MINT = Events().mint(volume=10)
RETIRE = Events().retire(ranges=[part("S", 1, 2)])
PERSON = histories.person("p", "P1", "submitter")
COMMODITY = histories.references()[0]
RULE = {"record": "region_rule", "commodity": "CDC", "from_region": "CO", "to_region": "PE"}
RULE |= {"valid_from": "2020-01-02"}


def without(line: dict, *names: str) -> dict:
    """Return a line without some of its fields."""
    return {name: value for name, value in line.items() if name not in names}


RAW = [
    (b"{", "LINE_NOT_JSON", ""),
    (b'{"record": "event", "event_id": "cut of', "LINE_NOT_JSON", ""),
    (b"hello", "LINE_NOT_JSON", ""),
    (b"[]", "LINE_NOT_JSON", ""),
    (b"1", "LINE_NOT_JSON", ""),
    (b"null", "LINE_NOT_JSON", ""),
    (b"{} {}", "LINE_NOT_JSON", ""),
    (b'{"record": "region", "code": "A\0", "name": "N"}', "LINE_NOT_JSON", ""),
    (b'{"record": "region", "code": NaN, "name": "N"}', "LINE_NOT_JSON", ""),
    (b'{"record": "event", "volume": ' + b"9" * 5000 + b"}", "LINE_NOT_JSON", ""),
    (b'{"a":' * 100_000, "LINE_NOT_JSON", ""),
    (b'{"record": "region", "code": "\xff", "name": "N"}', "LINE_NOT_UTF8", ""),
    (b" " * (format.LONGEST_LINE + 1), "LINE_TOO_LONG", ""),
    (b'{"record": "region", "code": "A", "code": "B", "name": "N"}', "FIELD_REPEATED", "code"),
    (b"{}", "FIELD_MISSING", "record"),
    (b'{"record": "event"}', "FIELD_MISSING", "kind"),
]
LINES = [
    ({"record": "planet"}, "RECORD_UNKNOWN", "record"),
    ({"record": 1}, "RECORD_UNKNOWN", "record"),
    ({"record": ["event"]}, "RECORD_UNKNOWN", "record"),
    ({"record": "event", "kind": "steal"}, "FIELD_INVALID", "kind"),
    ({"record": "event", "kind": {}}, "FIELD_INVALID", "kind"),
    *[(without(MINT, name), "FIELD_MISSING", name) for name in MINT if name in format.EVERY_EVENT],
    (without(MINT, "facility"), "FIELD_MISSING", "facility"),
    (without(RETIRE, "beneficiary"), "FIELD_MISSING", "beneficiary"),
    (without(RETIRE, "ranges"), "FIELD_MISSING", "volume"),
    (without(PERSON, "role"), "FIELD_MISSING", "role"),
    ({**MINT, "colour": "green"}, "FIELD_UNKNOWN", "colour"),
    ({**MINT, "ranges": [part("S", 1, 2)]}, "FIELD_UNKNOWN", "ranges"),
    ({**MINT, "volume": 10.0}, "FIELD_INVALID", "volume"),
    ({**MINT, "volume": 1.5}, "FIELD_INVALID", "volume"),
    ({**MINT, "volume": "10"}, "FIELD_INVALID", "volume"),
    ({**MINT, "volume": True}, "FIELD_INVALID", "volume"),
    ({**MINT, "volume": None}, "FIELD_INVALID", "volume"),
    ({**MINT, "volume": 2**63}, "FIELD_INVALID", "volume"),
    ({**MINT, "volume": -(2**63)}, "FIELD_INVALID", "volume"),
    ({**MINT, "event_id": ""}, "FIELD_INVALID", "event_id"),
    ({**MINT, "event_id": 7}, "FIELD_INVALID", "event_id"),
    ({**MINT, "event_id": "x" * 201}, "FIELD_INVALID", "event_id"),
    ({**MINT, "source_serial": "A\0B"}, "FIELD_INVALID", "source_serial"),
    ({**MINT, "note": "\ud800"}, "FIELD_INVALID", "note"),
    ({**MINT, "occurred_at": "2020-01-01"}, "FIELD_INVALID", "occurred_at"),
    ({**MINT, "occurred_at": "2020-01-01T00:00:00"}, "FIELD_INVALID", "occurred_at"),
    ({**MINT, "occurred_at": "2020-02-30T00:00:00Z"}, "FIELD_INVALID", "occurred_at"),
    ({**MINT, "occurred_at": "2020-01-01T00:00:00.1234567Z"}, "FIELD_INVALID", "occurred_at"),
    ({**MINT, "occurred_at": "0001-01-01T00:00:00+14:00"}, "FIELD_INVALID", "occurred_at"),
    ({**MINT, "occurred_at": 1577836800}, "FIELD_INVALID", "occurred_at"),
    ({**MINT, "production_start": "2020-13-01"}, "FIELD_INVALID", "production_start"),
    ({**MINT, "production_start": "20200101"}, "FIELD_INVALID", "production_start"),
    (
        {**MINT, "production_start": "\uff12\uff10\uff12\uff10-01-01"},
        "FIELD_INVALID",
        "production_start",
    ),
    ({**without(MINT, "source_serial"), "source_first": 1}, "FIELD_INVALID", "source_first"),
    ({**MINT, "source_first": -1}, "FIELD_INVALID", "source_first"),
    ({**RETIRE, "beneficiary": " "}, "FIELD_INVALID", "beneficiary"),
    ({**RETIRE, "ranges": []}, "FIELD_INVALID", "ranges"),
    ({**RETIRE, "ranges": {}}, "FIELD_INVALID", "ranges"),
    ({**RETIRE, "ranges": [[1, 2]]}, "FIELD_INVALID", "ranges"),
    ({**RETIRE, "ranges": [{"first": 1}]}, "FIELD_MISSING", "ranges.last"),
    ({**RETIRE, "ranges": [part("S", 1, 2.5)]}, "FIELD_INVALID", "ranges.last"),
    ({**RETIRE, "ranges": [part("S", 1, 2) | {"to": 3}]}, "FIELD_UNKNOWN", "ranges.to"),
    ({**RETIRE, "filters": {"region": "CO"}}, "FIELD_INVALID", "filters"),
    ({**RETIRE, "filters": []}, "FIELD_INVALID", "filters"),
    ({**PERSON, "role": "king"}, "FIELD_INVALID", "role"),
    ({**PERSON, "email": "nobody"}, "FIELD_INVALID", "email"),
    ({**PERSON, "is_active": 1}, "FIELD_INVALID", "is_active"),
    ({**COMMODITY, "unit_per_certificate": "1.5"}, "FIELD_INVALID", "unit_per_certificate"),
    ({**COMMODITY, "unit_per_certificate": 0}, "FIELD_INVALID", "unit_per_certificate"),
    ({**COMMODITY, "time_zone": "Mars/Olympus"}, "FIELD_INVALID", "time_zone"),
    ({**COMMODITY, "time_zone": "../../etc/passwd"}, "FIELD_INVALID", "time_zone"),
    ({**COMMODITY, "months_to_expiry": 40_000}, "FIELD_INVALID", "months_to_expiry"),
    (
        {**COMMODITY, "months_to_expiry": 1, "months_transferable": 2},
        "FIELD_INVALID",
        "months_transferable",
    ),
    ({**RULE, "to_region": "CO"}, "FIELD_INVALID", "to_region"),
    ({**RULE, "valid_to": "2020-01-01"}, "FIELD_INVALID", "valid_to"),
]


@pytest.mark.parametrize(("raw", "code", "field"), RAW)
def test_a_line_that_is_no_record_is_named(raw, code, field):
    with pytest.raises(LineError) as caught:
        read_line(12, raw)

    problem = caught.value
    assert (problem.line, problem.code, problem.field) == (12, code, field)


@pytest.mark.parametrize(("line", "code", "field"), LINES)
def test_a_field_that_is_not_what_it_must_be_is_named(line, code, field):
    with pytest.raises(LineError) as caught:
        read_line(12, json.dumps(line).encode())

    problem = caught.value
    assert (problem.line, problem.code, problem.field) == (12, code, field)
    assert str(problem).startswith(f"line 12: {code} {field}: ")


@pytest.mark.parametrize("line", [*histories.references(), MINT, RETIRE, RULE])
def test_a_good_line_is_read(line):
    record = read_line(1, json.dumps(line).encode())

    assert set(record.fields) == set(line) - {"record"}


def test_a_long_line_is_skipped_without_being_held(tmp_path):
    file = tmp_path / "history.jsonl"
    good = json.dumps(PERSON).encode() + b"\n"
    file.write_bytes(
        b"\xef\xbb\xbf" + good + b"x" * (2 * format.LONGEST_LINE + 5) + b"\n\n" + good[:-1]
    )

    found = list(format.HistoryFile(file).records())

    assert [record.line for record in found] == [1, 2, 4]
    assert isinstance(found[1], LineError)
    assert found[1].code == "LINE_TOO_LONG"


def test_one_bad_line_and_nothing_is_written(committed_db, tmp_path):
    histories.open_window(committed_db)
    file = write(tmp_path / "history.jsonl", [*histories.references(), MINT, {"record": "moon"}])

    played = play(file)

    assert played.status == 2
    assert "line 23: RECORD_UNKNOWN record: must be one of region, " in played.text
    assert [(o["line"], o["outcome"]) for o in played.outcomes] == [(23, "unreadable")]
    assert not Organisation.objects.exists()
    assert not Request.objects.exists()


def test_the_rest_of_a_file_can_be_replayed_without_its_bad_lines(committed_db, tmp_path):
    histories.open_window(committed_db)
    moon = {"record": "moon"}
    file = write(tmp_path / "history.jsonl", [moon, *histories.references(), MINT, *[moon] * 25])

    played = play(file, keep_going=True)

    assert played.status == 2
    assert [o["outcome"] for o in played.outcomes] == ["unreadable"] * 26 + ["accepted"]
    assert "and 6 more" in played.text


@pytest.mark.parametrize(
    ("line", "code", "detail"),
    [
        ({**PERSON, "code": "p1.submitter"}, "REFERENCE_CONTRADICTED", "'P' here, 'P1.Submitter'"),
        (
            {"record": "account", "code": "P1-T", "organisation": "P2", "type": "trading"},
            "REFERENCE_CONTRADICTED",
            "'P2' here, 'P1' in the registry (account P1-T)",
        ),
        ({**COMMODITY, "unit": "kg"}, "REFERENCE_CONTRADICTED", "'kg' here, 'MWh' in"),
        ({**PERSON, "organisation": "P9"}, "REFERENCE_UNKNOWN", "no organisation 'P9'"),
        ({**RULE, "to_region": "XX"}, "REFERENCE_UNKNOWN", "no region 'XX'"),
        ({**PERSON, "email": "P1.SUBMITTER@replay.invalid"}, "REFERENCE_REFUSED", "duplicate key"),
        (
            {**COMMODITY, "code": "ODD", "time_zone": "posixrules"},
            "REFERENCE_REFUSED",
            "TIME_ZONE_UNKNOWN",
        ),
    ],
)
def test_a_reference_record_that_does_not_fit_undoes_all_of_them(
    committed_db, tmp_path, line, code, detail
):
    histories.open_window(committed_db)
    file = write(tmp_path / "history.jsonl", [*histories.references(), line, MINT])

    played = play(file)

    assert played.status == 2
    assert f"line 22: {code}" in played.text
    assert detail in played.text
    assert not Organisation.objects.exists()
    assert not Request.objects.exists()


def test_an_active_account_of_a_suspended_organisation_is_refused_by_name(committed_db, tmp_path):
    histories.open_window(committed_db)
    gone = {"record": "organisation", "code": "GONE", "name": "Gone", "status": "suspended"}
    account = {"record": "account", "code": "GONE-T", "organisation": "GONE", "type": "trading"}

    played = play(write(tmp_path / "history.jsonl", [gone, account]))

    assert played.status == 2
    assert "line 2: REFERENCE_REFUSED code: ORGANISATION_SUSPENDED" in played.text
    assert not Organisation.objects.exists()


def test_records_that_are_there_already_are_compared_and_kept(committed_db, tmp_path):
    histories.open_window(committed_db)
    file = write(tmp_path / "history.jsonl", [*histories.references(), RULE])
    play(file)

    again, contradicting = play(file), play(file, allow_overlapping_production=True)

    assert "0 created, 22 there already" in again.text
    assert again.status == 0
    assert contradicting.status == 2
    assert "REFERENCE_CONTRADICTED periods_may_overlap: True here, False in" in contradicting.text


@pytest.mark.parametrize("kind", ["absent", "empty", "directory", "pipe"])
def test_a_file_that_cannot_be_read_is_named(committed_db, tmp_path, kind):
    file = tmp_path / "history.jsonl"
    if kind == "empty":
        file.touch()
    elif kind == "directory":
        file.mkdir()

    elif kind == "pipe":
        os.mkfifo(file)
        os.open(file, os.O_RDWR)

    played = play(file)

    assert played.status == 2
    assert "FILE_UNREADABLE" in played.text


def test_the_document_names_every_record_field_and_code():
    text = (BASE_DIR / "docs" / "replay.md").read_text(encoding="utf-8")
    words = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))

    records = [format.EVERY_EVENT, *format.EVENTS.values(), *format.REFERENCES.values()]
    codes = re.findall(r'"((?:LINE|FIELD|RECORD|REFERENCE)_[A-Z0-9_]+)"', _source())
    assert {name for record in records for name in record} <= words
    assert {*format.REFERENCES, *format.EVENTS} <= words
    assert len(set(codes)) >= 11
    assert set(codes) <= words


def _source() -> str:
    modules = sorted((BASE_DIR / "registry" / "replay").glob("*.py"))
    return "".join(module.read_text(encoding="utf-8") for module in modules)


def test_the_command_has_help_for_each_option():
    parser = Command().create_parser("manage.py", "replay")

    assert all(action.help for action in parser._actions)
