"""The first page after signing in, by role."""

from django.test import Client

from registry import services
from tests import make
from tests.portal.cast import send, signed_in


def test_an_organisation_sees_what_it_holds_and_what_needs_it(cast):
    cast.submitted(400)
    draft = cast.draft(1)

    context = signed_in(cast.marsh).get("/").context

    sums = context["accounts"][0]["sums"][0]["sum"]
    assert (sums.available, sums.reserved, sums.held) == (600, 400, 1000)
    assert [item.number for item in context["drafts"]] == [draft.number]
    assert len(context["latest"]) == 3


def test_drafts_beyond_those_listed_are_a_link_away_and_names_keep_one_full_stop(cast):
    cast.cobalt.name = "Cobalt Grid B.V."
    cast.cobalt.save()
    pages = []
    for number in range(1, 7):
        pages.append(signed_in(cast.marsh).get("/").content.decode())
        cast.draft(number)
    pages.append(signed_in(cast.marsh).get("/").content.decode())

    assert 'href="/requests?show=needs">Everything that needs you' in pages[-1]
    assert "Everything that needs you" not in pages[-2]
    assert "to Cobalt Grid B.V. Written by" in pages[-1]


def test_a_suspended_organisation_is_not_offered_what_it_cannot_do(cast):
    cast.alder.status = "suspended"
    cast.alder.save()
    cast.draft(5)
    client = signed_in(cast.marsh)

    for path in ("/", "/accounts/ALD-01/holdings", "/requests", "/requests/uploads", "/facilities"):
        page = client.get(path).content.decode()
        assert 'href="/requests/new/' not in page
        assert "Check and submit it" not in page
    assert 'href="/requests/new/issue' not in client.get("/facilities/FG").content.decode()
    form = client.get("/requests/new/transfer").content.decode()
    assert "until the registry lets Alder Wind act again" in form


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

    total = signed_in(auditor).get("/").context["sums"][0]

    assert (total["minted"], total["held"], total["retired"], total["expired"]) == (
        1000,
        900,
        100,
        0,
    )


def test_the_sums_ask_again_each_minute_and_nothing_else_of_the_page_does(cast):
    client = signed_in(cast.marsh)
    page = client.get("/")

    cast.submitted(400)
    fragment = client.get("/", headers={"HX-Request": "true", "HX-Target": "sums"})

    assert 'hx-trigger="every 60s"' in page.content.decode().split("<main")[1]
    assert fragment.content.decode().split("-->")[-1].strip().startswith('<div id="sums"')
    assert "<html" not in fragment.content.decode()
    assert fragment.context["accounts"][0]["sums"][0]["sum"].reserved == 400
    assert "HX-Request" in page.headers["Vary"]


def test_a_poll_of_who_has_signed_out_leaves_the_page_for_the_sign_in(cast):
    answer = Client().get("/", headers={"HX-Request": "true", "HX-Target": "sums"})

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/sign-in")


def test_what_was_rejected_needs_its_submitter_until_somebody_copies_it(cast):
    item = cast.submitted(400)
    services.reject_request(request_id=item.id, approver=cast.approver, reason="No contract.")
    colleague = make.person(cast.alder)

    before = signed_in(cast.marsh).get("/").context["needs"]
    send(colleague, f"/requests/new/transfer?copy={item.number}", cast.details())
    after = signed_in(cast.marsh).get("/").context["needs"]

    assert [each.notice.kind for each in before] == ["rejected"]
    assert after == []


def test_what_comes_near_its_last_day_is_listed_with_the_way_to_use_it(cast):
    make.mint_ending(cast.source, 70, days=40)

    page = signed_in(cast.marsh).get("/")

    assert [(row["account"], row["what"], row["volume"]) for row in page.context["near"]] == [
        ("ALD-01", "expiry", 70)
    ]
    assert "/requests/new/retire?account=ALD-01" in page.content.decode()


def test_nobody_elses_last_days_are_listed(cast):
    make.mint_ending(cast.source, 70, days=40)

    assert signed_in(cast.cole).get("/").context["near"] == []


def test_a_new_organisation_is_told_where_to_begin(cast):
    tasks = signed_in(cast.outsider).get("/").context["tasks"]

    assert [task.done for task in tasks] == [True, False, False, False]
    assert "DUN-01" in tasks[3].how
    assert signed_in(cast.marsh).get("/").context["tasks"] == []


def test_whoever_has_a_facility_and_an_account_may_begin_with_an_issue(cast):
    make.facility(cast.outsider.organisation)

    page = signed_in(cast.outsider).get("/")

    assert page.context["tasks"][3].may_issue
    assert "Ask for an issue" in page.content.decode()
