"""The pages of notices: what a person was told, the badge, and what comes by mail."""

import pytest
from django.test import Client

from registry import services
from registry.models import Notice, NoticePreference
from tests import make
from tests.portal.cast import signed_in, somebody

pytestmark = pytest.mark.usefixtures("nothing_told")


def numbers(page, part="new"):
    return [item.notice.request.number for item in page.context[part]]


def test_unread_ones_come_first_and_link_to_what_they_are_about(cast):
    first, second = cast.submitted(1), cast.submitted(2)
    client = signed_in(cast.approver)
    newest = Notice.objects.get(person=cast.approver, request=second)

    client.post(f"/notifications/{newest.pk}/read")
    page = client.get("/notifications")

    assert (numbers(page), numbers(page, "earlier")) == ([first.number], [second.number])
    assert f'href="/approvals/{first.number}"' in page.content.decode()
    assert page.content.decode().count("Action required") == 2


def test_nothing_new_is_said(cast):
    page = signed_in(cast.outsider).get("/notifications").content.decode()

    assert "Nothing new." in page
    assert "Mark all read" not in page


@pytest.mark.parametrize(
    "role", ["viewer", "submitter", "team_admin", "operator", "approver", "auditor"]
)
def test_everybody_has_the_pages(cast, role):
    client = signed_in(somebody(cast, role))

    assert client.get("/notifications").status_code == 200
    page = client.get("/notifications/preferences")
    kinds = {choice.kind for choice in page.context["choices"] if not choice.fixed}
    assert ("submitted" in kinds) == (role == "approver")
    assert ("deadline" in kinds) == (role in ("viewer", "submitter", "team_admin"))
    assert ("rejected" in kinds) == (role in ("submitter", "team_admin", "operator"))


