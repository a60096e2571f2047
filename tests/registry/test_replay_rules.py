"""Rules, causes and comparisons of a replay: computed, without any database."""

import pytest

from registry.replay.causes import Causes
from registry.replay.compare import BalancesError, Closing, compare, minus, read_balances
from registry.replay.format import LineError, Record, read_record
from registry.replay.rules import SKIPPED, Rule, Rules
from tests.histories import Events, part


def record(line: int, event: dict) -> Record:
    """Read an event."""
    return read_record(line, dict(event))


def sent(event: dict, action: str, **content) -> list:
    """Return what is sent instead of an event under one rule."""
    rules = Rules([Rule(7, event["event_id"], action, content)])
    return list(rules.apply(record(3, event)))


def test_an_event_without_a_rule_is_sent_as_it_is():
    rules = Rules([Rule(7, "another", "skip", {})])
    event = record(3, Events().mint(5))

    assert list(rules.apply(event)) == [event]


def test_an_event_that_is_left_out_stays_in_the_report():
    (left,) = sent(Events().mint(5), "skip")

    assert (left.name, left.rule, left.said["volume"]) == (SKIPPED, 7, 5)


def test_an_amended_event_says_what_the_rule_sets_and_keeps_what_the_source_said():
    (amended,) = sent(Events().mint(5), "amend", set={"volume": 4}, remove=["source_serial"])

    assert amended["volume"] == 4
    assert amended.get("source_serial") is None
    assert (amended.said["volume"], amended.line, amended.inserted) == (5, 3, False)


def test_a_split_event_is_sent_as_several_in_order():
    event = Events().mint(5)
    halves = [{**event, "event_id": f"half:{n}", "volume": n} for n in (2, 3)]

    parts = sent(event, "split", events=halves)

    assert [each["volume"] for each in parts] == [2, 3]
    assert parts[0].position < parts[1].position
    assert {each.line for each in parts} == {3}


def test_an_inserted_event_comes_before_the_one_it_is_for():
    event = Events().mint(5)

    added, itself = sent(event, "insert", events=[{**event, "event_id": "added"}])

    assert (added["event_id"], added.inserted) == ("added", True)
    assert (itself["event_id"], itself.rule) == (event["event_id"], None)
    assert added.position < itself.position < 4 * 64


def test_a_rule_that_makes_no_event_is_a_problem_of_its_line():
    (problem,) = sent(Events().mint(5), "amend", set={"volume": "five"})

    assert isinstance(problem, LineError)
    assert (problem.line, problem.field) == (3, "volume")


def test_the_version_of_rules_says_what_they_do_and_not_in_which_order_they_were_signed():
    one, two = Rule(1, "a", "skip", {}), Rule(2, "b", "amend", {"set": {"volume": 1}})

    assert Rules([one, two]).version() == Rules([two, one]).version()
    assert Rules([one]).version() != Rules([one, two]).version()
    assert Rules([Rule(9, "a", "skip", {})]).version() == Rules([one]).version()


def test_a_refused_issuance_is_the_cause_of_all_that_came_of_it():
    make, causes = Events(), Causes()
    mint = record(1, make.mint(50))
    serial = mint["source_serial"]
    transfer = record(2, make.transfer(1, 2, ranges=[part(serial, 1, 20)]))
    retirement = record(3, make.retire(2, ranges=[part(serial, 5, 9)]))
    other = record(4, make.retire(3, ranges=[part("S99", 1, 2)]))

    found = [
        causes.of(mint, "PRODUCTION_PERIOD_OVERLAP"),
        causes.of(transfer, "BLOCK_NOT_HELD"),
        causes.of(retirement, "BLOCK_NOT_HELD"),
        causes.of(other, "BLOCK_NOT_HELD"),
    ]

    roots = [cause.event_id for cause in found]
    assert roots == [mint["event_id"]] * 3 + [other["event_id"]]
    assert found[2].code == "PRODUCTION_PERIOD_OVERLAP"


