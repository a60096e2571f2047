"""From a faulty issue to everybody who has any of it, and the sums that must come out even."""

import csv
import io
import random
from collections import Counter

import pytest

from audit import shares
from ledgerdb.reads import rows
from registry import dates, moments
from registry.selectors import conservation, tracing
from tests import make
from tests.audit import played
from tests.audit.conftest import main
from tests.portal.cast import signed_in

STATE = {"trading": "held", "retirement": "retired"}


def batch_ids():
    return [row["id"] for row in rows("SELECT id FROM ledger.assets ORDER BY first_no")]


def batch_of(number, batches):
    return next(b["id"] for b in batches if b["first_no"] <= number <= b["last_no"])


def keep_sums(database, history, every):
    """Keep the sums at every so manieth height, as reconciliations in between would have."""
    with database.connect(autocommit=True) as administrator:
        administrator.execute(
            "INSERT INTO ledger.stops SELECT %s, n FROM generate_series(1, %s, %s) n",
            [history.commodity.pk, len(history.steps), every],
        )
        administrator.execute("SELECT ledger.keep_sums(%s, 0)", [history.commodity.pk])
        assert administrator.execute("SELECT ledger.sums_drift()").fetchone() == (0,)


def download(client, path):
    answer = client.get(path)
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


@pytest.mark.parametrize("seed", [41, 42])
def test_everybody_who_has_any_of_a_batch_is_found_as_a_replay_says(committed_db, seed):
    history = played.play(seed)
    auditor = make.person(make.organisation("regulator"), "auditor")
    types = {a.code: a.type for a in (*history.accounts, *history.terminals.values())}

    for batch_id in batch_ids():
        question = tracing.read(auditor, batch_id, {})
        page, batch = tracing.trace(question), question.batch
        numbers = range(batch["first"], batch["last"] + 1)
        expected = Counter(history.now[number][0] for number in numbers)
        found = Counter()
        for row in page["holders"]:
            found[row["account"]] += row["volume"]
            assert row["state"] == STATE[types[row["account"]]]
        assert found == expected
        assert page["difference"] == 0
        blocks = tracing.every_block(question)
        where = {
            number: block["account"]
            for block in blocks
            for number in range(block["first"], block["last"] + 1)
        }
        assert where == {number: history.now[number][0] for number in numbers}


@pytest.mark.parametrize(("seed", "every"), [(43, 0), (44, 3)])
def test_every_sum_at_any_instant_comes_out_even_as_a_replay_says(committed_db, seed, every):
    history, dice = played.play(seed), random.Random(seed)
    if every:
        keep_sums(committed_db, history, every)
    auditor = make.person(make.organisation("regulator"), "auditor")
    trading = {account.code for account in history.accounts}
    batches = rows("SELECT id, first_no, last_no FROM ledger.assets")

    for moment in history.moments(dice, 6):
        then = history.at(moment)
        for by, group in (
            ("commodity", lambda n: history.commodity.code),
            ("facility", lambda n: history.minted[n]),
            ("batch", lambda n: batch_of(n, batches)),
            ("region", lambda n, then=then: then[n][1]),
        ):
            as_of = {"by": by, "as_of": moments.of(moment).query}
            found = list(conservation.every_row(conservation.read(auditor, as_of)))
            expected = Counter(
                (group(n), "held" if then[n][0] in trading else "retired") for n in then
            )
            assert [row["difference"] for row in found if row["difference"]] == []
            assert sum(row["minted"] for row in found) == len(then)
            for row in found:
                key = row["id"] if by == "batch" else row["code"]
                assert row["held"] == expected.pop((key, "held"), 0)
                assert row["retired"] == expected.pop((key, "retired"), 0)
            assert expected == Counter()


def test_a_change_of_region_moves_between_regions_and_out_of_none(committed_db):
    history = played.play(45, steps=40)
    auditor = make.person(make.organisation("regulator"), "auditor")

    found, _ = conservation.rows(conservation.read(auditor, {"by": "region"}))

    by_code = {row["code"]: row for row in found}
    south = by_code[history.regions[1].code]
    north = by_code[history.regions[0].code]
    moved = sum(1 for _, region in history.now.values() if region == history.regions[1].code)
    assert (south["came"], south["minted"], north["went"]) == (moved, 0, moved)
    assert moved > 0


def test_batches_follow_each_other_across_commodities(cast, monkeypatch, auditor):
    monkeypatch.setattr(conservation, "PAGE", 2)
    wind = make.commodity(code="WND", name="Wind")
    for commodity in (wind, cast.commodity, wind):
        make.mint(cast.source, 10, commodity=commodity)

    page = auditor.get("/conservation?by=batch")
    rest = auditor.get("/conservation" + page.context["next"])

    names = [(row["commodity"], row["first"]) for p in (page, rest) for row in p.context["rows"]]
    assert names == [("SOL", 1), ("SOL", 1001), ("WND", 1), ("WND", 11)]
    assert rest.context["next"] == ""
    assert len(download(auditor, "/conservation.csv?by=facility")) == 4


