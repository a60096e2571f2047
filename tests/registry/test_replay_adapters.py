"""What adapters make of their sources, and how they say what is wrong with them."""

import json

import pytest

from registry.replay import adapters
from registry.replay.adapters import SourceError, convert
from registry.replay.format import HistoryFile, LineError

ISSUANCES = "serial,made,from,to,when,who\nS1,100,2019-01-01,2019-01-31,2020-01-05,Alder\n"
TRANSFERS = "serial,a,b,when,who,whom\nS1,11,20,2020-01-06 10:00:00,Alder,Birch Ltd (Old)\n"
RETIREMENTS = "serial,a,b,when,who,for\nS1,1,10,2020-01-05,Alder,\n"
MAPPING = {
    "commodity": {"code": "CDC", "name": "Credit"},
    "region": {"code": "CO", "name": "Colombia"},
    "registry": {"code": "REG", "name": "Registry"},
    "time_zone": "America/Bogota",
    "files": {
        "issuances": {
            "file": "issuances.csv",
            "columns": {
                "serial": "serial",
                "volume": "made",
                "date": "when",
                "organisation": "who",
                "production_start": "from",
                "production_end": "to",
            },
        },
        "transfers": {
            "file": "transfers.csv",
            "columns": {
                "serial": "serial",
                "first": "a",
                "last": "b",
                "date": "when",
                "from": "who",
                "to": "whom",
            },
        },
        "retirements": {
            "file": "retirements.csv",
            "columns": {
                "serial": "serial",
                "first": "a",
                "last": "b",
                "date": "when",
                "organisation": "who",
                "beneficiary": {"column": "for", "default": "Not public"},
                "reason": {"value": "Tax"},
            },
        },
    },
}


@pytest.fixture
def exports(tmp_path):
    """Write a directory of exports, some of them different; return it."""

    def make(mapping=None, **files):
        given = {"issuances": ISSUANCES, "transfers": TRANSFERS, "retirements": RETIREMENTS}
        for name, text in (given | files).items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        text = json.dumps(MAPPING if mapping is None else mapping)
        (tmp_path / "mapping.json").write_text(text)
        return tmp_path

    return make


def history(adapter, path):
    """Convert a source and read what came of it: reference records, and events."""
    out = path.parent / "history.jsonl"
    count = convert(adapter, path, out)
    records = list(HistoryFile(out).records())
    assert not [each for each in records if isinstance(each, LineError)]
    events = [each for each in records if each.name == "event"]
    assert len(events) == count
    return [each for each in records if each.name != "event"], events


def test_exports_become_a_history_in_order_with_everything_they_name(exports):
    references, events = history("csv", exports())

    assert [each["kind"] for each in events] == ["mint", "retire", "transfer"]
    mint, retirement, transfer = events
    assert mint["occurred_at"].isoformat() == "2020-01-05T05:00:00+00:00"
    assert (mint["volume"], mint["account"]) == (100, "Alder-T")
    assert (retirement["beneficiary"], retirement["reason"]) == ("Not public", "Tax")
    assert transfer["ranges"] == [{"source_serial": "S1", "first": 11, "last": 20}]
    assert transfer["note"] == "transfers.csv line 2"
    codes = {each["code"] for each in references if each.name == "organisation"}
    assert {"REG", "Alder"} < codes
    assert transfer["target_account"].removesuffix("-T") in codes


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"issuances": ISSUANCES.replace("100", "1,5")}, "issuances.csv line 2: "),
        ({"issuances": ISSUANCES.replace("100", "\uff11")}, "line 2: volume: must be a whole"),
        ({"retirements": RETIREMENTS.replace("2020-01-05", "5/1/20")}, "line 2: date: must be"),
        ({"retirements": RETIREMENTS.replace("serial", "no")}, "line 1: serial: there is no col"),
        ({"transfers": TRANSFERS.replace("Alder", "")}, "transfers.csv line 2: from: is empty"),
        ({"issuances": ISSUANCES.replace("2019-01-01", "yesterday")}, "production_start: must be"),
        ({"issuances": ISSUANCES + 'S2,"open'}, "unexpected end of data"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_nothing_is_written(exports, files, says):
    path = exports(**files)

    with pytest.raises(SourceError, match=says):
        convert("csv", path, path / "history.jsonl")

    assert not (path / "history.jsonl").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"region": None}, "region"),
        ({"time_zone": "Mars/Olympus"}, "mapping.json"),
        ({"files": {}}, "files.issuances: is required"),
        ({"files": {"gifts": {}, **MAPPING["files"]}}, "files.gifts: is not one of"),
    ],
)
def test_a_mapping_that_is_not_as_described_is_refused(exports, change, says):
    mapping = {name: value for name, value in (MAPPING | change).items() if value is not None}
    path = exports(mapping)

    with pytest.raises(SourceError, match=says):
        convert("csv", path, path / "history.jsonl")


