"""An approval of blocks follows from a preview that this approver opened, whoever writes."""

import pytest

from registry import services
from registry.models import PreviewOpening, Request
from tests import make
from tests.ledger.forge import refused
from tests.ledger.test_guards_requests import DECISION, LOGINS, Table

APPROVED = f"{DECISION}, approved_fingerprint = %(shown)s"


@pytest.fixture(params=LOGINS)
def table(request, committed_db) -> Table:
    return Table(committed_db, request.param)


def waiting() -> Request:
    return make.transfer_request(make.account(holding=10), make.account(), 5)


def test_blocks_are_approved_by_somebody_who_opened_them(table):
    request, approver = waiting(), make.approver()
    shown = services.preview_request(request.pk)["fingerprint"]

    with refused("PREVIEW_NOT_OPENED"):
        table.update(request, APPROVED, status="approved", approver=approver.id, shown=shown)


def test_what_another_approver_opened_is_not_ones_own(committed_db):
    request, other = waiting(), make.person(make.registry(), "approver")
    shown = services.open_preview(request_id=request.pk, person=other)["fingerprint"]

    with pytest.raises(services.Refused, match="PREVIEW_NOT_OPENED"):
        services.approve_request(
            request_id=request.pk,
            approver=make.person(make.registry(), "approver"),
            fingerprint=shown,
        )
    assert Request.objects.get(pk=request.pk).status == "submitted"


def test_the_preview_of_another_request_is_not_this_ones(committed_db):
    first, second, approver = waiting(), waiting(), make.approver()
    shown = services.open_preview(request_id=first.pk, person=approver)["fingerprint"]

    with pytest.raises(services.Refused, match="PREVIEW_NOT_OPENED"):
        services.approve_request(request_id=second.pk, approver=approver, fingerprint=shown)


def test_a_quantity_is_approved_without_a_look_at_blocks(committed_db):
    done = services.approve_request(request_id=waiting().pk, approver=make.approver())

    assert done.status == "executed"


@pytest.mark.parametrize(
    "change",
    ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}", "SELECT FROM {} FOR UPDATE"],
)
@pytest.mark.parametrize("table", ["registry_previewopening", "registry_decisionround"])
def test_the_pages_write_what_was_opened_once(committed_db, table, change):
    services.open_preview(request_id=waiting().pk, person=make.approver())

    with refused("42501"):
        committed_db.connect("portal_web").execute(change.format(f"public.{table}"))


def test_what_a_person_saw_last_is_recorded_once(committed_db):
    request, approver = waiting(), make.approver()

    for _ in range(3):
        services.open_preview(request_id=request.pk, person=approver)
    make.transfer(request.source, request.target, 1)
    services.open_preview(request_id=request.pk, person=approver)

    seen = PreviewOpening.objects.filter(request=request)
    assert [opening.blocks for opening in seen] == [1, 1]
    assert len({opening.fingerprint for opening in seen}) == 2


def test_a_preview_that_is_refused_is_recorded_by_its_code(committed_db):
    request = make.transfer_request(make.account(holding=10), make.account(), 5)
    make.transfer(request.source, request.target, 9)

    with pytest.raises(services.Refused, match="INSUFFICIENT_TOTAL_BALANCE"):
        services.open_preview(request_id=request.pk, person=make.approver())

    (seen,) = PreviewOpening.objects.filter(request=request)
    assert (seen.fingerprint, seen.refusal) == ("", "INSUFFICIENT_TOTAL_BALANCE")
    assert seen.preview is None
