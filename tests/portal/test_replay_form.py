"""What is to become of a rejected event: what is understood, and what is named. No database."""

import json

import pytest

from portal.forms.outcome import Outcome
from registry.models import ReplayRejection
from registry.replay import written
from tests.portal import replays


def form(answers, event=None):
    """Fill in the form about an event."""
    item = ReplayRejection(source=event or replays.mint_event())
    return Outcome(answers, rejection=item)


@pytest.mark.parametrize(
    ("answers", "field", "sentence"),
    [
        ({"reason": "x"}, "choice", "Choose what is to become"),
        ({"choice": "skip"}, "reason", "Say why"),
        ({"choice": "skip", "reason": "\x00"}, "reason", "Null"),
        ({"choice": "amend", "reason": "x"}, "field_1", "Choose a field"),
        (
            {
                "choice": "amend",
                "reason": "x",
                "field_1": "volume",
                "value_1": "\uff11\uff10\uff10",
            },
            "field_1",
            "volume: must be a whole number",
        ),
        (
            {"choice": "amend", "reason": "x", "field_1": "volume", "value_1": "9" * 40},
            "field_1",
            "volume: must be a whole number",
        ),
        (
            {"choice": "amend", "reason": "x", "field_1": "volume", "value_1": "500"},
            "field_1",
            "says already",
        ),
        ({"choice": "amend", "reason": "x", "field_1": "volume"}, "field_1", "is required"),
        ({"choice": "amend", "reason": "x", "field_1": "event_id"}, "field_1", "valid choice"),
        ({"choice": "split", "reason": "x", "instead": ""}, "instead", "at least one"),
        ({"choice": "split", "reason": "x", "instead": "{"}, "instead", "Line 1 is no JSON"),
        ({"choice": "split", "reason": "x", "instead": "[" * 9000}, "instead", "Line 1 is no"),
        ({"choice": "split", "reason": "x", "instead": '{"a": 1}'}, "instead", "Line 1, kind"),
        (
            {"choice": "insert", "reason": "x", "before": json.dumps(replays.mint_event())},
            "before",
            "event_id of its own",
        ),
        ({"choice": "fix_at_source", "reason": "x"}, "expected", "Write what the source"),
    ],
)
def test_a_bad_answer_is_named_at_its_field(answers, field, sentence):
    filled = form(answers)

    assert not filled.is_valid()
    assert sentence in " ".join(filled.errors[field])


@pytest.mark.parametrize(
    ("name", "typed", "kept"),
    [
        ("volume", "400", 400),
        ("source_serial", "400", "400"),
        ("source_first", "0", 0),
        ("note", "12", "12"),
        ("note", "true", "true"),
    ],
)
def test_a_value_is_read_as_the_field_needs_it(name, typed, kept):
    filled = form({"choice": "amend", "reason": "x", "field_1": name, "value_1": typed})

    assert filled.is_valid(), filled.errors
    assert filled.outcome["content"]["set"] == {name: kept}


def test_the_parts_that_are_proposed_read_back_and_add_up():
    event = replays.mint_event(volume=501)

    parts = written.events(written.parts(event), beside=event)

    assert [part["volume"] for part in parts] == [251, 250]
    assert len({part["event_id"] for part in parts}) == 2


def test_an_object_is_written_as_names_and_texts():
    event = replays.retire_event("retire:1", 1, 9)

    told = dict(written.facts({**event, "flag": True, "none": None, "list": [1, "a"]}))

    assert (told["ranges 1 source serial"], told["ranges 1 last"]) == ("S7", "9")
    assert (told["flag"], told["list"], "none" in told) == ("yes", "1, a", False)
