"""An upload: looked at, submitted and discarded in one step."""

from registry import services
from registry.models import Notice
from tests.portal.cast import signed_in
from tests.portal.lists import a_list, requests_of, submit, upload
from tests.proof import prove


def test_all_are_submitted_in_one_step_and_each_is_decided_on_its_own(cast):
    kept = upload(cast.marsh, a_list("ALD-01,COB-01,SOL,400,,", "ALD-01,COB-01,SOL,600,,"))
    client, path = signed_in(cast.marsh), f"/requests/uploads/{kept.number}"

    shown = client.get(path)
    submit(client, kept)
    for item in requests_of(kept):
        services.approve_request(request_id=item.id, approver=cast.approver)

    assert [row["refusal"] for row in shown.context["rows"]] == [None, None]
    assert shown.context["volume"] == 1000
    assert [item.status for item in requests_of(kept)] == ["executed", "executed"]


def test_approvers_are_told_of_a_list_once(cast):
    kept = upload(cast.marsh, a_list(*["ALD-01,COB-01,SOL,1,,"] * 5))

    for _ in range(2):
        services.submit_upload(number=kept.number, submitter=cast.marsh)

    told = Notice.objects.filter(person=cast.approver, request__in=requests_of(kept))
    assert [notice.request for notice in told] == requests_of(kept)[:1]


def test_those_that_would_be_refused_stay_drafts_and_are_named(cast, committed_db):
    kept = upload(
        cast.marsh,
        a_list("ALD-01,COB-01,SOL,300,,", "ALD-01,DUN-01,SOL,100,,", "ALD-01,COB-01,SOL,600,,"),
    )
    client, path = signed_in(cast.marsh), f"/requests/uploads/{kept.number}"
    cast.submitted(150)
    dunmore = cast.outsider.organisation.accounts.get()
    dunmore.status = "suspended"
    dunmore.save()

    submit(client, kept)
    page = client.get(path)
    submit(client, kept)

    assert [item.status for item in requests_of(kept)] == ["submitted", "draft", "draft"]
    assert [row["refusal"].code if row["refusal"] else "" for row in page.context["rows"]] == [
        "",
        "ACCOUNT_NOT_ACTIVE",
        "INSUFFICIENT_TOTAL_BALANCE",
    ]
    assert "2 of 3 are still drafts" in page.content.decode()
    prove(committed_db)


def test_a_refused_row_takes_nothing_from_the_others(cast):
    kept = upload(cast.marsh, a_list("ALD-01,DUN-01,SOL,900,,", "ALD-01,COB-01,SOL,100,,"))
    dunmore = cast.outsider.organisation.accounts.get()
    dunmore.status = "suspended"
    dunmore.save()
    cast.submitted(800)

    done = services.submit_upload(number=kept.number, submitter=cast.marsh)

    assert (done.submitted, list(done.refused.values())) == (1, ["ACCOUNT_NOT_ACTIVE"])


def test_drafts_are_discarded_together_and_what_was_submitted_stays(cast):
    kept = upload(cast.marsh, a_list("ALD-01,COB-01,SOL,5,,", "ALD-01,COB-01,SOL,6,,"))
    client, path = signed_in(cast.marsh), f"/requests/uploads/{kept.number}"
    first = requests_of(kept)[0]
    services.submit_request(request_id=first.id, submitter=cast.marsh)

    asked = client.get(f"{path}/discard")
    client.post(f"{path}/discard")
    again = client.post(f"{path}/discard")

    assert "Discard 1 draft?" in asked.content.decode()
    assert [item.status for item in requests_of(kept)] == ["submitted", "withdrawn"]
    assert again.headers["Location"] == path


def test_a_suspended_organisation_submits_nothing_and_is_told_so(cast):
    kept = upload(cast.marsh, a_list("ALD-01,COB-01,SOL,5,,"))
    cast.alder.status = "suspended"
    cast.alder.save()

    client = signed_in(cast.marsh)
    submit(client, kept)
    page = client.get(f"/requests/uploads/{kept.number}")

    # With the organisation its accounts are suspended: no row could be executed.
    assert "ACCOUNT_NOT_ACTIVE" in page.content.decode()
    assert requests_of(kept)[0].status == "draft"


def test_the_list_of_requests_shows_drafts_by_their_upload(cast):
    kept = upload(cast.marsh, a_list("ALD-01,COB-01,SOL,5,,", "ALD-01,COB-01,SOL,6,,"))
    client = signed_in(cast.marsh)

    opened, uploads = client.get("/requests"), client.get("/requests/uploads")
    services.submit_upload(number=kept.number, submitter=cast.marsh)
    later = client.get("/requests")

    assert (opened.context["requests"], opened.context["with_drafts"]) == ([], [kept])
    assert [each.all_rows for each in uploads.context["uploads"]] == [2]
    assert (len(later.context["requests"]), later.context["with_drafts"]) == (2, [])


def test_a_request_leads_back_to_its_upload_for_those_who_may_open_it(cast):
    kept = upload(cast.marsh, a_list("ALD-01,COB-01,SOL,5,,"))
    services.submit_upload(number=kept.number, submitter=cast.marsh)
    path = f"/requests/{requests_of(kept)[0].number}"

    shown = [
        f"Upload {kept.number}</a>, row 2" in signed_in(person).get(path).content.decode()
        for person in (cast.marsh, cast.approver, cast.cole)
    ]

    assert shown == [True, True, False]


def test_a_long_upload_is_shown_by_pages(cast):
    kept = upload(cast.marsh, a_list(*["ALD-01,COB-01,SOL,1,,"] * 120))
    client, path = signed_in(cast.marsh), f"/requests/uploads/{kept.number}"

    first, second = client.get(path), client.get(f"{path}?after=101")

    assert (len(first.context["rows"]), first.context["next"]) == (100, 101)
    assert (len(second.context["rows"]), second.context["next"]) == (20, None)
    assert client.get(f"{path}?after=\u0663").status_code == 200


def test_an_upload_is_its_organisations_alone_until_something_is_submitted(cast):
    kept = upload(cast.marsh, a_list("ALD-01,COB-01,SOL,5,,", "ALD-01,COB-01,SOL,6,,"))
    path = f"/requests/uploads/{kept.number}"
    approver, outsider = signed_in(cast.approver), signed_in(cast.cole)

    before = approver.get(path)
    services.submit_request(request_id=requests_of(kept)[0].id, submitter=cast.marsh)
    after = approver.get(path)

    assert (before.status_code, after.status_code) == (404, 200)
    assert len(after.context["rows"]) == 1
    assert outsider.get(path).status_code == 404
    for act in ("submit", "discard"):
        assert outsider.post(f"{path}/{act}").status_code == 404
    assert [item.status for item in requests_of(kept)] == ["submitted", "draft"]
