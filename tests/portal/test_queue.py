"""The approvers' queue: what waits, whether it changed, and what is new since it was opened."""

import re
from datetime import datetime, timedelta

import pytest

from registry import dates, services
from registry.selectors import queue
from tests import make
from tests.portal.cast import signed_in

HTMX = {"HX-Request": "true"}


def page(person, query=""):
    return signed_in(person).get(f"/approvals{query}")


def look(person, item):
    """Open the page of the decision, as a browser does."""
    return signed_in(person).get(f"/approvals/{item.number}")


def numbers(answer):
    return [row["item"].number for row in answer.context["rows"]]


def boxes(answer):
    return [int(each) for each in re.findall(r'name="number" value="(\d+)"', text(answer))]


def text(answer):
    return answer.content.decode()


def an_issue(cast):
    """Ask for something of another kind, without a look at a preview."""
    return make.mint_request(cast.source, 5, facility=cast.facility, production_start="2026-03-01",
                             production_end="2026-03-31", commodity=cast.commodity)  # fmt: skip


def test_the_queue_comes_in_pages_and_each_request_is_on_one(cast, monkeypatch):
    monkeypatch.setattr(queue, "PAGE", 2)
    items = [cast.submitted(volume) for volume in (1, 2, 3, 4, 5)]

    first = page(cast.approver)
    second = page(cast.approver, f"?after={first.context['next']}")
    third = page(cast.approver, f"?after={second.context['next']}")

    found = [numbers(each) for each in (first, second, third)]
    assert found == [[items[0].number, items[1].number], [items[2].number, items[3].number],
                     [items[4].number]]  # fmt: skip
    assert third.context["next"] is None
    assert "5 waiting" in text(first)


def test_the_next_page_is_the_same_after_the_last_one_shown_was_decided(cast, monkeypatch):
    monkeypatch.setattr(queue, "PAGE", 2)
    items = [cast.submitted(volume) for volume in (1, 2, 3)]
    services.reject_request(request_id=items[1].id, approver=cast.approver, reason="No")

    assert numbers(page(cast.approver, f"?after={items[1].number}")) == [items[2].number]


@pytest.mark.parametrize("after", ["", "x", "-1", "\N{FULLWIDTH DIGIT ONE}", "9" * 30, "0", "1%00"])
def test_a_page_that_makes_no_sense_is_the_first(cast, after):
    item = cast.submitted()

    assert numbers(page(cast.approver, f"?after={after}")) == [item.number]


def test_one_kind_can_be_chosen(cast):
    transfer, issue = cast.submitted(), an_issue(cast)

    assert numbers(page(cast.approver, "?kind=transfer")) == [transfer.number]
    assert numbers(page(cast.approver, "?kind=mint")) == [issue.number]
    assert numbers(page(cast.approver, "?kind=nonsense")) == [transfer.number, issue.number]
    assert "No requests match" in text(page(cast.approver, "?kind=retire"))


def test_a_request_whose_blocks_changed_has_a_flag(cast):
    changed, same = cast.submitted(400), an_issue(cast)
    assert "since the submitter checked them" not in text(page(cast.approver))
    cast.executed(100)

    flags = {row["item"].number: row["flag"] for row in page(cast.approver).context["rows"]}

    assert flags == {changed.number: "changed", same.number: "none"}
    assert "since the submitter checked them" in text(page(cast.approver))


def test_a_request_that_the_ledger_would_refuse_has_a_flag(cast):
    item = cast.submitted(900)
    make.transfer(cast.source, cast.target, 800, commodity=cast.commodity)

    (row,) = page(cast.approver).context["rows"]

    assert (row["item"].number, row["flag"]) == (item.number, "refused")


def test_what_was_heavy_is_left_to_its_own_page(cast, monkeypatch):
    monkeypatch.setattr("portal.views.approvals.HEAVY_BLOCKS", 0)
    cast.submitted()

    (row,) = page(cast.approver).context["rows"]

    assert row["flag"] == "heavy"


