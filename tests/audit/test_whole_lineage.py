"""The lineage of a batch: every block, each row whole, and where one number was on a date."""

import itertools
import random
import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import lineage, times
from audit.crosshair import Question
from audit.lineage_plan import PLOT, ROW, ROWS, TOP, Window
from audit.views import tracing
from registry import dates, moments
from registry.selectors import lineage as lines
from tests import make
from tests.audit import played
from tests.audit.conftest import cells, main
from tests.ledger import look
from tests.portal.cast import signed_in

TODAY = f"{dates.today():%Y-%m-%d}"


def block(key, first, last, made, spent=None, account="ALD-01", kind="trading"):
    return {
        "block_id": key, "first": first, "last": last, "made": made, "spent": spent,
        "account": account, "account_type": kind, "holder": account[:3],
    }  # fmt: skip


def steps(*kinds):
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return [
        {"id": n, "kind": kind, "occurred_at": at, "number": f"SOL-{n}"}
        for n, kind in enumerate(kinds, 1)
    ]


def widths(drawing, row):
    """Return what the blocks of a row cover: each leaves a hair on both sides."""
    y = drawing.lines[row].y + 30
    return sum(b.width + min(2, b.width) for b in drawing.boxes if b.y < y < b.y + b.height)


MOCK = [
    block(1, 1, 100, 1, 2),
    block(2, 1, 30, 2, 3, "BEE-01"),
    block(3, 31, 100, 2, 4),
    block(4, 1, 10, 3, account="BEE-RET", kind="retirement"),
    block(5, 11, 30, 3, account="BEE-01"),
    block(6, 31, 80, 4, account="SEA-01"),
    block(7, 81, 100, 4),
]
DONE = steps("mint", "transfer", "retire", "transfer")
ASKED = Question(64, 3, "on 14 May 2026", MOCK[2])


def test_the_picture_says_what_happened_who_held_and_where_a_number_was():
    drawn = lineage.draw(MOCK, DONE, Window(1, 100), minted=100, asked=ASKED)

    assert [line.title for line in drawn.lines] == [
        "Issue of 100", "Transfer of 30", "Retirement of 10", "Transfer of 50",
    ]  # fmt: skip
    assert drawn.lines[0].postings == ["Issuance \N{MINUS SIGN}100", "ALD-01 +100"]
    assert drawn.lines[1].postings == ["ALD-01 \N{MINUS SIGN}30", "BEE-01 +30"]
    assert [line.sums for line in drawn.lines][:2] == ["100", "70 + 30 = 100"]
    assert drawn.lines[-1].sums == "10 + 20 + 20 + 50 = 100"
    assert [round(widths(drawn, row)) for row in range(4)] == [660] * 4
    assert {box.block_id for box in drawn.boxes if box.tint} == {1, 2, 3}
    assert (drawn.crosshair.words, drawn.crosshair.y) == (
        "No. 64 on 14 May 2026: held by ALD, block 3", TOP + 2 * ROW + 84,
    )  # fmt: skip
    assert len(drawn.cuts) == 3
    assert drawn.bars[-1][2] == pytest.approx(660 * 0.7 - 2)


def test_the_sum_stands_under_the_blocks_and_makes_what_was_minted():
    whole = lineage.draw(MOCK, DONE, Window(1, 100), minted=100).total
    part = lineage.draw(MOCK, DONE, Window(1, 80), minted=1_000_000_000).total

    assert [bracket.words for bracket in whole.brackets] == ["10", "20", "50", "20"]
    assert whole.total == "= 100 minted"
    assert whole.brackets[2].middle == pytest.approx(250 + 660 * 0.55, abs=0.1)
    assert len(whole.pluses) == 3
    assert (part.total, part.note) == ("= 80", "of 1,000,000,000 minted")


def test_volumes_that_would_not_fit_are_one_part_of_the_sum():
    many = [block(n, n, n, 1) for n in range(1, 301)] + [block(301, 301, 600, 1)]

    drawn = lineage.draw(many, steps("mint"), Window(1, 600), minted=600).total

    assert sum(int(bracket.words) for bracket in drawn.brackets) == 600
    assert len(drawn.brackets) < 30
    assert drawn.total == "= 600 minted"


