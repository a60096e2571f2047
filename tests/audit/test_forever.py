"""What was true at a position is said the same for ever, and is what a replay says."""

import re
from collections import Counter
from datetime import UTC, timedelta

import pytest
from django.urls import URLPattern
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit.urls import urlpatterns
from registry import dates, moments, services
from registry.selectors import conservation, custody, past
from tests import make
from tests.audit import many, played
from tests.audit.conftest import main
from tests.ledger import look
from tests.ledger import past as earlier
from tests.portal.cast import signed_in, somebody

TODAY = f"{dates.today():%Y-%m-%d}"


def test_at_any_instant_the_answers_are_those_of_a_replay(committed_db):
    history = played.play(17, steps=20)
    auditor = make.person(make.organisation("regulator"), "auditor")
    start = history.steps[0].at - timedelta(seconds=1)
    span = (history.steps[-1].at - start) // timedelta(microseconds=1)
    code = history.commodity.code
    commodity = {"id": history.commodity.pk, "code": code}
    retired = {account.code for account in history.terminals.values()}

    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        after=st.integers(0, span),
        number=st.integers(1, len(history.now)),
        account=st.sampled_from(history.accounts),
    )
    def holds(after, number, account):
        as_of = moments.of(start + timedelta(microseconds=after)).query
        then = history.at(start + timedelta(microseconds=after))

        holder = custody.who_held(custody.Certificate(commodity, number), as_of=as_of).holder
        assert (holder and holder["account"]) == then.get(number, (None,))[0]
        held = past.holdings(past.read(auditor, {"as_of": as_of}, account=account))
        assert held.total.held == sum(code == account.code for code, _ in then.values())
        rows = conservation.rows(conservation.read(auditor, {"as_of": as_of}))[0]
        sums = Counter("retired" if where in retired else "held" for where, _ in then.values())
        found = {row["code"]: row for row in rows}.get(code)
        if found:
            shown = (found["minted"], found["held"], found["retired"], found["difference"])
            assert shown == (len(then), sums["held"], sums["retired"], 0)
        else:
            assert not then

    holds()


# By height, so the same for ever.
PAGES = [
    "/accounts/ALD-01/holdings?at=SOL-3",
    "/accounts/COB-01/holdings?at=SOL-2",
    "/holdings?commodity=SOL&at=SOL-3",
    "/holdings?facility=FG&at=SOL-2",
    "/who-held?certificate=SOL+5&at=SOL-3",
    "/certificates/SOL/5?at=SOL-2",
    "/conservation?at=SOL-3",
    "/conservation?by=facility&at=SOL-3",
    "/conservation?by=batch&at=SOL-2",
    "/conservation?by=region&at=SOL-3",
    "/activity?at=SOL-3",
    "/batches/{batch}?at=SOL-3",
    "/batches/{batch}/trace?at=SOL-3",
    "/batches/{batch}/lineage?number=5&at=SOL-2",
    "/batches/{batch}/lineage?number=5&rows=time&t0=2&at=SOL-3",
    "/blocks/{block}?at=SOL-3",
    "/transactions/SOL-3?at=SOL-3",
    "/transactions?at=SOL-3",
    "/transactions?account=ALD-01&at=SOL-2",
    "/accounts?at=SOL-3",
]
SHEETS = [
    "/accounts/ALD-01/holdings.csv?at=SOL-3",
    "/holdings.csv?commodity=SOL&at=SOL-3",
    "/conservation.csv?by=batch&at=SOL-3",
    "/batches/{batch}/trace.csv?at=SOL-3",
    "/activity.csv?at=SOL-3",
    "/transactions.csv?at=SOL-3",
    "/transactions/SOL-2/evidence.zip",
]


def test_a_permanent_link_is_the_same_byte_for_byte_a_thousand_transactions_later(
    cast, auditor, committed_db
):
    item = cast.executed(400)
    make.retire(cast.target, 100, commodity=cast.commodity)
    batch = look.value("SELECT min(id) FROM ledger.assets")
    # Of Alder's rest, which is spent later.
    block = look.value("SELECT item_id FROM ledger.leaves ORDER BY volume DESC LIMIT 1")

    def shown():
        found = {path: main(auditor.get(path.format(batch=batch, block=block))) for path in PAGES}
        return found | {
            path: auditor.get(path.format(batch=batch, block=block)).getvalue() for path in SHEETS
        }

    before = shown()
    make.mint(cast.source, 2000, commodity=cast.commodity)
    many.transfers(committed_db, item, 1000)

    assert look.value("SELECT max(height) FROM ledger.chain") == 1004
    after = shown()
    assert [path for path in before if after[path] != before[path]] == []


def addresses(cast):
    """Fill in every address of the auditor's pages."""
    values = {
        "<str:code>": "ALD-01",
        "<int:batch_id>": look.value("SELECT min(id) FROM ledger.assets"),
        "<int:run_id>": services.reconcile(),
        "<int:block_id>": look.value("SELECT min(id) FROM ledger.transaction_items"),
        "<str:commodity>": "SOL",
        "transactions/<str:number>": "transactions/SOL-1",
        "<str:number>": "5",
    }
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        path = str(pattern.pattern)
        for name, value in values.items():
            path = path.replace(name, str(value))
        assert "<" not in path, path
        yield f"/{path}"


