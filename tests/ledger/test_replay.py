"""A replayed history: what is accepted, what is rejected, and that nothing else decides it."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledgerdb import reads
from registry import services
from registry.models import Account, Commodity, Request, User
from registry.replay import engine
from tests import histories, make
from tests.histories import Events, part, play, write
from tests.ledger import look
from tests.server import Server, clone, django_uses

REAL = Path(
    os.environ.get("STRATA_REPLAY_HISTORY", "")
    or Path(__file__).parents[3] / "shared" / "data" / "cercarbono_history.jsonl"
)


def heads() -> dict[str, str]:
    """Return the hash at the top of each chain, by commodity."""
    codes = dict(Commodity.objects.values_list("id", "code"))
    return {codes[key]: hash_.hex() for key, (_, hash_) in reads.chain_heads().items()}


def balances() -> dict[str, int]:
    """Return what each account of an organisation holds."""
    found = look.rows(
        "SELECT a.code, b.balance FROM ledger.account_balances b"
        " JOIN registry_account a ON a.id = b.account_id"
        " WHERE a.type IN ('trading', 'retirement') AND b.balance > 0"
    )
    return dict(found)


@pytest.fixture
def file(committed_db, tmp_path):
    """Open a window, and name the file of the test."""
    histories.open_window(committed_db)
    return tmp_path / "history.jsonl"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("may_overlap", [False, True])
def test_outcomes_and_holdings_are_those_of_a_program_without_a_ledger(
    file, monkeypatch, seed, may_overlap
):
    # Few enough at a time that groups are executed and prepared beside each other.
    monkeypatch.setattr(engine, "CHUNK", 1 + 3 * seed)
    lines = histories.random_history(seed)
    codes, held = histories.second_opinion(lines, may_overlap=may_overlap)

    played = play(write(file, lines), allow_overlapping_production=may_overlap)

    assert played.codes == codes
    assert balances() == held
    assert reads.reconcile()["ok"]
    assert reads.verify_chain(Commodity.objects.get().pk) is None
    assert played.status == (1 if any(codes.values()) else 0)


def test_running_it_twice_adds_nothing_and_says_the_same(file):
    write(file, histories.random_history(7))
    first = play(file)
    before = look.everything(), list(Request.objects.order_by("number").values())

    second = play(file)

    assert (look.everything(), list(Request.objects.order_by("number").values())) == before
    assert (second.status, second.verdicts) == (first.status, first.verdicts)
    assert "(0 new)" in second.text


def test_the_same_history_has_the_same_hashes_in_another_database(
    server: Server, django_db_blocker, tmp_path, monkeypatch
):
    file = write(tmp_path / "history.jsonl", histories.random_history(3))
    found = []
    with django_db_blocker.unblock():
        for others, at_once in ((0, 200), (2, 5)):
            monkeypatch.setattr(engine, "CHUNK", at_once)
            with clone(server) as database, django_uses(server, database.name):
                histories.open_window(database)
                for _ in range(others):
                    make.account(holding=5, commodity=make.commodity())
                play(file)
                found.append(heads()["CDC"])

    assert found[0] == found[1]


def test_every_kind_of_event_is_replayed(file):
    make_ = Events()
    lines = histories.references()
    lines[0] |= {"reassignable": True, "months_transferable": 3, "months_to_expiry": 6}
    rule = {"from_region": "CO", "to_region": "PE", "valid_from": "2019-01-01"}
    lines.append({"record": "region_rule", "commodity": "CDC", **rule})
    lines += [
        make_.mint(100, production_start="2019-11-01", production_end="2019-11-30"),
        make_.mint(50, of=2, production_start="2019-12-01", production_end="2019-12-31"),
        make_.transfer(1, 2, volume=30, filters={"facility": "F1", "region": "CO"}),
        make_.transfer(1, 3, ranges=[{"first": 41, "last": 60}]),
        make_.event("reassign_region", 2, source_account="P2-T", region="PE", volume=10)
        | {"filters": {"region": "CO", "produced_from": "2019-12-01"}},
        make_.retire(3, ranges=[{"first": 41, "last": 45}], consumption_start="2019-12-01"),
        make_.event("expire", submitted_by=histories.OPERATOR, occurred_at="2020-06-15T00:00:00Z"),
    ]

    played = play(write(file, lines))

    assert [outcome["code"] for outcome in played.outcomes] == [""] * 7
    assert [outcome["volume"] for outcome in played.outcomes] == [100, 50, 30, 20, 10, 5, 95]
    assert balances() == {"P2-T": 50, "P3-R": 5}
    assert reads.reconcile()["ok"]


def test_an_event_keeps_its_people_its_time_and_its_serial(file):
    mint = Events().mint(12, source_serial="OLD-1", note="from the old book")
    write(file, [*histories.references(), mint])

    play(file)

    request = Request.objects.get(source_event=mint["event_id"])
    assert (request.submitter.code, request.approver.code) == ("p1.submitter", histories.APPROVER)
    assert (request.source_serial, request.note) == ("OLD-1", "from the old book")
    occurred_at, actor = look.rows("SELECT occurred_at, actor_id FROM ledger.transactions")[0]
    assert occurred_at == datetime(2020, 1, 1, 1, tzinfo=UTC)
    assert actor == request.approver_id
    assert look.value("SELECT source_serial FROM ledger.assets") == "OLD-1"


def test_people_of_a_history_cannot_sign_in(file):
    play(write(file, [*histories.references(), histories.person("Ána B", "P1", "viewer")]))

    people = User.objects.all()
    assert people.count() == 6
    assert all(person.email.endswith("@replay.invalid") for person in people)
    assert not any(person.has_usable_password() for person in people)


def test_numbers_of_a_batch_are_counted_from_where_its_whole_history_says(file):
    make_ = Events()
    batches = {
        "zero": [make_.mint(10, source_serial="zero", month=1), (0, 2), (9, 9)],
        "one": [make_.mint(10, source_serial="one", month=2), (1, 2), (10, 10)],
        "last": [make_.mint(10, source_serial="last", month=3), (4, 10)],
        "assumed": [make_.mint(10, source_serial="assumed", month=4), (4, 6)],
        "stated": [make_.mint(10, source_serial="stated", month=5, source_first=501), (501, 502)],
    }
    lines = histories.references() + [mint for mint, *_ in batches.values()]
    for serial, (_, *pairs) in batches.items():
        lines += [make_.retire(ranges=[part(serial, *pair)]) for pair in pairs]

    played = play(write(file, lines))

    assert not any(played.codes.values())
    assert "counted 1 from stated, 1 from 0, 2 from 1, 1 from 1 assumed" in played.text
    retired = look.rows(
        "SELECT b.source_serial, l.first_no - b.first_no, l.last_no - b.first_no"
        " FROM ledger.leaves l JOIN ledger.assets b ON b.id = l.asset_id"
        " JOIN registry_account a ON a.id = l.account_id WHERE a.type = 'retirement'"
        " ORDER BY l.first_no"
    )
    assert retired == [
        ("zero", 0, 2),
        ("zero", 9, 9),
        ("one", 0, 1),
        ("one", 9, 9),
        ("last", 3, 9),
        ("assumed", 3, 5),
        ("stated", 0, 1),
    ]


def test_a_file_that_counts_a_batch_differently_than_before_is_refused(file):
    make_ = Events()
    lines = [*histories.references(), make_.mint(10, source_serial="S")]
    lines.append(make_.retire(ranges=[part("S", 3, 4)]))
    play(write(file, lines))
    lines.append(make_.retire(ranges=[part("S", 0, 1)]))

    played = play(write(file, lines))

    assert list(played.codes.values()) == ["", "IDEMPOTENCY_KEY_REUSED", ""]
    assert balances() == {"P1-T": 6, "P1-R": 4}


def test_a_batch_issued_in_another_file_is_not_guessed_at(file):
    make_ = Events()
    play(write(file, [*histories.references(), make_.mint(10, source_serial="S")]))

    played = play(write(file, [make_.retire(ranges=[part("S", 3, 4)])]))

    assert played.outcomes[0]["code"] == "RANGE_INVALID"
    assert played.outcomes[0]["facts"]["why"] == "not issued in this file"


def test_a_refusal_of_the_ledger_leaves_a_failed_request_with_its_code(file):
    make_ = Events()
    lines = [
        *histories.references(),
        make_.mint(10),
        make_.mint(10),
        make_.transfer(1, 2, volume=11),
    ]

    played = play(write(file, lines))

    failed = Request.objects.filter(status="failed").order_by("number")
    codes = ["PRODUCTION_PERIOD_OVERLAP", "INSUFFICIENT_TOTAL_BALANCE"]
    assert list(failed.values_list("failure_code", flat=True)) == codes
    assert [outcome["code"] for outcome in played.outcomes] == ["", *codes]
    assert played.outcomes[2]["facts"]["needed"] == 11
    assert played.status == 1


def test_an_event_older_than_the_one_before_it_is_rejected_for_good(file):
    make_ = Events()
    lines = [*histories.references(), make_.mint(10, month=1), make_.mint(10, month=2)]
    lines.append(make_.mint(10, month=3, occurred_at="2019-12-31T23:59:59Z"))

    outcomes = [play(write(file, lines)).verdicts[-1], play(file).verdicts[-1]]

    assert [outcome[2] for outcome in outcomes] == ["REPLAY_OUT_OF_ORDER"] * 2
    assert Request.objects.get(status="failed").failure_code == "REPLAY_OUT_OF_ORDER"


def test_an_event_that_has_not_happened_yet_is_rejected(file):
    lines = [*histories.references(), Events().mint(occurred_at="2999-01-01T00:00:00Z")]

    played = play(write(file, lines))

    assert list(played.codes.values()) == ["EFFECTIVE_AT_IN_FUTURE"]


@pytest.mark.parametrize(
    ("change", "code", "state"),
    [
        ({"submitted_by": "nobody"}, "ACTOR_NOT_AUTHORISED", None),
        ({"approved_by": "nobody"}, "ACTOR_NOT_AUTHORISED", "withdrawn"),
        ({"commodity": "GOLD"}, "COMMODITY_RULE", None),
        ({"source_account": "P9-T"}, "ACCOUNT_NOT_FOUND", "withdrawn"),
        ({"target_account": "P9-T"}, "ACCOUNT_NOT_FOUND", "failed"),
        ({"target_account": "P1-T"}, "SAME_ACCOUNT", "failed"),
        ({"target_account": "P2-R"}, "ACCOUNT_TYPE_INVALID", "failed"),
        ({"filters": {"facility": "F9"}}, "FACILITY_NOT_ACTIVE", "failed"),
        ({"filters": {"region": "XX"}}, "REGION_NOT_ALLOWED", "failed"),
        ({"submitted_by": "p2.submitter"}, "ACTOR_NOT_AUTHORISED", "withdrawn"),
        ({"approved_by": "p2.submitter"}, "ACTOR_NOT_AUTHORISED", "withdrawn"),
        ({"approved_by": "p1.submitter"}, "SELF_APPROVAL", "withdrawn"),
        ({"volume": 0}, "VOLUME_NOT_POSITIVE", "failed"),
        ({"volume": -5}, "VOLUME_NOT_POSITIVE", "failed"),
        ({"volume": 2**63 - 1}, "INSUFFICIENT_TOTAL_BALANCE", "failed"),
        ({"ranges": [part("never", 1, 5)], "volume": 5}, "BLOCK_NOT_HELD", "failed"),
        ({"ranges": [part("S1", 1, 101)], "volume": 101}, "BLOCK_NOT_HELD", "failed"),
        ({"ranges": [part("S1", 5, 1)]}, "RANGE_INVALID", "failed"),
        ({"ranges": [part("S1", -1, 1)]}, "RANGE_INVALID", "failed"),
        ({"ranges": [part("S1", 1, 5)], "volume": 6}, "RANGE_INVALID", "failed"),
        ({"ranges": [part("S1", 1, 5), part("S1", 5, 6)], "volume": 7}, "RANGE_INVALID", "failed"),
        ({"ranges": [{"first": 0, "last": 1}]}, "RANGE_INVALID", "failed"),
        ({"ranges": [{"first": 1, "last": 2**63 - 1}]}, "RANGE_INVALID", "failed"),
        ({"ranges": [{"first": 1, "last": 2**63 - 2}] * 2}, "VOLUME_OVERFLOW", "failed"),
    ],
)
def test_what_an_event_gets_wrong_has_a_name_today_and_tomorrow(file, change, code, state):
    make_ = Events()
    transfer = {**make_.mint(), **make_.transfer(1, 2, volume=10), **change}
    for name in ("account", "facility", "production_start", "production_end", "source_serial"):
        del transfer[name]
    if "ranges" in change and "volume" not in change:
        del transfer["volume"]
    lines = [*histories.references(), Events().mint(), transfer]

    first, second = play(write(file, lines)), play(file)

    assert first.verdicts[1] == (*first.verdicts[1][:1], "rejected", code, 0)
    assert second.verdicts == first.verdicts
    request = Request.objects.filter(source_event=transfer["event_id"]).first()
    assert (request.status if request else None) == state
    assert balances() == {"P1-T": 100}


def test_a_serial_is_issued_once(file):
    make_ = Events()
    lines = [*histories.references(), make_.mint(10, month=1), make_.mint(10, month=2)]
    lines[-1]["source_serial"] = lines[-2]["source_serial"]

    played = play(write(file, lines))

    assert list(played.codes.values()) == ["", "IDEMPOTENCY_KEY_REUSED"]


def test_a_serial_retired_before_it_is_issued_stays_rejected_when_it_is(file):
    make_ = Events()
    early = make_.retire(ranges=[part("S", 1, 2)])
    lines = [*histories.references(), early, make_.mint(10, source_serial="S")]

    first, second = play(write(file, lines)), play(file)

    assert list(first.codes.values()) == ["BLOCK_NOT_HELD", ""]
    assert second.verdicts == first.verdicts
    assert balances() == {"P1-T": 10}


def test_an_event_that_is_there_twice_counts_once(file):
    mint = Events().mint(10)
    other = {**mint, "volume": 11}
    rewritten = {**dict(reversed(mint.items())), "occurred_at": "2020-01-01T02:00:00+01:00"}

    played = play(write(file, [*histories.references(), mint, rewritten, other]))

    outcomes = [(outcome["outcome"], outcome["code"]) for outcome in played.outcomes]
    assert outcomes == [
        ("accepted", ""),
        ("repeated", ""),
        ("rejected", "IDEMPOTENCY_KEY_REUSED"),
    ]
    assert balances() == {"P1-T": 10}


def test_an_event_replayed_before_with_other_content_is_refused(file):
    lines = [*histories.references(), Events().mint(10)]
    play(write(file, lines))
    lines[-1]["volume"] = 11

    played = play(write(file, lines))

    assert list(played.codes.values()) == ["IDEMPOTENCY_KEY_REUSED"]
    assert balances() == {"P1-T": 10}


def test_a_sweep_of_approved_requests_leaves_a_past_event_to_the_replay(file, monkeypatch):
    write(file, [*histories.references(), Events().mint(10)])
    monkeypatch.setattr("registry.services.replay.execute_events", _killed)
    with pytest.raises(RuntimeError):
        play(file)
    monkeypatch.undo()

    swept = list(services.execute_approved())

    assert swept == []
    assert play(file).codes == {"mint:1": ""}


def _killed(requests: list[Request]) -> None:
    raise RuntimeError("killed")


def test_the_report_holds_one_line_for_each_event(file):
    write(file, histories.random_history(1, events=20))

    played = play(file)

    assert len(played.outcomes) == 20
    keys = {"line", "event", "kind", "outcome", "code", "volume", "facts"}
    assert all(set(outcome) == keys for outcome in played.outcomes)


if REAL.is_file():

    def real_lines() -> list[dict]:
        """Read the published history."""
        return [json.loads(line) for line in REAL.read_text(encoding="utf-8").splitlines()]

    def test_a_published_history_is_accepted_whole_where_periods_may_overlap(file):
        file.write_bytes(REAL.read_bytes())

        played = play(file, allow_overlapping_production=True)

        volumes = {"mint": 0, "retire": 0}
        for outcome in played.outcomes:
            volumes[outcome["kind"]] += outcome["volume"]
        assert (played.status, len(played.outcomes)) == (0, 200)
        assert volumes == {"mint": 2_166_860, "retire": 639_718}
        assert reads.reconcile()["ok"]
        assert Account.objects.filter(type="trading").count() == 10

    def test_a_published_history_is_rejected_where_a_program_without_a_ledger_says(file):
        file.write_bytes(REAL.read_bytes())
        codes, held = histories.second_opinion(real_lines(), may_overlap=False)

        played = play(file)

        assert played.codes == codes
        assert balances() == held
        assert played.status == 1