def timed(*days):
    """Return the steps of the mock, so many days after the first."""
    start = DONE[0]["occurred_at"]
    return [
        {**step, "occurred_at": start + timedelta(days=day)}
        for step, day in zip(DONE, days, strict=True)
    ]


def test_in_true_time_rows_are_as_tall_as_their_time_and_none_vanishes():
    done = timed(0, 40, 40.001, 100)
    end = done[0]["occurred_at"] + timedelta(days=140)

    drawn = lineage.draw(MOCK, done, Window(1, 100, end=end), minted=100)

    tops = [*(line.y for line in drawn.lines), drawn.bottom]
    first, least, third, last = (below - y for y, below in itertools.pairwise(tops))
    assert least == times.LEAST
    assert first == pytest.approx(last, abs=1)
    assert third == pytest.approx(first * 1.5, abs=1)
    assert [round(widths(drawn, row)) for row in range(4)] == [660] * 4
    assert [words for _, words in drawn.clock[:3]] == ["Apr", "May", "Jun"]
    assert drawn.lines[1].sums == "70 + 30 = 100"


@given(st.lists(st.integers(0, 10**15).map(lambda n: n / 10**6), min_size=1, max_size=25))
def test_heights_add_up_and_keep_their_order(spans):
    found = times.heights(spans, room=120 * len(spans), least=64)

    assert sum(found) == pytest.approx(120 * len(spans))
    assert min(found) >= 64 - 1e-6
    pairs = sorted(zip(spans, found, strict=True))
    assert all(a[1] <= b[1] + 1e-6 for a, b in itertools.pairwise(pairs))


def test_in_true_time_the_crosshair_is_at_its_moment():
    done = timed(0, 40, 80, 120)
    end = done[0]["occurred_at"] + timedelta(days=160)
    at = done[2]["occurred_at"] + timedelta(days=20)
    asked = Question(64, 3, "on 10 Jun 2026", MOCK[2], at)

    drawn = lineage.draw(MOCK, done, Window(1, 100, end=end), minted=100, asked=asked)

    assert drawn.crosshair.y == drawn.lines[2].y + 60


@pytest.mark.parametrize("number", [1, 10, 31, 64, 100])
@pytest.mark.parametrize("until", [1, 2, 3, 4])
def test_the_words_of_the_crosshair_cover_no_words_of_a_block(number, until):
    held = next(
        b for b in MOCK
        if b["first"] <= number <= b["last"] and b["made"] <= until
        and (b["spent"] is None or b["spent"] > until)
    )  # fmt: skip
    asked = Question(number, until, "on 14 May 2026", held)

    drawn = lineage.draw(MOCK, DONE, Window(1, 100), minted=100, asked=asked)

    hair = drawn.crosshair
    labels = [area for box in drawn.boxes for area in lineage._labels(box)]
    assert len(labels) > 10
    for left, top, right, bottom in labels:
        beside = hair.label_x >= right or hair.label_x + hair.label_width <= left
        assert beside or hair.label_y >= bottom or hair.label_y + 28 <= top
    assert hair.label_x >= 250


def test_between_two_transactions_what_was_before_is_one_row():
    drawn = lineage.draw(MOCK, DONE, Window(1, 100, after=2, until=3), minted=100)

    assert [line.title for line in drawn.lines] == ["2 transactions before", "Retirement of 10"]
    assert [round(widths(drawn, row)) for row in range(2)] == [660] * 2
    assert drawn.lines[-1].sums == "10 + 70 + 20 = 100"
    assert lineage.draw(MOCK, DONE, Window(1, 100, until=3), minted=100, asked=Question(
        64, 4, "now", MOCK[5])).crosshair is None  # fmt: skip


def test_over_many_transactions_a_row_is_several_and_still_whole():
    many = [block(1, 1, 1000, 1, 2)]
    for n in range(2, 101):
        many.append(block(2 * n, n - 1, n - 1, n, account="BEE-01"))
        many.append(block(2 * n + 1, n, 1000, n, n + 1 if n < 100 else None))
    done = steps("mint", *["transfer"] * 99)

    drawn = lineage.draw(many, done, Window(1, 1000), minted=1000)

    assert len(drawn.lines) <= ROWS
    assert drawn.lines[0].title == "5 transactions"
    for row in range(len(drawn.lines)):
        assert abs(widths(drawn, row) - PLOT) < 0.5
    # Single numbers are too narrow to see: neighbours of one life are one.
    assert any(box.count > 3 for box in drawn.boxes)


