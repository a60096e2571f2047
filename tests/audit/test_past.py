"""Holdings as of any instant, of any scope, and the links that stay."""

import csv
import io
import random
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from registry import dates, moments
from registry.selectors import past
from tests import make
from tests.audit import played
from tests.audit.conftest import main
from tests.portal.cast import signed_in

PAGE = "/accounts/ALD-01/holdings"
TODAY = f"{dates.today():%Y-%m-%d}"


def download(client, path, **query):
    answer = client.get(path, query)
    return answer, list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def numbers_of(blocks):
    return sorted(
        number for block in blocks for number in range(int(block["first"]), int(block["last"]) + 1)
    )


def everything(auditor, typed, account=None):
    question = past.read(auditor, typed, account=account)
    assert question.mistakes == {}
    return question, numbers_of(past.every_block(question))


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_holdings_of_every_scope_at_any_instant_are_what_a_replay_says(committed_db, seed):
    history, dice = played.play(seed), random.Random(seed)
    auditor = make.person(make.organisation("regulator"), "auditor")
    trading = {account.code for account in history.accounts}
    one = history.accounts[0]

    for moment in history.moments(dice, 8):
        then = history.at(moment)
        as_of = {"as_of": moments.of(moment).query}
        for account in (*history.accounts, *history.terminals.values()):
            expected = sorted(n for n, (code, _) in then.items() if code == account.code)
            question, found = everything(auditor, as_of, account)
            assert found == expected
            assert past.holdings(question).total.held == len(expected)
        for typed, fits in (
            ({"organisation": one.organisation.code}, lambda n, a, r: a == one.code),
            ({"commodity": history.commodity.code}, lambda n, a, r: a in trading),
            (
                {"facility": history.minted[1]},
                lambda n, a, r: a in trading and history.minted[n] == history.minted[1],
            ),
            (
                {"region": history.regions[1].code},
                lambda n, a, r: a in trading and r == history.regions[1].code,
            ),
            (
                {"account": one.code, "region": history.regions[0].code},
                lambda n, a, r: a == one.code and r == history.regions[0].code,
            ),
        ):
            expected = sorted(n for n, (a, r) in then.items() if fits(n, a, r))
            question, found = everything(auditor, {**as_of, **typed})
            assert found == expected, typed
            total = past.holdings(question).total
            assert total is None or total.held == len(expected)


@pytest.mark.parametrize("scope", [{}, {"account": True}])
def test_pages_of_blocks_follow_each_other_without_a_gap(committed_db, monkeypatch, scope):
    monkeypatch.setattr(past, "PAGE", 3)
    history = played.play(21, steps=40)
    auditor = make.person(make.organisation("regulator"), "auditor")
    typed = {"account": history.accounts[0].code} if scope else {}

    question = past.read(auditor, typed)
    found, after = [], ""
    while True:
        page = past.holdings(question, after=after)
        found += page.blocks
        after = page.after
        if not after:
            break

    whole = list(past.every_block(question))
    assert [block["block_id"] for block in found] == [block["block_id"] for block in whole]
    assert len(whole) > 6


def test_a_permanent_link_is_the_same_after_more_transactions(cast, auditor):
    cast.executed(400)
    link = auditor.get(PAGE, {"as_of": TODAY}).context["permanent"]
    paths = [link, "/holdings?organisation=ALD&at=SOL-2", "/holdings?at=SOL-2&facility=FG"]
    sheet = "/accounts/ALD-01/holdings.csv"
    before = [main(auditor.get(path)) for path in paths]
    rows = download(auditor, sheet, at="SOL-2")[1]

    for _ in range(3):
        make.transfer(cast.source, cast.target, 50, commodity=cast.commodity)
        make.transfer(cast.target, cast.source, 30, commodity=cast.commodity)
    make.mint(cast.source, 70, commodity=make.commodity(code="WND", name="Wind"))

    assert link == f"{PAGE}?at=SOL-2"
    assert [main(auditor.get(path)) for path in paths] == before
    assert download(auditor, sheet, at="SOL-2")[1] == rows
    assert "Ledger position" in before[0]
    assert "Since then" not in before[0]


def test_a_link_names_the_height_of_every_commodity_that_is_held(cast, auditor):
    make.mint(cast.source, 70, commodity=make.commodity(code="WND", name="Wind"))
    make.mint(cast.target, 5, commodity=make.commodity(code="BIO", name="Bio"))

    page = auditor.get(PAGE, {"as_of": TODAY})
    again = auditor.get(page.context["permanent"])

    assert page.context["permanent"] == f"{PAGE}?at=SOL-1.WND-1"
    assert again.context["held"].total.held == 1070