def test_a_list_of_requests_asks_the_ledger_once_for_each_of_the_page(cast, monkeypatch):
    monkeypatch.setattr(queue, "PAGE", 2)
    asked = []
    real = services.previews.calls.preview
    monkeypatch.setattr(
        services.previews.calls,
        "preview",
        lambda **which: asked.append(which) or real(**which),
    )
    for volume in (1, 2, 3, 4):
        cast.submitted(volume)
    asked.clear()

    page(cast.approver)

    assert len(asked) == 2


def test_a_box_is_offered_for_what_this_approver_opened(cast):
    opened, unopened = cast.submitted(1), cast.submitted(2)
    other = make.person(make.registry(), "approver")
    assert boxes(page(cast.approver)) == []

    look(cast.approver, opened)
    look(other, unopened)

    assert boxes(page(cast.approver)) == [opened.number]
    assert boxes(page(other)) == [unopened.number]


def test_a_box_goes_when_the_blocks_change(cast):
    item = cast.submitted(400)
    look(cast.approver, item)
    cast.executed(100)

    assert boxes(page(cast.approver)) == []
    assert "changed since" in text(page(cast.approver))

    look(cast.approver, item)
    assert boxes(page(cast.approver)) == [item.number]


def test_ones_own_request_has_no_box_and_says_why(cast):
    item = services.draft_request(
        kind="mint", submitter=cast.approver, commodity=cast.commodity, target=cast.source,
        facility=cast.facility, volume=5, production_start="2026-02-01",
        production_end="2026-02-28",
    )  # fmt: skip
    services.submit_request(request_id=item.id, submitter=cast.approver)
    look(cast.approver, item)

    answer = page(cast.approver)

    assert boxes(answer) == []
    assert "You submitted it, so somebody else decides." in text(answer)
    assert "SELF_APPROVAL" in text(answer)


def test_an_operator_looks_at_the_queue_and_gets_no_box(cast):
    cast.submitted()

    answer = page(make.person(make.registry(), "operator"))

    assert boxes(answer) == []
    assert "Decide together" not in text(answer)


def poll(person, shown, query=""):
    since = shown.context["newest"]
    return signed_in(person).get(f"/approvals?since={since}{query}", headers=HTMX)


def test_new_requests_are_announced_and_not_inserted(cast):
    cast.submitted(1)
    shown = page(cast.approver)
    assert poll(cast.approver, shown).status_code == 204
    cast.submitted(2)
    cast.submitted(3)

    news = poll(cast.approver, shown)

    assert "2 new requests waiting" in text(news)
    assert "<tr" not in text(news)
    assert "every 30s" in text(news)


def test_what_was_announced_is_not_announced_again(cast):
    shown = page(cast.approver)
    cast.submitted(1)

    assert "1 new request waiting" in text(poll(cast.approver, shown))
    assert poll(cast.approver, shown, "&told=1").status_code == 204


def test_a_chosen_kind_hears_of_its_own_kind_only(cast):
    shown = page(cast.approver, "?kind=retire")
    cast.submitted(1)

    assert poll(cast.approver, shown, "&kind=retire").status_code == 204
    assert poll(cast.approver, shown, "&kind=transfer").status_code == 200


@pytest.mark.parametrize("since", ["x", "", "9" * 18, "9" * 40])
def test_a_poll_that_makes_no_sense_is_no_failure(cast, since):
    cast.submitted()

    answer = signed_in(cast.approver).get(f"/approvals?since={since}", headers=HTMX)

    assert answer.status_code in (200, 204)


def test_what_waits_for_longer_than_the_registry_says_is_overdue(cast, monkeypatch):
    cast.submitted()
    assert "Overdue" not in text(page(cast.approver))

    later = dates.today() + timedelta(days=7)
    monkeypatch.setattr(dates, "today", lambda: later)

    assert "Overdue" in text(page(cast.approver))


@pytest.mark.parametrize(
    ("submitted", "due"),
    [("2026-06-01", "2026-06-03"), ("2026-06-04", "2026-06-08"), ("2026-06-06", "2026-06-09")],
)
def test_the_registry_decides_within_two_working_days(submitted, due):
    moment = datetime.fromisoformat(f"{submitted}T12:00:00+00:00")

    assert str(dates.decide_by(moment)) == due