def areas(drawing):
    """Return the area of the slices of each row, by its height on the page."""
    found = {}
    for _, _, path in drawing.slices:
        for _, y, width, end in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)V([\d.]+)", path):
            row = bisect_right([line.y for line in drawing.lines], float(y)) - 1
            found[row] = found.get(row, 0) + float(width) * (float(end) - float(y))
    return found


def test_of_thousands_of_blocks_none_is_dropped_and_the_page_stays_small():
    dice = random.Random(7)
    cuts, codes = 5000, ["BEE-01", "SEA-01", "DEE-01", "EEL-01", "FOX-01", "GNU-01"]
    many = [block(1, 1, 20 * cuts, 1, 2)]
    for n in range(2, cuts + 1):
        low = 20 * (n - 2) + 1
        many.append(block(2 * n, low, low + 19, n, account=dice.choice(codes)))
        rest = n + 1 if n < cuts else None
        many.append(block(2 * n + 1, low + 20, 20 * cuts, n, rest))
    done = steps("mint", *["transfer"] * (cuts - 1))

    drawn = lineage.draw(many, done, Window(1, 20 * cuts), minted=20 * cuts)

    whole = PLOT * (ROW - 10)
    assert sorted(areas(drawn)) == list(range(len(drawn.lines))) == list(range(ROWS))
    for area in areas(drawn).values():
        assert area == pytest.approx(whole, rel=0.002)
    assert (drawn.boxes, drawn.cuts) == ([], [])
    assert {tone for tone, _, _ in drawn.slices} == {"from", "to", "third", "fourth", "other"}
    assert sum(len(path) for _, _, path in drawn.slices) < 150_000
    fields = drawn.zooms
    assert len(fields) == 48
    assert sum(each.width for each in fields[:8]) == pytest.approx(PLOT, abs=0.5)
    assert sum(each.height for each in fields[::8]) == drawn.bottom - TOP
    assert (fields[0].first, fields[7].last) == (1, 100_000)
    assert (fields[0].since, fields[-1].until) == ("SOL-1", f"SOL-{cuts}")
    assert sum(int(b.words.replace(",", "")) for b in drawn.total.brackets) == 100_000
    assert {line.whole for line in drawn.lines} == {"All 100,000 accounted for"}


def test_a_long_table_goes_on_where_it_stopped(cast, auditor, monkeypatch):
    monkeypatch.setattr(tracing, "LISTED", 2)
    cast.executed(400)
    path = f"/batches/{look.value('SELECT id FROM ledger.assets')}/lineage"

    first = auditor.get(path, {"at": "SOL-2"})
    second = auditor.get(first.context["following"])

    assert [len(page.context["listed"]) for page in (first, second)] == [2, 1]
    assert second.context["following"] == ""
    assert second.context["standing"].link == "SOL-2"


def test_every_row_of_a_replayed_batch_is_whole_and_every_number_is_where_it_was(committed_db):
    history, dice = played.play(9, steps=20), random.Random(9)
    auditor = make.person(make.organisation("regulator"), "auditor")

    for batch, first, last in look.rows("SELECT id, first_no, last_no FROM ledger.assets"):
        for step in dice.sample(history.steps, 3):
            number = dice.randint(first, last)
            typed = {"number": str(number), "on": moments.of(step.at).query}
            found = lines.of_batch(auditor, batch, typed)
            assert found.mistakes == {}
            where = history.at(step.at).get(number)
            assert (found.holding and found.holding["account"]) == (where and where[0])
        drawn = lineage.draw(found.blocks, found.steps, Window(first, last), minted=1)
        for row in range(len(drawn.lines)):
            assert abs(widths(drawn, row) - PLOT) < 0.5