def test_a_quantity_that_is_not_there_is_put_to_what_would_have_credited_the_account():
    make, causes = Events(), Causes()
    transfer = record(1, make.transfer(1, 2, volume=10))
    retirement = record(2, make.retire(2, volume=5))
    stranger = record(3, make.retire(3, volume=5))

    causes.of(transfer, "ACCOUNT_NOT_ACTIVE")

    cause = causes.of(retirement, "INSUFFICIENT_TOTAL_BALANCE")
    assert (cause.event_id, cause.code) == (transfer["event_id"], "ACCOUNT_NOT_ACTIVE")
    alone = causes.of(stranger, "INSUFFICIENT_TOTAL_BALANCE")
    assert alone.event_id == stranger["event_id"]


def test_what_is_wrong_with_the_event_itself_has_no_other_cause():
    make, causes = Events(), Causes()
    causes.of(record(1, make.transfer(1, 2, volume=10)), "ACCOUNT_NOT_ACTIVE")
    retirement = record(2, make.retire(2, volume=5))

    assert causes.of(retirement, "SELF_APPROVAL").event_id == retirement["event_id"]


@pytest.mark.parametrize(
    ("ranges", "taken", "left"),
    [
        ([(1, 10)], [], [(1, 10)]),
        ([(1, 10)], [(1, 10)], []),
        ([(1, 10)], [(4, 5)], [(1, 3), (6, 10)]),
        ([(1, 3), (5, 9)], [(3, 6)], [(1, 2), (7, 9)]),
        ([(1, 10)], [(1, 4), (6, 20)], [(5, 5)]),
    ],
)
def test_ranges_are_subtracted_to_the_certificate(ranges, taken, left):
    assert minus(ranges, taken) == left


def test_every_account_that_differs_is_listed_and_every_number_that_is_elsewhere(tmp_path):
    file = tmp_path / "closing.csv"
    file.write_text(
        "account,commodity,balance,source_serial,first,last\n"
        "P1-T,CDC,,S1,1,60\nP1-R,CDC,,S1,61,100\nP2-T,CDC,7,,,\nP3-T,CDC,5,,,\n"
    )
    held = {("CDC", "P1-T"): 61, ("CDC", "P1-R"): 39, ("CDC", "P2-T"): 7, ("CDC", "P4-T"): 1}
    blocks = [("CDC", "S1", "P1-T", 0, 60), ("CDC", "S1", "P1-R", 61, 99)]

    found = compare(read_balances(file), held, blocks, lambda commodity, serial: 1)

    assert (found["compared"], found["count"]) == (5, 6)
    by_account = {
        d["account"]: (d["source"], d["ledger"]) for d in found["differences"] if "source" in d
    }
    assert by_account == {"P1-R": (40, 39), "P1-T": (60, 61), "P3-T": (5, 0), "P4-T": (0, 1)}
    numbers = [(d["account"], d["first"], d["only"]) for d in found["differences"] if "only" in d]
    assert numbers == [("P1-R", 61, "source"), ("P1-T", 61, "ledger")]


def test_what_agrees_has_no_difference():
    closing = Closing({("CDC", "A"): 5}, {})

    assert compare(closing, {("CDC", "A"): 5}, [], lambda *_: None)["differences"] == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("account,amount\n", "line 1: the columns are"),
        ("account,commodity,balance\nA,CDC,1.5\n", "line 2: balance must be a whole number"),
        ("account,commodity,balance\nA,CDC,\uff11\n", "line 2: balance must be a whole number"),
        ("account,commodity,balance\n,CDC,1\n", "line 2: account and commodity are required"),
        (
            "account,commodity,source_serial,first,last\nA,CDC,S,9,1\n",
            "line 2: last must not be below first",
        ),
    ],
)
def test_closing_balances_that_cannot_be_read_are_named_by_line(tmp_path, text, says):
    file = tmp_path / "closing.csv"
    file.write_text(text)

    with pytest.raises(BalancesError, match=says):
        read_balances(file)