def test_a_link_names_every_commodity_however_many_there_are(cast, auditor):
    for number in range(10):
        commodity = make.commodity(code=f"GO-SOLAR-{number:05}")
        make.mint(cast.source, 5, commodity=commodity, facility=cast.facility)
    link = auditor.get(f"/accounts/ALD-01/holdings?as_of={dates.today():%Y-%m-%d}").context[
        "permanent"
    ]

    again = auditor.get(link)

    assert len(link) > 200
    assert len(again.context["held"].blocks) == 11
    assert again.context["permanent"] == link


@pytest.mark.parametrize(
    "path",
    [
        "/batches/1/lineage",
        "/batches/1/trace",
        "/certificates/SOL/5",
        "/who-held?certificate=SOL+5",
        "/accounts/ALD-01/holdings",
        "/transactions/SOL-2",
    ],
)
def test_the_links_of_a_page_of_the_past_lead_to_the_same_moment(cast, auditor, path):
    cast.executed(400)
    cast.executed(100)

    shown = main(auditor.get(f"{path}{'&' if '?' in path else '?'}at=SOL-2"))

    links = re.findall(r'href="(/(?:blocks|certificates)/[^"]+)"', shown)
    assert links
    assert [link for link in links if not link.endswith("?at=SOL-2")] == []


def test_since_then_says_what_became_of_each_block(cast, auditor):
    cast.executed(400)
    make.retire(cast.source, 100, commodity=cast.commodity)

    day = auditor.get(PAGE, {"as_of": TODAY})
    at = auditor.get("/transactions/SOL-1").context["transaction"]["occurred_at"]
    first = auditor.get(PAGE, {"as_of": moments.of(at).query})

    assert "Still held" in main(day)
    assert "Partly transferred" in main(first)
    assert first.context["held"].total.held == 1000


def test_previous_and_next_change_lead_through_the_history(cast, auditor):
    for _ in range(2):
        make.transfer(cast.source, cast.target, 10, commodity=cast.commodity)
    times = [
        auditor.get(f"/transactions/SOL-{n}").context["transaction"]["occurred_at"]
        for n in (1, 2, 3)
    ]

    between = auditor.get(PAGE, {"as_of": moments.of(times[1] + timedelta(microseconds=1)).query})
    held = between.context["held"]

    assert (held.previous, held.next) == (times[1], times[2])
    later = auditor.get(PAGE, {"as_of": dict(between.context["links"])["Next change"]})
    assert later.context["held"].total.held == 980


def test_the_picture_goes_through_the_balances_of_a_replay(committed_db):
    history = played.play(31)
    auditor = make.person(make.organisation("regulator"), "auditor")
    account = history.accounts[0]

    held = past.holdings(past.read(auditor, {}, account=account))

    last = Counter(code for code, _ in history.now.values())[account.code]
    assert held.days[-1]["balance"] == last
    assert held.days[-1]["day"] == dates.today()


def test_a_statement_is_stamped_with_height_and_hash(cast, auditor):
    page = auditor.get(PAGE, {"as_of": TODAY})
    answer, rows = download(auditor, "/accounts/ALD-01/holdings.csv", as_of=TODAY)
    found = auditor.get("/transactions/SOL-1").context["transaction"]["hash"]

    assert f"SOL-1 {found}" in main(page)
    assert [(row["first"], row["last"], row["volume"]) for row in rows] == [("1", "1000", "1000")]
    assert (rows[0]["position"], rows[0]["position_hash"]) == ("SOL-1", found)
    name = f'filename="holdings-ALD-01-{TODAY}-SOL-1.csv"'
    assert name in answer.headers["Content-Disposition"]


def test_the_past_has_no_form_that_changes_anything(cast, auditor):
    for path in (PAGE, "/holdings"):
        for query in ({"as_of": TODAY}, {"at": "SOL-1"}):
            text = auditor.get(path, query).content.decode()
            assert "You are looking at the past" in text
            assert text.count('method="post"') == text.count('action="/sign-out"') == 1


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("as_of", "06/07/2026"),
        ("as_of", "31 May 2026 25:00"),
        ("as_of", "1 Jan 2999 10:00"),
        ("organisation", "Nobody"),
        ("account", "NO-01"),
        ("facility", "\x00"),
        ("region", "X"),
        ("commodity", "COAL"),
    ],
)
def test_a_bad_question_is_named_by_its_field_and_kept(cast, auditor, name, typed):
    page = auditor.get("/holdings", {name: typed})

    assert page.status_code == 422
    assert list(page.context["mistakes"]) == [name]
    assert 'aria-invalid="true"' in page.content.decode()
    assert auditor.get("/holdings.csv", {name: typed}).status_code == 422


@pytest.mark.parametrize("at", ["SOL-2", "X-1", "SOL-1.SOL-1", "SOL-1,WND-1", "\x00-1"])
def test_a_position_that_never_was_is_not_found(cast, auditor, at):
    assert auditor.get(PAGE, {"at": at}).status_code == 404
    assert auditor.get("/holdings", {"at": at}).status_code == 404