def test_marking_read_is_a_post_and_may_be_repeated(cast):
    cast.submitted(1)
    notice = Notice.objects.get(person=cast.approver)
    client = signed_in(cast.approver)

    answers = [client.post(f"/notifications/{notice.pk}/read") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert client.get(f"/notifications/{notice.pk}/read").status_code == 405
    assert client.get("/notifications").context["new"] == []


@pytest.mark.parametrize("act", ["read", "dismiss"])
def test_somebody_elses_notice_does_not_exist(cast, act):
    services.reject_request(request_id=cast.submitted(1).id, approver=cast.approver, reason="No.")
    notice = Notice.objects.get(person=cast.marsh, kind="rejected")

    for person in (cast.outsider, cast.cole, cast.approver, make.person(cast.alder)):
        for number in (notice.pk, 999_999, 10**30):
            answer = signed_in(person).post(f"/notifications/{number}/{act}")
            assert answer.status_code == 404, (person, number)
    notice.refresh_from_db()
    assert notice.read_at is None
    assert notice.closed_at is None


def test_mark_all_read_leaves_what_came_after_the_page(cast):
    cast.submitted(1)
    client = signed_in(cast.approver)
    shown = client.get("/notifications").context["newest"]
    later = cast.submitted(2)

    client.post("/notifications/read", {"newest": shown})

    assert numbers(client.get("/notifications")) == [later.number]


@pytest.mark.parametrize("newest", ["", "x", "-1", "\x00", "9" * 30, "\uff11", "1.0"])
def test_a_bad_newest_marks_nothing(cast, newest):
    cast.submitted(1)
    client = signed_in(cast.approver)

    assert client.post("/notifications/read", {"newest": newest}).status_code == 302
    assert len(client.get("/notifications").context["new"]) == 1


def test_pages_follow_one_another_without_a_gap_or_a_repeat(cast):
    items = [cast.submitted(1) for _ in range(45)]
    client = signed_in(cast.approver)
    read = Notice.objects.filter(person=cast.approver, request__in=items[::2])
    for notice in read:
        services.mark_notice_read(person=cast.approver, notice_id=notice.pk)

    seen, address = [], "/notifications"
    while address:
        page = client.get(address)
        seen += numbers(page) + numbers(page, "earlier")
        after = page.context["after"]
        address = f"/notifications?after={after}" if after else ""

    unread = [item.number for item in reversed(items) if item not in items[::2]]
    assert seen == unread + [item.number for item in reversed(items[::2])]


@pytest.mark.parametrize(
    "after", ["x", "read-", "read-x", "unread-" + "9" * 40, "\x00", "-1", "read-\uff11", "a" * 5000]
)
def test_a_bad_position_starts_at_the_top(cast, after):
    cast.submitted(1)

    page = signed_in(cast.approver).get("/notifications", {"after": after})

    assert page.status_code == 200


def test_dismissing_takes_it_off_the_overview(cast):
    services.reject_request(request_id=cast.submitted(1).id, approver=cast.approver, reason="No.")
    client = signed_in(cast.marsh)
    notice = Notice.objects.get(person=cast.marsh, kind="rejected")
    offered = f"/notifications/{notice.pk}/dismiss" in client.get("/notifications").content.decode()

    client.post(f"/notifications/{notice.pk}/dismiss")

    assert offered
    assert client.get("/").context["needs"] == []
    assert "Action required" not in client.get("/notifications").content.decode()


def test_a_decision_offers_no_way_to_dismiss_it(cast):
    cast.submitted(1)

    assert "/dismiss" not in signed_in(cast.approver).get("/notifications").content.decode()


def test_text_that_people_typed_is_escaped(cast):
    services.reject_request(
        request_id=cast.submitted(1).id,
        approver=cast.approver,
        reason="<script>alert(1)</script> hx-get=/x",
    )

    page = signed_in(cast.marsh).get("/notifications").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


# The badge


def test_the_header_counts_what_is_unread_and_asks_again_each_minute(cast):
    cast.submitted(1)
    cast.submitted(2)
    client = signed_in(cast.approver)

    page, badge = client.get("/requests").content.decode(), client.get("/notifications/badge")

    for markup in (page, badge.content.decode()):
        assert 'hx-get="/notifications/badge" hx-trigger="every 60s"' in markup
        assert '<span class="count">2' in markup
    assert "no-store" in badge.headers["Cache-Control"]


def test_the_badge_stops_asking_when_signed_out(cast):
    badge = Client().get("/notifications/badge", headers={"HX-Request": "true"})

    assert badge.status_code == 200
    assert "HX-Redirect" not in badge.headers
    assert "hx-trigger" not in badge.content.decode()
    assert "You are signed out" in badge.content.decode()


def test_many_unread_are_not_counted_to_the_end(cast, committed_db):
    cast.submitted(1)
    committed_db.connect("postgres", autocommit=True).execute(
        "INSERT INTO registry_notice (person_id, event, kind, facts, awaits, told_at, mail_tries)"
        " SELECT %s, 'x' || n, 'password', '{}', '', now(), 0 FROM generate_series(1, 300) n",
        [cast.approver.id],
    )

    assert "99+" in signed_in(cast.approver).get("/notifications/badge").content.decode()


# By mail


def test_what_comes_by_mail_is_kept(cast):
    client = signed_in(cast.marsh)

    answer = client.post("/notifications/preferences", {"mailed": ["approved", "rejected"]})
    page = client.get(answer.headers["Location"])

    chosen = {choice.kind for choice in page.context["choices"] if choice.mailed}
    assert chosen == {"approved", "rejected", "invited", "role", "factor", "password"}
    assert "Saved." in page.content.decode()


def test_nothing_ticked_is_an_answer(cast):
    client = signed_in(cast.marsh)

    client.post("/notifications/preferences", {})

    assert not NoticePreference.objects.filter(person=cast.marsh, mail=True).exists()
    assert NoticePreference.objects.filter(person=cast.marsh, mail=False).count() == 10


@pytest.mark.parametrize("kind", ["password", "submitted", "x", "\x00", "executed\x00", "a" * 9000])
def test_what_is_not_offered_cannot_be_chosen(cast, kind):
    answer = signed_in(cast.marsh).post("/notifications/preferences", {"mailed": [kind]})

    assert answer.status_code == 422
    assert not NoticePreference.objects.exists()


def test_a_choice_is_ones_own(cast):
    signed_in(cast.marsh).post("/notifications/preferences", {"mailed": []})

    assert not NoticePreference.objects.exclude(person=cast.marsh).exists()