@pytest.mark.parametrize("role", ["operator", "submitter"])
def test_no_page_about_the_past_can_change_anything(cast, role):
    cast.executed(400)
    client = signed_in(somebody(cast, role))
    about_the_past = set()

    for path in addresses(cast):
        for query in ({"as_of": TODAY}, {"at": "SOL-1"}, {"certificate": "SOL 5", "on": TODAY}):
            answer = client.get(path, query)
            assert answer.status_code in (200, 302, 403, 422), (path, query)
            text = "" if answer.streaming else answer.content.decode(errors="replace")
            if "You are looking at the past" not in text:
                continue
            about_the_past.add(path)
            forms = re.findall(r"<form[^>]*>", text)
            changing = [form for form in forms if "post" in form.lower()]
            assert len(changing) == 1, (path, query, changing)
            assert 'action="/sign-out"' in changing[0]
            assert not re.search(r"hx-(post|put|patch|delete)", text), path
            assert not re.search(r'href="/requests/new', text), path
            assert "formaction" not in text
    seen = {path.split("/")[1] for path in about_the_past}
    everything = {
        "accounts", "holdings", "batches", "conservation", "activity", "certificates", "blocks",
        "transactions",
    }  # fmt: skip
    assert seen >= ({"accounts", "holdings"} if role == "submitter" else everything)


def test_every_page_with_a_date_names_what_is_wrong_with_one(cast, auditor):
    dated = 0
    for path in addresses(cast):
        text = auditor.get(path, {"as_of": TODAY})
        if text.streaming or b"You are looking at the past" not in text.content:
            continue
        dated += 1
        for typed, words in (
            ("06/07/2026", "Type a date such as 31 May 2026"),
            ("31 June 2026", "Type a date such as 31 May 2026"),
            ("1 Jan 2999", "in the future"),
            ("25:99", "Type a date such as 31 May 2026"),
        ):
            page = auditor.get(path, {"as_of": typed})
            assert page.status_code == 422, (path, typed)
            assert words in page.content.decode(), (path, typed)
            assert f'value="{typed}"' in page.content.decode(), (path, typed)
    assert dated >= 4


@pytest.mark.parametrize("words", ["yesterday", "Yesterday", "today", "Today 00:00"])
def test_a_day_may_be_typed_as_a_word(cast, auditor, words):
    day = dates.today() - timedelta(days=words.lower() == "yesterday")

    page = auditor.get("/accounts/ALD-01/holdings", {"as_of": words})

    assert page.status_code == 200
    assert dates.write_day(day) in page.content.decode()
    assert auditor.get("/who-held", {"q": f"SOL 5 {words}"}).status_code == 200


def test_a_month_may_come_first_where_it_is_a_word():
    assert moments.parse("May 14, 2026") == moments.parse("14 May 2026")


# -- A date means the end of that day in the registry's zone, also when the clocks change


@pytest.mark.parametrize(
    ("day", "midnight", "offset", "hours"),
    [
        ("29 Mar 2026", "2026-03-29T22:00:00+00:00", "+02:00", 23),
        ("25 Oct 2026", "2026-10-25T23:00:00+00:00", "+01:00", 25),
    ],
)
def test_on_a_day_on_which_the_clocks_change_a_date_means_its_end(
    committed_db, settings, day, midnight, offset, hours
):
    settings.REGISTRY_TIME_ZONE = "Europe/Berlin"
    auditor = signed_in(make.person(make.organisation("regulator"), "auditor"))
    commodity = make.commodity(code="SOL")
    account, other = make.account(code="ONE-01"), make.account(code="TWO-01")
    earlier.allow(committed_db)
    ends = earlier.at(midnight)
    tick = timedelta(microseconds=1)
    first = earlier.at("2026-03-01")
    made = make.mint_request(account, 10, commodity=commodity, occurred_at=first)
    earlier.done(made)
    for at in (ends - tick, ends):
        moved = make.transfer_request(account, other, 1, commodity=commodity, occurred_at=at)
        earlier.done(moved)

    page = auditor.get("/accounts/TWO-01/holdings", {"as_of": day})

    # The last microsecond of the day counts, the first of the next day does not.
    assert page.context["held"].total.held == 1
    assert f"the end of {day} ({offset})" in page.content.decode()
    read = dates.read_day(day)
    length = dates.end_of(read).astimezone(UTC) - dates.start_of(read).astimezone(UTC)
    assert length + tick == timedelta(hours=hours)


# -- The picture


def test_each_row_of_a_picture_is_as_wide_as_what_it_came_from(committed_db):
    history = played.play(5, steps=14)
    auditor = signed_in(make.person(make.organisation("regulator"), "auditor"))

    for height, step in enumerate(history.steps, 1):
        text = auditor.get(f"/transactions/{history.commodity.code}-{height}").content.decode()
        plot = float(re.search(r'viewBox="0 0 ([\d.]+)', text.split('class="picture"')[1])[1])
        rows = {}
        for y, width in re.findall(
            r'<rect x="[\d.]+" y="([\d.]+)" width="([\d.]+)" height="92" rx="4" />', text
        ):
            # Each rectangle leaves a hair on both sides.
            rows[y] = rows.get(y, 0) + float(width) + min(2, float(width))
        sums = list(rows.values())
        assert len(sums) == (1 if step.kind == "mint" else 2), (height, step.kind)
        assert max(sums) - min(sums) < 0.5
        assert max(sums) <= plot + 0.5
        if step.kind == "mint":
            assert abs(sums[0] - plot) < 0.5
