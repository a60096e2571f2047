"""The regulator's overview: a year by month, technology and region."""

import csv
import io
from collections import Counter

import pytest

from audit import shares
from registry import dates
from tests import make
from tests.audit import played
from tests.audit.conftest import main
from tests.portal.cast import signed_in

PAGE = "/activity"


def sums(page, name):
    groups = {group["name"]: group["rows"] for group in page.context["groups"]}
    return {
        row["name"]: (row["issued"], row["transferred"], row["retired"], row["expired"])
        for row in groups[name]
    }


def test_a_year_is_summed_by_month_technology_and_region(cast, auditor):
    cast.facility.technology = "Solar PV"
    cast.facility.save(update_fields=["technology"])
    wind = make.facility(cast.alder, technology="Wind", region=make.region(code="S", name="South"))
    make.mint(cast.source, 70, commodity=cast.commodity, facility=wind)
    cast.executed(400)
    make.retire(cast.target, 100, commodity=cast.commodity)

    page = auditor.get(PAGE)

    assert sums(page, "technology") == {"Solar PV": (1000, 400, 100, 0), "Wind": (70, 0, 0, 0)}
    assert sums(page, "region") == {"North region": (1000, 400, 100, 0), "South": (70, 0, 0, 0)}
    months = page.context["months"]
    assert len(months) == 12
    assert months[-1]["month"] == dates.today().replace(day=1)
    assert (months[-1]["issued"], months[-1]["transferred"], months[-1]["retired"]) == (
        1070, 400, 100,
    )  # fmt: skip
    assert page.context["total"]["expired"] == 0


def test_the_sums_are_those_of_a_replay(committed_db):
    history = played.play(8)
    auditor = signed_in(make.person(make.organisation("regulator"), "auditor"))
    expected = Counter()
    before = {}
    for step in history.steps:
        for number, (account, region) in step.held.items():
            if before.get(number, ("", ""))[0] != account:
                expected[step.kind, region] += 1
        before = step.held

    answer = auditor.get("/activity.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    found = Counter()
    acts = {"issued": "mint", "transferred": "transfer", "retired": "retire"}
    for row in rows:
        found[acts[row["act"]], row["region_code"]] += int(row["volume"])
    assert found == expected


def test_a_permanent_link_says_the_same_later_and_names_its_position(cast, auditor):
    link = auditor.get(PAGE).context["permanent"]
    before = main(auditor.get(link))

    cast.executed(400)
    make.mint(cast.source, 70, commodity=make.commodity(code="WND", name="Wind"))

    assert link == f"{PAGE}?at=SOL-1"
    assert main(auditor.get(link)) == before
    assert sums(auditor.get(link), "region") == {"North region": (1000, 0, 0, 0)}


def test_a_month_that_is_over_is_counted_once_until_a_name_changes(cast, auditor, monkeypatch):
    from registry.selectors import activity as selector

    asked = []
    counted = selector.activity.counted
    monkeypatch.setattr(
        selector.activity, "counted", lambda *args: asked.append(args) or counted(*args)
    )

    auditor.get(PAGE)
    first = len(asked)
    auditor.get(PAGE)
    assert (first, len(asked)) == (12, 13)
    cast.facility.technology = "Solar PV"
    cast.facility.save(update_fields=["technology"])
    auditor.get(PAGE)
    assert len(asked) == 25


def test_of_one_commodity_and_of_an_earlier_year(cast, auditor):
    make.mint(cast.source, 70, commodity=make.commodity(code="WND", name="Wind"))

    assert sums(auditor.get(PAGE, {"commodity": "WND"}), "region") == {
        "North region": (70, 0, 0, 0)
    }
    page = auditor.get(PAGE, {"as_of": "31 Dec 2025"})
    assert (sums(page, "region"), page.context["permanent"]) == ({}, "")
    assert "No ledger activity in this year." in main(page)


@pytest.mark.parametrize(("name", "typed"), [("as_of", "06/07/2026"), ("commodity", "COAL")])
def test_a_bad_question_is_named_by_its_field(cast, auditor, name, typed):
    page = auditor.get(PAGE, {name: typed})

    assert page.status_code == 422
    assert list(page.context["mistakes"]) == [name]
    assert auditor.get("/activity.csv", {name: typed}).status_code == 422


def test_each_bar_is_as_long_as_its_share_of_the_largest_and_never_invisible():
    bars = shares.lines({"issued": 1000, "retired": 500, "expired": 0, "transferred": 1}, 1000)

    assert bars == [("issued", 0.0, 400), ("retired", 7.0, 200), ("transferred", 21.0, 2)]