def action(kind: str, time: str, first: int, last: int, owner: int, status="Registered", **more):
    """Make a certificate action of the REC Registry over one range."""
    return {
        "actionType": kind,
        "completedTime": f"{time}T01:02:03.000Z",
        "certificateRanges": [
            {
                "certificateType": "LGC",
                "registeredPersonNumber": 12,
                "accreditationCode": "WD00NS01",
                "generationYear": 2018,
                "generationState": "NSW",
                "startSerialNumber": first,
                "endSerialNumber": last,
                "fuelSource": "Wind",
                "ownerAccount": f"Owner {owner}",
                "ownerAccountId": owner,
                "status": status,
                **more,
            }
        ],
    }


def rec_file(tmp_path, *actions, names=None):
    """Write actions as the registry answers them; with names, a directory."""
    path = tmp_path / "days" / "day.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"status": "Success", "result": list(actions)}))
    if names is None:
        return path
    (path.parent / "actions.json").write_text(json.dumps(names))
    return path.parent


def test_actions_of_the_rec_registry_follow_who_held_each_range(tmp_path):
    path = rec_file(
        tmp_path,
        action("Given up", "2019-03-01", 41, 60, 2, "Surrendered"),
        action("LGC created", "2019-01-01", 1, 100, 1, "Pending audit"),
        action("LGC audit passed", "2019-01-05", 1, 100, 1, "Pending creation fee payment"),
        action("LGC registered", "2019-01-06", 1, 100, 1),
        # An offer moves nothing, whoever it names.
        action("Transfer offer", "2019-01-31", 1, 60, 2),
        action("Transfer accept", "2019-02-01", 1, 50, 2),
        action("LGC audit failed", "2019-02-02", 200, 210, 1, "Invalid due to audit"),
        names={"given  up": "retire"},
    )

    references, events = history("rec", path)

    assert [each["kind"] for each in events] == ["mint", "transfer", "retire", "retire"]
    mint, transfer, *retirements = events
    assert (mint["volume"], mint["source_first"], mint["region"]) == (100, 1, "AU-NSW")
    assert (transfer["source_account"], transfer["target_account"]) == ("A1-T", "A2-T")
    ranges = {each["source_account"]: each["ranges"][0] for each in retirements}
    assert [ranges["A2-T"][name] for name in ("first", "last")] == [41, 50]
    assert [ranges["A1-T"][name] for name in ("first", "last")] == [51, 60]
    (commodity,) = [each for each in references if each.name == "commodity"]
    assert commodity["periods_may_overlap"] is True


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (action("LGC painted", "2019-01-01", 1, 2, 1), "is not known: 'LGC painted'; actions.json"),
        # What a word in it suggests is not what it does.
        (action("Transfer reject", "2019-01-01", 1, 2, 1), "is not known: 'Transfer reject'"),
        (action(" ", "2019-01-01", 1, 2, 1), "actionType: must be text"),
        (action("LGC created", "someday", 1, 2, 1), "completedTime: must be an instant"),
        (action("LGC created", "2019-01-01", 5, 2, 1), "endSerialNumber: must not be below"),
        (action("LGC created", "2019-01-01", 1, 2, 1, fuelSource=""), "fuelSource: must be text"),
        (action("LGC created", "2019-01-01", 1, 2.5, 1), "endSerialNumber: must be a whole"),
        ({"actionType": "LGC created", "completedTime": "2019-01-01T00:00:00Z"}, "Ranges: must be"),
        ("no object", "action: must be an object"),
    ],
)
def test_an_action_that_is_not_as_described_is_named_by_its_place(tmp_path, wrong, says):
    with pytest.raises(SourceError, match=says) as refused:
        convert("rec", rec_file(tmp_path, wrong), tmp_path / "history.jsonl")

    assert str(refused.value).startswith("day.json result[0]")


def test_an_unknown_name_is_refused_once_and_what_is_said_of_names_is_checked(tmp_path):
    painted = [action("LGC painted", "2019-01-01", n, n, 1) for n in (1, 2, 3)]
    odd = action("STC registered", "2019-01-01", 7, 9, 1)
    (numbers,) = odd["certificateRanges"]
    numbers["ownerAccountID"] = str(numbers.pop("ownerAccountId"))

    with pytest.raises(SourceError) as refused:
        convert("rec", rec_file(tmp_path, *painted), tmp_path / "history.jsonl")
    assert str(refused.value).count("is not known") == 1
    deep = json.loads("[" * 500 + "]" * 500)
    for names in ({"LGC painted": "paint"}, {"LGC painted": ["retire"]}, [[1, "retire"]], deep):
        with pytest.raises(SourceError, match=r"actions\.json"):
            convert("rec", rec_file(tmp_path, *painted, names=names), tmp_path / "history.jsonl")
    known = rec_file(tmp_path, *painted, odd, names={"LGC painted": "nothing"})
    _, events = history("rec", known)
    assert [(each["kind"], each["account"]) for each in events] == [("mint", "A1-T")]


def test_a_file_without_actions_and_an_unknown_adapter_are_refused(tmp_path):
    path = tmp_path / "day.json"
    path.write_text("[]")

    with pytest.raises(SourceError, match="result: must be a list"):
        convert("rec", path, tmp_path / "history.jsonl")
    with pytest.raises(SourceError, match="ADAPTER_UNKNOWN"):
        convert("fax", path, tmp_path / "history.jsonl")
    assert set(adapters.ADAPTERS) == {"jsonl", "csv", "rec"}
