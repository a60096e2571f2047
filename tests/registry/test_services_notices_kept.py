"""Last days, accounts and sign-ins; what is a person's own; and what the database holds."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError

from registry import services
from registry.demo import clock
from registry.models import Notice, NoticeKind, NoticePreference
from registry.selectors import notices as selectors
from registry.services import notices
from tests import make
from tests.portal.cast import signed_in
from tests.registry.inbox import needs, told

pytestmark = pytest.mark.usefixtures("nothing_told")


def rejected(cast):
    return services.reject_request(
        request_id=cast.submitted(400).id, approver=cast.approver, reason="No contract."
    )


# Last days


def test_the_nearest_threshold_is_told_once_and_again_at_the_next(cast):
    viewer = make.person(cast.alder, "viewer")
    make.mint_ending(cast.source, 70, days=80)
    services.tell_near_deadlines()
    services.tell_near_deadlines()
    first = told(cast.marsh, "deadline")

    with clock.at(datetime.now(UTC) + timedelta(days=60)):
        services.tell_near_deadlines()

    assert first == ["deadline"]
    assert told(cast.marsh, "deadline") == ["deadline", "deadline"]
    assert told(viewer) == ["deadline", "deadline"]
    days = Notice.objects.filter(person=cast.marsh, kind="deadline").order_by("id")
    assert [notice.facts["days"] for notice in days] == [90, 30]
    assert [notice.closed_at is None for notice in days] == [False, True]


def test_what_is_near_at_once_is_told_with_the_nearer_threshold_alone(cast):
    make.mint_ending(cast.source, 70, days=12)

    services.tell_near_deadlines()

    assert [n.facts["days"] for n in Notice.objects.filter(kind="deadline")] == [30]


def test_nobody_is_told_of_others_or_of_what_is_far_away(cast):
    make.mint_ending(cast.source, 70, days=200)
    services.tell_near_deadlines()

    assert not Notice.objects.filter(kind="deadline").exists()
    make.mint_ending(cast.source, 70, days=20)
    services.tell_near_deadlines()
    assert told(cast.cole, "deadline") == told(cast.approver, "deadline") == []


def test_a_viewer_is_told_of_last_days_and_asked_for_nothing(cast):
    viewer = make.person(cast.alder, "viewer")
    make.mint_ending(cast.source, 70, days=20)

    services.tell_near_deadlines()

    assert needs(viewer) == []
    assert needs(cast.marsh) == ["deadline"]


def test_the_action_is_gone_as_soon_as_the_certificates_are(cast):
    commodity = make.commodity(months_to_expiry=12)
    make.mint_ending(cast.source, 70, days=20, commodity=commodity)
    services.tell_near_deadlines()
    make.retire(cast.source, 70, commodity=commodity)

    gone_at_once = needs(cast.marsh)
    services.tell_near_deadlines()

    assert gone_at_once == []
    assert Notice.objects.get(person=cast.marsh, kind="deadline").closed_at


def test_both_last_days_are_told_where_they_differ(cast):
    commodity = make.commodity(months_transferable=12, months_to_expiry=13)
    make.mint_ending(cast.source, 70, days=20, commodity=commodity)

    services.tell_near_deadlines()

    found = Notice.objects.filter(person=cast.marsh, kind="deadline").order_by("id")
    assert [notice.facts["what"] for notice in found] == ["transfer", "expiry"]


# Accounts, organisations, sign-ins


def test_a_frozen_account_is_told_to_its_organisation_each_time(cast):
    for status in ("suspended", "active", "suspended"):
        cast.source.status = status
        notices.account_changed(cast.source)

    assert told(cast.marsh, "account") == ["account"] * 3
    assert told(cast.cole) == []


def test_a_suspended_organisation_is_told_so(cast):
    cast.alder.status = "suspended"
    notices.organisation_changed(cast.alder)

    assert told(cast.marsh, "organisation") == ["organisation"]
    assert told(cast.outsider) == []


def test_what_happens_to_a_sign_in_is_told_to_its_person_alone(cast):
    for kind, facts in (
        (NoticeKind.INVITED, None),
        (NoticeKind.ROLE, {"role": "viewer"}),
        (NoticeKind.FACTOR, {"what": "a passkey was added"}),
        (NoticeKind.PASSWORD, None),
    ):
        notices.security(cast.cole, kind, facts)

    assert told(cast.cole) == ["invited", "role", "factor", "password"]
    assert told(cast.marsh, "password") == []
    assert signed_in(cast.cole).get("/notifications").status_code == 200


def test_only_what_is_about_security_is_told_as_such(cast):
    with pytest.raises(ValueError, match="no security notice"):
        notices.security(cast.cole, NoticeKind.DEADLINE)


# The person's own


def test_reading_is_ones_own_and_once(cast):
    second = make.approver(name="Second")
    cast.submitted(400)
    mine = Notice.objects.get(person=cast.approver)

    services.mark_notice_read(person=second, notice_id=mine.pk)
    untouched = Notice.objects.get(pk=mine.pk).read_at
    services.mark_notice_read(person=cast.approver, notice_id=mine.pk)
    first = Notice.objects.get(pk=mine.pk).read_at
    services.mark_notice_read(person=cast.approver, notice_id=mine.pk)

    assert untouched is None
    assert Notice.objects.get(pk=mine.pk).read_at == first
    assert needs(cast.approver) == ["submitted"]


def test_what_came_after_the_page_stays_unread(cast):
    cast.submitted(1)
    newest = selectors.newest(cast.approver)
    cast.submitted(2)

    services.mark_notices_read(person=cast.approver, up_to=newest)

    assert selectors.unread(cast.approver) == 1


def test_a_decision_cannot_be_dismissed_and_a_copy_can(cast):
    cast.submitted(1)
    rejected(cast)
    for person in (cast.approver, cast.marsh):
        for notice in Notice.objects.filter(person=person):
            services.dismiss_notice(person=person, notice_id=notice.pk)

    assert needs(cast.approver) == ["submitted"]
    assert needs(cast.marsh) == []


# What the database holds


def test_the_same_event_tells_the_same_person_once_whoever_writes_it(cast):
    cast.submitted(1)
    notice = Notice.objects.get(person=cast.approver)
    notice.pk = None

    with pytest.raises(IntegrityError, match="registry_notice_told_once_uq"):
        notice.save(force_insert=True)


def test_a_mail_is_sent_or_due_and_never_both(cast):
    cast.submitted(1)
    now = datetime.now(UTC)

    with pytest.raises(IntegrityError, match="registry_notice_mailed_once_ck"):
        Notice.objects.update(mail_due_at=now, mail_sent_at=now)


def test_nobody_can_switch_security_off(cast):
    services.choose_mails(person=cast.marsh, mailed={NoticeKind.PASSWORD: False})

    assert not NoticePreference.objects.exists()
    with pytest.raises(IntegrityError, match="registry_noticepreference_not_security_ck"):
        NoticePreference.objects.create(person=cast.marsh, kind="password", mail=False)


def test_the_pages_cannot_change_what_a_notice_said(cast):
    cast.submitted(1)

    for change in ({"facts": {}}, {"kind": "failed"}, {"event": "x"}, {"person": cast.cole}):
        with pytest.raises(DatabaseError, match="permission denied"):
            Notice.objects.update(**change)
    with pytest.raises(DatabaseError, match="permission denied"):
        Notice.objects.all()._raw_delete("default")
