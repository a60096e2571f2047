"""A migration in a real browser: one rejection in three presses and two fields, then signed."""

import pytest

from registry.models import ReplayVariance
from tests import make
from tests.portal import replays

pytestmark = pytest.mark.browser


@pytest.fixture
def operator(cast):
    """Let somebody work on a rehearsal that is over."""
    replays.rehearsed()
    return make.person(
        make.registry(), "operator", email="ops@registry.example", password=make.PASSWORD
    )


def test_a_rejection_is_resolved_in_three_presses_and_two_fields(cast, visit, operator):
    eye = visit(javascript=False)
    eye.sign_in(operator.email)

    eye.press("link", "Replay", exact=True)
    eye.press("link", "Open next unresolved")
    eye.fields += 1
    eye.page.get_by_label("Leave the event out").check()
    eye.fill("Reason", "Entered twice; the source confirms it.")
    eye.press("button", "Save and next")

    assert "issue:9" in eye.page.locator(".meta").inner_text()
    assert (eye.presses, eye.fields) == (3, 2)
    assert ReplayVariance.objects.filter(action="skip").count() == 3


def test_every_page_of_a_replay_can_be_used_by_everybody(cast, visit, operator):
    run = replays.begun()
    replays.change(run, events=100, done=25, seconds=5)
    first = run.pk - 1
    rejection = replays.ReplayRun.objects.get(pk=first).rejections.earliest("id")
    decided = replays.decided(rejection, operator)
    eye = visit()
    eye.sign_in(cast.approver.email)
    for path in (
        "/replay",
        f"/replay/{first}",
        f"/replay/{first}/report",
        "/replay/variances",
        f"/replay/variances/{decided.pk}/together",
        "/replay/cutover",
    ):
        eye.page.goto(f"{eye.url}{path}")
        eye.look()
    eye.page.goto(f"{eye.url}/replay/variances/{decided.pk}")
    eye.press("button", "Sign and next")

    assert "Signed" in eye.page.locator(".title").inner_text()
    working = visit()
    working.sign_in(operator.email)
    working.page.goto(f"{working.url}/replay/{first}/{rejection.pk}")
    working.page.get_by_label("Change fields of the event").check()
    working.look()
    assert working.page.get_by_label("New value", exact=True).is_visible()
    assert not working.page.get_by_label("Events to send instead, one a line").is_visible()
    working.page.goto(f"{working.url}/replay/{first}/together?code={replays.OVERLAP}")
    working.look()
    assert working.page.get_by_role("checkbox", name="issue:9").is_checked()