def test_each_row_leads_to_what_it_is_the_sum_of(cast, auditor):
    make.retire(cast.source, 100, commodity=cast.commodity)
    page = auditor.get("/conservation")
    link = page.context["rows"][0]["link"]

    facilities = auditor.get(f"/conservation{link}")
    batches = auditor.get(f"/conservation{facilities.context['rows'][0]['link']}")
    batch = auditor.get(batches.context["rows"][0]["link"])
    region = auditor.get("/conservation?by=region").context["rows"][0]["link"]

    sums = [p.context["rows"][0] for p in (page, facilities, batches)]
    assert {(row["minted"], row["held"], row["retired"]) for row in sums} == {(1000, 900, 100)}
    assert batch.context["sums"] == {"held": 900, "retired": 100, "expired": 0}
    assert auditor.get(region).status_code == 200


def test_a_link_by_height_stays_the_same(cast, auditor):
    cast.executed(400)
    (batch,) = batch_ids()
    paths = ["/conservation?by=region&at=SOL-2", "/conservation?at=SOL-2"]
    paths += [f"/batches/{batch}?at=SOL-2", f"/batches/{batch}/trace?at=SOL-2"]
    before = [main(auditor.get(path)) for path in paths]

    make.retire(cast.source, 50, commodity=cast.commodity)
    make.mint(cast.source, 5, commodity=make.commodity(code="WND", name="Wind"))

    assert [main(auditor.get(path)) for path in paths] == before
    assert auditor.get("/conservation").context["total"]["retired"] == 50


def test_what_expired_is_counted_and_traced(cast, auditor):
    old = make.commodity(code="OLD", name="Old", months_transferable=1, months_to_expiry=1)
    make.mint(cast.source, 5, commodity=old)
    make.done(make.expire_request(old))

    page = auditor.get("/conservation?commodity=OLD").context["rows"]
    trace = auditor.get(f"/batches/{batch_ids()[1]}/trace").context

    assert [(row["expired"], row["difference"]) for row in page] == [(5, 0)]
    assert [row["state"] for row in trace["holders"]] == ["expired"]


def test_the_worklist_names_each_beneficiary_and_downloads_every_block(cast, auditor):
    cast.executed(400)
    for town in ("Town of A", "Town of B"):
        make.retire(cast.target, 50, commodity=cast.commodity, beneficiary=town)
    (batch,) = batch_ids()

    holders = auditor.get(f"/batches/{batch}/trace").context["holders"]
    sheet = download(auditor, f"/batches/{batch}/trace.csv")

    told = {row["beneficiary"]: row["volume"] for row in holders if row["state"] == "retired"}
    assert told == {"Town of A": 50, "Town of B": 50}
    assert sum(int(row["volume"]) for row in sheet) == 1000
    assert {row["position"] for row in sheet} == {"SOL-4"}


def test_a_batch_that_never_was_is_not_found(cast, auditor):
    make.mint(cast.source, 5, commodity=cast.commodity)
    first, second = batch_ids()

    for path in ("/batches/99999", f"/batches/{10**30}", f"/batches/{second}?at=SOL-1"):
        assert auditor.get(path).status_code == 404
    assert auditor.get(f"/batches/{first}?at=SOL-1").status_code == 200


@pytest.mark.parametrize(
    "query", ["by=theft", "as_of=06/07/2026", "commodity=COAL", "by=batch&facility=Nowhere"]
)
def test_a_bad_question_is_refused(cast, auditor, query):
    assert auditor.get(f"/conservation?{query}").status_code == 422
    assert auditor.get(f"/conservation.csv?{query}").status_code == 422


@pytest.mark.parametrize("path", ["/conservation", "/conservation.csv", "/batches/1/trace"])
def test_an_organisation_is_told_who_may_look(cast, path):
    assert signed_in(cast.marsh).get(path).status_code == 403


def test_months_add_up_to_what_there_is(cast):
    make.retire(cast.source, 100, commodity=cast.commodity)

    found = conservation.monthly(3)

    assert [row["month"] for row in found][-1] == dates.today().replace(day=1)
    assert sum(row["issued"] for row in found) == 1000
    assert (found[-1]["retired"], found[-1]["height"]) == (100, 2)


# -- The pictures


def test_the_parts_of_a_bar_are_as_wide_as_the_bar():
    parts = shares.bar({"held": 10**9, "retired": 1, "expired": 0}, width=100)

    assert [part.name for part in parts] == ["held", "retired"]
    assert sum(part.width for part in parts) == pytest.approx(100)
    assert parts[1].width == shares.SMALLEST


def test_nothing_minted_is_no_bar():
    assert shares.bar({"held": 0, "retired": 0, "expired": 0}) == []


def test_the_highest_bar_of_a_chart_is_as_high_as_the_chart():
    drawn = shares.chart(["Jan", "Feb"], {"issued": [5, 10], "retired": [0, 1]}, height=100)

    tall = [bar[4] for column in drawn.columns for bar in column.bars]
    assert tall == [50, 0, 100, 10]
    assert "issued: 15 in all" in drawn.words
