"""The first page after signing in, by role."""

from registry import services
from tests import make
from tests.portal.cast import signed_in


def test_an_organisation_sees_what_it_holds_and_what_needs_it(cast):
    cast.submitted(400)
    draft = cast.draft(1)

    context = signed_in(cast.marsh).get("/").context

    sums = context["accounts"][0]["sums"][0]["sum"]
    assert (sums.available, sums.reserved, sums.held) == (600, 400, 1000)
    assert [item.number for item in context["attention"]] == [draft.number]
    assert len(context["latest"]) == 3


def test_numbers_named_by_a_request_are_reserved_too(cast):
    cast.submitted(None, ranges=((1, 250),))

    sums = signed_in(cast.marsh).get("/").context["accounts"][0]["sums"][0]["sum"]

    assert (sums.available, sums.reserved) == (750, 250)


def test_the_desk_sees_what_waits_and_what_failed(cast):
    waiting, failed = cast.submitted(1), cast.draft(5000)
    services.submit_request(request_id=failed.id, submitter=cast.marsh)
    services.approve_request(request_id=failed.id, approver=cast.approver)

    page = signed_in(cast.approver).get("/")

    assert [item.number for item in page.context["waiting"]] == [waiting.number]
    assert [item.number for item in page.context["failed"]] == [failed.number]
    assert "Review oldest" in page.content.decode()


def test_an_auditor_sees_that_every_certificate_is_accounted_for(cast):
    cast.executed(400)
    make.retire(cast.source, 100, commodity=cast.commodity)
    auditor = make.person(make.organisation("regulator"), "auditor")

    total = signed_in(auditor).get("/").context["totals"][0]

    assert (total["minted"], total["held"], total["retired"], total["expired"]) == (
        1000,
        900,
        100,
        0,
    )