def test_the_page_draws_lists_and_zooms(cast, auditor):
    cast.executed(400)
    make.retire(cast.target, 100, commodity=cast.commodity)
    path = f"/batches/{look.value('SELECT id FROM ledger.assets')}/lineage"

    page = auditor.get(path, {"number": "200", "on": TODAY})
    part = auditor.get(path, {"from": "251", "to": "500"})

    text = page.content.decode()
    assert "No. 200 at the end of" in cells(text, r'<p class="sentence"[^>]*>(.*?)</p>')[0]
    assert "held by Cobalt Grid" in page.context["drawing"].crosshair.words
    assert len(re.findall(r'class="life"', text)) == len(page.context["drawing"].boxes) == 5
    assert [zoom[:2] for zoom in page.context["zooms"]] == [
        (1, 250), (251, 500), (501, 750), (751, 1000),
    ]  # fmt: skip
    assert [b["volume"] for b in part.context["found"].blocks] == [1000, 400, 600, 300]
    assert round(widths(part.context["drawing"], 2)) == 660
    assert f"{path}?" in main(auditor.get("/certificates/SOL/200"))
    assert f"{path}?number=200" in main(auditor.get("/who-held", {"q": f"SOL 200 on {TODAY}"}))


def test_the_toggle_and_the_zoom_keep_the_position_and_what_was_asked(cast, auditor, monkeypatch):
    monkeypatch.setattr(lineage, "CROWD", 2)
    cast.executed(400)
    make.retire(cast.target, 100, commodity=cast.commodity)
    path = f"/batches/{look.value('SELECT id FROM ledger.assets')}/lineage"

    page = auditor.get(path, {"number": "200", "from": "1", "to": "500", "at": "SOL-3"})
    (_, equal, _), (_, true, _) = page.context["rows"]
    timed = auditor.get(true)
    _, field = timed.context["fields"][-1]
    zoomed = auditor.get(field)
    whole = auditor.get(zoomed.context["whole"])

    assert equal == f"{path}?from=1&to=500&number=200&at=SOL-3"
    assert true == f"{path}?from=1&to=500&number=200&rows=time&at=SOL-3"
    assert timed.context["drawing"].in_true_time
    assert timed.context["drawing"].height != page.context["drawing"].height
    assert field == f"{path}?from=442&to=500&t0=SOL-3&t1=SOL-3&rows=time&at=SOL-3"
    assert zoomed.status_code == 200
    assert "All numbers and transactions" in main(zoomed)
    assert whole.context["found"].is_whole
    assert whole.context["standing"].link == "SOL-3"


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("number", "1001", "Type a number from 1 to 1000."),
        ("from", "\uff11", "Type a number from 1 to 1000."),
        ("to", "9" * 40, "Type a number from 1 to 1000."),
        ("on", "06/07/2026", "Type a date such as 31 May 2026"),
        ("t0", "\uff11", "Type a transaction such as SOL-12."),
        ("t1", "SOL-0", "These numbers were minted in SOL-1."),
    ],
)
def test_a_bad_question_is_named_by_its_field_and_kept(cast, auditor, name, typed, words):
    path = f"/batches/{look.value('SELECT id FROM ledger.assets')}/lineage"

    page = auditor.get(path, {"number": "5", name: typed})

    assert page.status_code == 422
    assert words in page.context["mistakes"][name]
    assert f'value="{typed}"'[:60] in page.content.decode()


def test_more_blocks_than_anybody_can_tell_apart_are_zoomed_into(cast, auditor, monkeypatch):
    cast.executed(400)
    monkeypatch.setattr(lines, "MOST", 2)
    path = f"/batches/{look.value('SELECT id FROM ledger.assets')}/lineage"

    whole, part = auditor.get(path), auditor.get(path, {"from": "1", "to": "250"})

    assert "Choose fewer of them" in main(whole)
    assert whole.context["drawing"] is None
    assert part.context["drawing"] is not None


def test_before_its_issue_a_number_was_not_minted(cast):
    client = signed_in(make.person(make.organisation("regulator"), "auditor"))
    path = f"/batches/{look.value('SELECT id FROM ledger.assets')}/lineage"

    page = client.get(path, {"number": "5", "on": "1 Jan 2020"})

    assert "No. 5 was not minted until" in " ".join(main(page).split())
    assert page.context["drawing"].crosshair is None
