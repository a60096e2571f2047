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


def test_every_page_of_an_auditor_can_be_used_by_everybody(cast, visit, auditor):
    batch = look.value("SELECT id FROM ledger.assets LIMIT 1")
    eye = visit()
    eye.sign_in(auditor.email)
    for path in (
        "/who-held",
        f"/who-held?q=SOL+5+on+{TODAY}",
        "/who-held?certificate=SOL+5&on=2020-01-01",
        "/certificates/SOL/5",
        "/certificates/SOL/5?at=SOL-2",
        "/transactions",
        "/transactions/SOL-2",
        "/accounts/ALD-01/holdings",
        f"/accounts/ALD-01/holdings?as_of={TODAY}",
        "/holdings?at=SOL-2",
        "/holdings?as_of=2020-01-01",
        "/conservation",
        "/conservation?by=region",
        "/conservation?by=batch",
        f"/batches/{batch}",
        f"/batches/{batch}/trace",
        f"/batches/{batch}/lineage?number=5&on={TODAY}",
        "/activity",
        "/reconciliation",
    ):
        eye.page.goto(f"{eye.url}{path}")
        eye.look()


def test_who_held_it_takes_one_press_and_one_field(cast, visit, auditor):
    eye = visit(javascript=False)
    eye.sign_in(auditor.email)

    eye.fill("Certificate and date", f"SOL 5 on {TODAY}")
    eye.press("button", "Find")

    assert "was retired by Cobalt Grid" in eye.page.locator(".sentence").inner_text()
    assert (eye.presses, eye.fields) == (1, 1)


def test_an_operator_runs_a_reconciliation_and_sees_its_result(cast, visit):
    operator = make.person(
        make.registry(), "operator", email="ops@registry.example", password=make.PASSWORD
    )
    eye = visit()
    eye.sign_in(operator.email)
    eye.page.goto(f"{eye.url}/reconciliation")

    eye.press("button", "Run now")
    eye.page.wait_for_selector(".verdict.good")

    assert "Sound" in eye.page.locator(".verdict").inner_text()
    assert look.value("SELECT count(*) FROM ledger.reconciliations") == 1


def test_a_statement_on_paper_has_height_and_hash_and_no_form(cast, visit, auditor):
    eye = visit()
    eye.sign_in(auditor.email)
    eye.page.goto(f"{eye.url}/accounts/ALD-01/holdings?at=SOL-2")
    eye.page.emulate_media(media="print")

    shown = eye.page.locator("main").inner_text()

    digest = look.value("SELECT encode(hash, 'hex') FROM ledger.chain WHERE height = 2")
    assert f"SOL-2 {digest}" in shown
    assert not eye.page.locator("form:visible").count()
