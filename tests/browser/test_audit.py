"""The auditor's pages in a real browser: usable by everybody, by keyboard and on paper."""

import pytest

from registry import dates, services
from tests import make
from tests.ledger import look

pytestmark = pytest.mark.browser
TODAY = f"{dates.today():%Y-%m-%d}"


@pytest.fixture
def auditor(cast):
    """Let something happen, and somebody look at it."""
    cast.executed(400)
    make.retire(cast.target, 100, commodity=cast.commodity)
    services.reconcile()
    return make.person(
        make.organisation("regulator"), "auditor", email="audit@gov.example", password=make.PASSWORD
    )


def test_an_operator_runs_a_reconciliation_and_sees_its_result(cast, visit):
    operator = make.person(
        make.registry(), "operator", email="ops@registry.example", password=make.PASSWORD
    )
    eye = visit()
    eye.sign_in(operator.email, at="/reconciliation")

    eye.press("button", "Run now")
    eye.page.wait_for_selector(".verdict.good")

    assert "Sound" in eye.page.locator(".verdict").inner_text()
    assert look.value("SELECT count(*) FROM ledger.reconciliations") == 1


def test_a_statement_on_paper_has_height_and_hash_and_no_form(cast, visit, auditor):
    eye = visit()
    eye.sign_in(auditor.email, at="/accounts/ALD-01/holdings?at=SOL-2")
    eye.page.emulate_media(media="print")

    shown = eye.page.locator("main").inner_text()

    digest = look.value("SELECT encode(hash, 'hex') FROM ledger.chain WHERE height = 2")
    assert f"SOL-2 {digest}" in shown
    assert not eye.page.locator("form:visible").count()