@pytest.mark.parametrize("after", ["x", "1-x", "SOL-\uff11", "9" * 30 + "-1", "-"])
def test_nonsense_as_a_place_breaks_nothing(cast, auditor, after):
    assert auditor.get("/holdings", {"after": after}).status_code == 200
    assert auditor.get(PAGE, {"as_of": TODAY, "after": after}).status_code == 200


def test_an_organisation_gets_its_own_whatever_it_types(cast):
    cast.executed(400)
    client = signed_in(cast.cole)

    page = client.get("/holdings", {"organisation": "ALD"})

    assert page.context["held"].total.held == 400
    assert {block["account"] for block in page.context["held"].blocks} == {"COB-01"}
    assert client.get("/holdings", {"account": "ALD-01"}).status_code == 422
    assert client.get(PAGE, {"as_of": TODAY}).status_code == 404
    assert client.get("/accounts/ALD-01/holdings.csv").status_code == 404
    assert numbers_of(download(client, "/holdings.csv", organisation="ALD")[1])[-1] == 400


def test_before_everything_nothing_was_held(cast, auditor):
    page = auditor.get("/holdings", {"as_of": "2020-01-01"})

    assert page.context["held"].blocks == []
    assert page.context["permanent"] == ""


# -- What people type


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("31 May 2026 14:30", datetime(2026, 5, 31, 14, 30, tzinfo=UTC)),
        ("31 May 2026, 14:30 UTC", datetime(2026, 5, 31, 14, 30, tzinfo=UTC)),
        ("31 May 2026 at 14:30:05", datetime(2026, 5, 31, 14, 30, 5, tzinfo=UTC)),
        ("2026-05-31T14:30:05.25Z", datetime(2026, 5, 31, 14, 30, 5, 250000, tzinfo=UTC)),
        ("2026-05-31 14:30+02:00", datetime(2026, 5, 31, 12, 30, tzinfo=UTC)),
        ("2026-05-31", datetime(2026, 5, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_an_instant_is_typed_in_words_or_as_iso(typed, meant):
    assert moments.parse(typed).at == meant


@pytest.mark.parametrize("typed", ["2026-05-31", "31 May 2026 14:30", "2026-05-31T14:30:05.25Z"])
def test_an_instant_in_an_address_or_a_field_reads_back_as_itself(typed):
    moment = moments.parse(typed)

    assert moments.parse(moment.query) == moment
    assert moments.parse(moment.field).at == moment.at


@pytest.mark.parametrize(
    "typed", ["14:30", "31 May 2026 24:00", "31 May 2026 14:60", "\uff12026-05-31 10:00", "x 10:00"]
)
def test_what_is_no_instant_gets_an_example(typed):
    with pytest.raises(dates.DateError, match="31 May 2026 14:30"):
        moments.parse(typed)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"])
def test_a_day_ends_where_the_next_one_starts_also_when_clocks_change(settings, zone):
    settings.REGISTRY_TIME_ZONE = zone
    for start in (date(2026, 3, 1), date(2026, 10, 1), date(2025, 11, 1)):
        for day in (start + timedelta(days=n) for n in range(31)):
            end = moments.Moment(dates.end_of(day), day).at
            assert end + timedelta(microseconds=1) == dates.start_of(day + timedelta(days=1))
            assert end.astimezone(moments.zone()).date() == day


def test_a_distance_that_no_place_has_is_an_instant_all_the_same(cast, auditor):
    meant = moments.parse("31 May 2026 10:00 +23:59")

    answer = auditor.get("/holdings", {"as_of": "31 May 2026 10:00 +23:59"})

    assert meant.at.isoformat() == "2026-05-30T10:01:00+00:00"
    assert answer.status_code == 200


def test_a_time_that_the_clocks_skipped_or_had_twice_is_named(settings):
    settings.REGISTRY_TIME_ZONE = "Europe/Berlin"

    with pytest.raises(dates.DateError, match="no 02:30 on 29 Mar 2026: the clocks went forward"):
        moments.parse("29 Mar 2026 02:30")
    with pytest.raises(dates.DateError, match=r"twice: the clocks went back. Add \+02:00 or \+01"):
        moments.parse("25 Oct 2026 02:30")
    assert moments.parse("25 Oct 2026 02:30 +01:00").at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_a_page_says_in_which_time_zone_a_day_ends(cast, auditor, settings):
    settings.REGISTRY_TIME_ZONE = "Europe/Berlin"

    page = auditor.get(PAGE, {"as_of": "15 Jan 2026"})

    assert "the end of 15 Jan 2026 (+01:00)" in page.content.decode()
