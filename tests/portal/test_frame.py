"""The tabs of the frame: who sees which, and where one is."""

import pytest

from registry import services
from tests.portal.cast import signed_in, somebody

BOTH = ["Overview", "Approvals", "Ledger", "Oversight", "Replay", "Registry"]
OURS = ["Overview", "Holdings", "Requests", "Transactions"]


def labels(tabs):
    return [tab["label"] for tab in tabs]


def frame(person, path):
    return signed_in(person).get(path).context["frame"]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("viewer", [*OURS, "Facilities"]),
        ("submitter", [*OURS, "Facilities"]),
        ("team_admin", [*OURS, "Organisation", "Facilities", "Team"]),
        ("operator", BOTH),
        ("approver", BOTH),
        ("auditor", ["Overview", "Ledger", "Oversight", "Replay", "Registry"]),
    ],
)
def test_each_role_has_its_tabs_and_each_leads_to_a_page(cast, role, expected):
    person = somebody(cast, role)
    tabs = frame(person, "/")["tabs"]

    assert labels(tabs) == expected
    for tab in tabs:
        for each in (tab, *tab["tabs"]):
            answer = signed_in(person).get(each["url"], follow=True)
            assert answer.status_code == 200, each["url"]
            here = [found for found in answer.context["frame"]["tabs"] if found["here"]]
            assert labels(here) == [tab["label"]], each["url"]


@pytest.mark.parametrize(
    ("path", "group", "page"),
    [
        ("/transactions/SOL-1", "Ledger", "Transactions"),
        ("/certificates/SOL/1", "Ledger", "Who held it"),
        ("/conservation?by=region", "Oversight", "Conservation"),
        ("/organisations/ALD", "Registry", "Organisations"),
        ("/commodities/SOL", "Registry", "Commodities"),
    ],
)
def test_a_page_of_a_group_shows_its_neighbours(cast, path, group, page):
    answer = signed_in(somebody(cast, "auditor")).get(path)
    found = answer.context["frame"]["group"]

    assert found["label"] == group
    assert labels([tab for tab in found["tabs"] if tab["here"]]) == [page]
    assert f'aria-label="{group}"' in answer.content.decode()


def test_a_page_outside_of_the_groups_shows_none(cast):
    assert frame(cast.approver, "/")["group"] is None
    assert frame(cast.marsh, "/transactions")["group"] is None


def test_the_desk_says_whether_the_ledger_is_sound(cast):
    client = signed_in(cast.approver)
    assert "A reconciliation was missed" in client.get("/").content.decode()

    services.reconcile()

    page = client.get("/").content.decode()
    assert "Sound" in page
    assert "A reconciliation was missed" not in page
