"""Who is told of decisions about a replay: who can sign them, while any waits; and its author."""

import pytest
from django.core import mail

from registry import services
from registry.models import Notice
from registry.selectors import notices as selectors
from tests import make
from tests.portal import replays
from tests.portal.cast import signed_in
from tests.registry.inbox import needs, told

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def run():
    """A rehearsal that is over, with four rejections of two causes."""
    make.approver()
    return replays.rehearsed()


def decide(run, *events):
    """Leave events out."""
    return services.decide_events(
        rejections=[run.rejections.get(event_id=event) for event in events],
        author=make.operator(),
        outcome="variance",
        action="skip",
        reason="Entered twice.",
    )


def test_who_can_sign_is_told_once_while_decisions_wait(run):
    other = make.approver(name="Other")
    same = make.approver(name="Same", person_id=make.operator().person_id)

    decided = decide(run, "issue:7", "retire:8")
    decide(run, "issue:9")

    for approver in (make.approver(), other):
        assert told(approver, "variance") == needs(approver) == ["variance"]
    for nobody in (make.operator(), same, make.person(make.organisation("regulator"), "auditor")):
        assert told(nobody, "variance") == []
    services.sign_variances(variance_ids=[each.pk for each in decided], signer=other)
    assert needs(make.approver()) == ["variance"]


def test_nothing_is_required_any_more_once_the_last_is_signed_and_the_next_asks_anew(run):
    first, second = decide(run, "issue:7", "issue:9")
    other = make.approver(name="Other")

    services.withdraw_variance(variance_id=first.pk, by=make.operator(), reason="Not so.")
    assert needs(make.approver()) == ["variance"]
    services.sign_variance(variance_id=second.pk, signer=other)

    assert needs(make.approver()) == []
    shown = selectors.listed(make.approver())[0][0].told
    assert (shown.title, shown.to_do) == (
        "Decisions about old-registry waited for a signature",
        "",
    )
    decide(run, "issue:7")
    assert needs(make.approver()) == ["variance"]
    assert told(make.approver(), "variance") == ["variance", "variance"]


def test_the_notice_is_on_the_page_and_in_the_mail_and_cannot_be_waved_away(run, settings):
    decide(run, "issue:7")
    notice = Notice.objects.get(person=make.approver(), kind="variance")
    browser = signed_in(make.approver())

    page = browser.get("/notifications").content.decode()
    assert "Decisions about old-registry wait for your signature" in page
    assert "Nothing to do" not in page
    services.dismiss_notice(person=make.approver(), notice_id=notice.pk)
    assert needs(make.approver()) == ["variance"]
    services.send_mails()
    sent = [each for each in mail.outbox if each.to == [make.approver().email]]
    assert sent[0].subject == (
        "Action required: Decisions about old-registry wait for your signature"
    )
    assert "/replay/variances" in sent[0].body
    assert "wait for your signature" in browser.get("/notifications/preferences").content.decode()


def test_an_author_is_told_once_what_was_sent_back_and_why(run):
    decided = [each.pk for each in decide(run, "issue:7", "issue:9")]

    for _ in range(2):
        services.withdraw_variances(
            variance_ids=decided, by=make.approver(), reason="Which letter?"
        )

    item = selectors.listed(make.operator())[0]
    assert [each.told.title for each in item] == [
        "Your decision about issue:7 and 1 other was sent back"
    ]
    assert "“Which letter?”" in item[0].told.text
    assert item[0].told.address == f"/replay/variances/{decided[0]}"
    assert needs(make.approver()) == []
