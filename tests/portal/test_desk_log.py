"""The log of changes on its page, as a file, and where the registry's desk begins."""

import csv
import io

import pytest
from django.test import Client

from ledgerdb import calls
from registry import dates
from registry.models import Organisation, User
from registry.selectors import log
from tests import make
from tests.portal.cast import signed_in, somebody
from tests.portal.test_desk_organisations import turned


@pytest.fixture
def desk(cast):
    """An operator's browser."""
    return signed_in(make.operator())


def found(client, query=""):
    """Return what the log shows: act and record of each entry."""
    return [
        (each.act, each.kind, each.what) for each in client.get(f"/log?{query}").context["entries"]
    ]


def rows(client, query=""):
    """Return the file's rows."""
    answer = client.get(f"/log.csv?{query}")
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_the_log_says_who_did_what_in_words(cast, desk):
    turned(desk, "/organisations/ALD/edit", name="Alder Power")

    text = desk.get("/log").content.decode()

    assert found(desk)[0] == ("changed", "organisation", "ALD Alder Power")
    for part in ("Alder Wind", "Alder Power", "As decided.", make.operator().name):
        assert part in text
    assert 'href="/organisations/ALD"' in text


def test_what_names_nobody_is_said_to(cast, desk):
    assert "No person named" in desk.get("/log").content.decode()
    assert found(desk, "actor=nobody")
    Organisation.objects.filter(code="COB").update(name="Past the portal")
    assert found(desk, "actor=nobody")[0] == ("changed", "organisation", "COB Past the portal")


def test_the_log_is_filtered_by_record_person_kind_and_day(cast, desk):
    turned(desk, "/organisations/ALD/suspend")
    turned(desk, "/facilities/FG/suspend")
    operator = make.operator()
    today = dates.write_day(dates.today())

    assert {kind for _, kind, _ in found(desk, "record=facility")} == {"facility"}
    acts = found(desk, f"actor={operator.id}")
    assert [what for _, _, what in acts] == [
        "FG Fieldgate Solar",
        "ALD Alder Wind",
        "ALD-01 Trading",
    ]
    # Of an organisation: it, and what belongs to it.
    assert {"ALD Alder Wind", "ALD-01 Trading", "FG Fieldgate Solar"} <= {
        what for _, _, what in found(desk, "code=ald")
    }
    assert not any("Cobalt" in what for _, _, what in found(desk, "code=ALD"))
    assert found(desk, f"since={today}&until={today}")
    assert found(desk, "until=2020") == []
    assert "No changes match" in desk.get("/log?until=2020").content.decode()


def test_a_person_is_found_by_their_address(cast, desk):
    User.objects.filter(id=cast.marsh.id).update(role="viewer")

    assert found(desk, "code=MARSH@alder.example")[0][:2] == ("changed", "person")


@pytest.mark.parametrize("typed", ["since=06/07/2026", "until=never", "since=%00x", "until=9999"])
def test_a_day_that_is_none_is_named_and_kept(cast, desk, typed):
    page = desk.get(f"/log?{typed}")

    assert page.status_code == 422
    assert "Type a date such as 31 May 2026" in page.content.decode()
    assert page.context["entries"] == []
    assert desk.get(f"/log.csv?{typed}").status_code == 422


@pytest.mark.parametrize(
    "odd",
    ["code=%00", "record=x", "actor=x", "before=x", "before=" + "9" * 30, "code=" + "x" * 999],
)
def test_odd_filters_are_no_fault(cast, desk, odd):
    assert desk.get(f"/log?{odd}").status_code == 200
    assert desk.get(f"/log.csv?{odd}").status_code == 200


def test_a_long_log_goes_on_where_it_ended(cast, desk):
    for number in range(70):
        Organisation.objects.filter(code="COB").update(address=f"Street {number}")

    first = desk.get("/log?code=COB&record=organisation")
    second = desk.get(f"/log?{first.context['older']}")

    ids = [each.row["id"] for page in (first, second) for each in page.context["entries"]]
    assert len(ids) == 71
    assert ids == sorted(ids, reverse=True)
    assert second.context["older"] == ""


def test_the_file_holds_everything_that_was_chosen_and_no_formula(cast, desk, monkeypatch):
    monkeypatch.setattr(log, "SHEET", 3)
    with calls.acting(actor_id=make.operator().id, reason="=HYPERLINK(1)"):
        Organisation.objects.filter(code="COB").update(name="@SUM(A1)", address="-1", vat_no="+2")

    sheet = rows(desk, "code=COB&record=organisation")

    changed = [row for row in sheet if row["act"] == "changed"]
    assert {(row["field"], row["after"]) for row in changed} == {
        ("Name", "'@SUM(A1)"),
        ("Address", "'-1"),
        ("VAT number", "'+2"),
    }
    assert {row["reason"] for row in changed} == {"'=HYPERLINK(1)"}
    assert {row["person"] for row in changed} == {make.operator().email}
    everything = rows(desk)
    assert len({row["entry"] for row in everything}) == log.changes.version(
        "organisation", str(cast.cobalt.id)
    )


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("viewer", 403),
        ("submitter", 403),
        ("team_admin", 403),
        ("operator", 200),
        ("approver", 200),
        ("auditor", 200),
    ],
)
def test_who_reads_the_log(cast, role, status):
    client = signed_in(somebody(cast, role))

    for path in ("/log", "/log.csv", "/registry"):
        assert client.get(path).status_code == status


def test_nobody_reads_the_log_without_signing_in(cast):
    for path in ("/log", "/log.csv"):
        assert Client().get(path).headers["Location"].startswith("/sign-in")


def test_what_people_wrote_is_text_and_never_a_page(cast, desk):
    turned(desk, "/organisations/ALD/edit", name="<script>alert(1)</script>", reason="<b>x</b>")

    for path in ("/log", "/organisations/ALD", "/registry?q=script", "/organisations"):
        text = desk.get(path).content.decode()
        assert "<script>alert" not in text
        assert "<b>x</b>" not in text


# ---- where it begins


def test_the_desk_finds_records_of_any_kind(cast, desk):
    page = desk.get("/registry?q=ald")

    groups = {kind: [each.code for each in items] for kind, items in page.context["groups"]}
    assert groups == {"organisation": ["ALD"], "account": ["ALD-01"]}
    assert "Nothing has this" in desk.get("/registry?q=nothing").content.decode()
    for odd in ("%00", "%25", "x" * 3000):
        assert desk.get(f"/registry?q={odd}").status_code == 200


def test_the_desk_is_one_press_away_for_those_who_may(cast, desk):
    for role in ("operator", "approver", "auditor"):
        assert 'href="/registry"' in signed_in(somebody(cast, role)).get("/").content.decode()
    assert 'href="/registry"' not in signed_in(cast.marsh).get("/").content.decode()


def test_an_approver_looks_and_is_offered_nothing_to_change(cast):
    client = signed_in(cast.approver)

    for path in (
        "/registry",
        "/organisations/ALD",
        "/facilities/FG",
        "/commodities/SOL",
        "/accounts/ALD-01",
    ):
        text = client.get(path).content.decode()
        for act in ("/new", "/edit", "/suspend", "/close", "/audit", "/policy"):
            assert f'{act}"' not in text, (path, act)
