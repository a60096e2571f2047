"""The lists of requests, drafts of the registry, and the page that follows an execution."""

import pytest

from registry import services
from registry.models import Request
from registry.selectors import requests
from registry.services import decisions
from tests import make
from tests.portal.cast import signed_in

FRAGMENT = {"HX-Request": "true", "HX-Target": "timeline-steps"}


def numbers(person, query=""):
    found = signed_in(person).get(f"/requests{query}").context["requests"]
    return [item.number for item in found]


def text(answer):
    return answer.content.decode()


def failed(cast):
    item = cast.draft(5000)
    services.submit_request(request_id=item.id, submitter=cast.marsh)
    return services.approve_request(request_id=item.id, approver=cast.approver)


def test_each_request_is_on_the_tab_of_its_state(cast):
    draft, waiting, done = cast.draft(1), cast.submitted(2), cast.executed(3)
    refused = failed(cast)
    issue = Request.objects.get(kind="mint")

    assert numbers(cast.marsh) == [waiting.number, draft.number]
    assert numbers(cast.marsh, "?show=needs") == [refused.number, draft.number]
    assert numbers(cast.marsh, "?show=done") == [refused.number, done.number, issue.number]
    assert numbers(cast.marsh, "?show=nonsense") == [waiting.number, draft.number]


def test_an_approver_needs_to_decide_what_others_submitted(cast):
    waiting = cast.submitted()
    own = services.draft_request(
        kind="mint", submitter=cast.approver, commodity=cast.commodity, target=cast.source,
        facility=cast.facility, volume=5, production_start="2026-02-01",
        production_end="2026-02-28",
    )  # fmt: skip
    services.submit_request(request_id=own.id, submitter=cast.approver)
    twin = make.approver(person_id=cast.approver.person_id)

    assert numbers(cast.approver, "?show=needs") == [waiting.number]
    assert numbers(twin, "?show=needs") == [waiting.number]


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_who_only_looks_is_needed_by_nothing(cast, role):
    cast.draft()
    home = cast.alder if role == "viewer" else make.organisation("regulator")

    answer = signed_in(make.person(home, role)).get("/requests?show=needs")

    assert "Nothing needs you now." in text(answer)


def test_lists_are_narrowed_by_kind_and_state(cast):
    draft, waiting = cast.draft(1), cast.submitted(2)

    assert numbers(cast.marsh, "?status=draft") == [draft.number]
    assert numbers(cast.marsh, "?kind=transfer&status=submitted") == [waiting.number]
    assert numbers(cast.marsh, "?kind=x&status=executed") == [waiting.number, draft.number]
    empty = text(signed_in(cast.marsh).get("/requests?kind=retire"))
    assert "No requests match" in empty
    assert "Clear filters" in empty


def test_filters_stay_on_the_next_page(cast, monkeypatch):
    monkeypatch.setattr(requests, "PAGE", 1)
    first, second = cast.draft(1), cast.draft(2)
    cast.submitted(3)

    page = signed_in(cast.marsh).get("/requests?status=draft")

    assert [item.number for item in page.context["requests"]] == [second.number]
    assert numbers(cast.marsh, f"?{page.context['next']}") == [first.number]


@pytest.mark.parametrize("before", ["x", "-1", "\N{FULLWIDTH DIGIT ONE}", "9" * 40, "%00"])
def test_a_page_that_makes_no_sense_is_the_first(cast, before):
    item = cast.submitted()

    assert numbers(cast.marsh, f"?before={before}") == [item.number]


def test_what_waits_says_for_how_long_and_until_when(cast):
    cast.submitted()

    page = text(signed_in(cast.marsh).get("/requests"))

    assert "Waiting less than a minute" in page
    assert "Decision by" in page


# The registry's own drafts.


@pytest.fixture
def registrys_draft(cast):
    operator = make.person(make.registry(), "operator")
    return services.create_transfer_draft(
        submitter=operator, source=cast.source, target=cast.target, commodity=cast.commodity,
        volume=10,
    )  # fmt: skip


def test_an_operator_opens_and_submits_a_draft_of_the_registry(cast, registrys_draft):
    colleague = make.person(make.registry(), "operator")
    number = registrys_draft.number
    client = signed_in(colleague)

    page = client.get("/requests")

    assert f'href="/requests/{number}/check"' in text(page)
    assert client.get(f"/requests/{number}/check").status_code == 200
    assert client.get(f"/requests/{number}/details").status_code == 200
    assert "Discard" in text(client.get(f"/requests/{number}"))


def test_an_approver_looks_at_a_draft_of_the_registry_and_asks_for_nothing(cast, registrys_draft):
    number, client = registrys_draft.number, signed_in(cast.approver)

    assert f'href="/requests/{number}/check"' not in text(client.get("/requests"))
    page = text(client.get(f"/requests/{number}"))
    assert "Discard" not in page
    assert f"/requests/{number}/check" not in page
    for part in ("check", "details", "discard", "withdraw"):
        assert client.get(f"/requests/{number}/{part}").status_code == 403
    for part in ("details", "submit", "discard", "withdraw"):
        assert client.post(f"/requests/{number}/{part}").status_code == 403


def test_an_operator_does_not_finish_the_draft_of_somebody_else(cast):
    item = cast.draft()
    client = signed_in(make.person(make.registry(), "operator"))

    assert client.get(f"/requests/{item.number}").status_code == 404
    assert client.get(f"/requests/{item.number}/check").status_code == 404


# The page that follows an execution.


def approved(cast, monkeypatch):
    monkeypatch.setattr(decisions, "holds_ledger_login", lambda: False)
    item = cast.submitted()
    return services.approve_request(request_id=item.id, approver=cast.approver)


def test_a_request_in_execution_asks_again_and_stops_when_it_is_done(cast, monkeypatch):
    item, client = approved(cast, monkeypatch), signed_in(cast.marsh)
    path = f"/requests/{item.number}"

    page = text(client.get(path))
    waiting = text(client.get(path, headers=FRAGMENT))
    services.execute_request(request_id=item.id)
    done = text(client.get(path, headers=FRAGMENT))

    assert 'hx-trigger="every 5s"' in page
    assert 'hx-trigger="every 5s"' in waiting
    assert "<html" not in waiting
    assert "hx-trigger" not in done
    assert 'id="request-state" hx-swap-oob' in done
    assert "Completed" in done
    assert "SOL-2" in done


def test_a_request_that_nothing_happens_to_asks_nothing(cast):
    for item in (cast.draft(1), cast.submitted(2), cast.executed(3)):
        assert "every 5s" not in text(signed_in(cast.marsh).get(f"/requests/{item.number}"))


def test_the_fragment_is_for_whom_the_page_is_for(cast):
    item = cast.submitted()

    answer = signed_in(cast.outsider).get(f"/requests/{item.number}", headers=FRAGMENT)

    assert answer.status_code == 404


def test_a_request_says_who_decides_and_by_when(cast):
    item = cast.submitted()

    page = text(signed_in(cast.marsh).get(f"/requests/{item.number}"))

    assert "A registry approver decides next, by " in page
    assert "Not the person who submitted it, by " in page


def test_a_failed_request_is_copied_by_who_may_ask(cast):
    item = failed(cast)

    page = text(signed_in(cast.marsh).get(f"/requests/{item.number}"))

    assert "INSUFFICIENT_TOTAL_BALANCE" in page
    assert "Nothing was written." in page
    assert f"/requests/new/transfer?copy={item.number}" in page
    viewer = make.person(cast.alder, "viewer")
    assert "?copy=" not in text(signed_in(viewer).get(f"/requests/{item.number}"))
