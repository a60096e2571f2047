"""The mails of notices: after the commit, once, again after a failure, fit for their readers."""

from datetime import UTC, datetime, timedelta
from smtplib import SMTPException

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.db import connections

from registry import services
from registry.demo import clock
from registry.models import Notice, NoticeKind
from registry.services import mail as sender
from registry.services import notices
from tests import make

pytestmark = pytest.mark.usefixtures("nothing_told")


def rejected(cast, reason="No contract.", **asks):
    return services.reject_request(
        request_id=cast.submitted(400, **asks).id, approver=cast.approver, reason=reason
    )


def sent_to(person):
    return [message for message in mail.outbox if message.to == [person.email]]


class Broken(EmailBackend):
    """A mail server that is not there."""

    def send_messages(self, messages):
        raise ConnectionRefusedError


def test_nothing_is_sent_before_somebody_sends_it(cast):
    rejected(cast)

    assert mail.outbox == []


def test_each_mail_is_sent_once(cast):
    rejected(cast)

    first, second = services.send_mails(), services.send_mails()

    assert (first, second) == ((1, 0), (0, 0))
    (message,) = sent_to(cast.marsh)
    assert not Notice.objects.filter(mail_due_at__isnull=False).exists()
    assert message.subject.startswith("Action required: Request")


def test_a_mail_says_what_happened_what_to_do_and_where(cast, settings):
    settings.PUBLIC_ADDRESS = "https://registry.example"
    item = rejected(cast)

    services.send_mails()

    (message,) = sent_to(cast.marsh)
    assert message.subject == f"Action required: Request {item.number} was rejected"
    assert "Transfer 400 SOL from Alder Wind to Cobalt Grid." in message.body
    assert "“No contract.”" in message.body
    assert "What to do: If you still want it, copy it into a new request." in message.body
    assert f"https://registry.example/requests/{item.number}\n" in message.body
    assert "https://registry.example/notifications/preferences" in message.body
    headers = message.extra_headers
    assert headers["Auto-Submitted"] == "auto-generated"
    assert "/notifications/preferences" in headers["List-Unsubscribe"]
    assert message.content_subtype == "plain"


def test_an_approver_is_asked_to_act_only_while_there_is_something_to_do(cast):
    second = make.approver(name="Second")
    item = cast.submitted(400)
    services.send_mails()
    asked = [message.subject for message in sent_to(cast.approver)]
    other = cast.submitted(1)
    services.approve_request(request_id=other.id, approver=cast.approver)

    services.send_mails()

    assert asked == [f"Action required: Request {item.number} waits for a decision"]
    assert len(sent_to(second)) == 1


def test_the_receivers_mail_knows_only_its_own_hop(cast):
    cast.executed(400, note="Price 11.20, secret")

    services.send_mails()

    (message,) = sent_to(cast.cole)
    assert message.subject == "400 SOL arrived"
    assert "Alder Wind" in message.body
    for secret in ("11.20", "1,000", "600", "ALD-01", "Okafor", "marsh@"):
        assert secret not in message.body


def test_the_rejection_reason_reaches_its_submitter_alone(cast):
    rejected(cast, reason="Sanctions list")

    services.send_mails()

    assert [m.to for m in mail.outbox if "Sanctions" in m.body] == [[cast.marsh.email]]


@pytest.mark.parametrize("evil", ["A\r\nBcc: all@example.org", "A\nSubject: x", "A\x1b[31m\u2028B"])
def test_nothing_that_people_type_can_add_a_header(cast, evil):
    account = make.account(organisation=cast.alder)
    account.code = evil[:30]
    notices.account_changed(account)

    services.send_mails()

    (message,) = sent_to(cast.marsh)
    header = message.message().as_string().split("\n\n")[0].splitlines()
    names = [line.split(":")[0] for line in header if not line.startswith(" ")]
    assert (names.count("Subject"), names.count("Bcc")) == (1, 0)
    assert message.subject.isprintable()
    assert message.recipients() == [cast.marsh.email]


def test_a_mail_that_could_not_be_sent_is_tried_again_later_and_then_less_often(cast):
    rejected(cast)
    waits, now = [], datetime.now(UTC)
    for _ in range(3):
        with clock.at(now):
            result = services.send_mails(connection=Broken())
            due = Notice.objects.get(person=cast.marsh, kind="rejected").mail_due_at
        assert result[0] == 0
        waits.append(due - now)
        now = due

    with clock.at(now - timedelta(seconds=1)):
        too_early = services.send_mails()
    with clock.at(now):
        services.send_mails()

    assert too_early == (0, 0)
    assert waits[0] < waits[1] < waits[2]
    assert len(sent_to(cast.marsh)) == 1


def test_a_mail_that_can_never_be_sent_is_given_up(cast, caplog):
    rejected(cast)
    now = datetime.now(UTC)
    for _ in range(sender.TRIES):
        with clock.at(now):
            services.send_mails(connection=Broken())
        now += sender.LONGEST_WAIT

    notice = Notice.objects.get(person=cast.marsh, kind="rejected")
    assert (notice.mail_due_at, notice.mail_sent_at, notice.mail_tries) == (
        None,
        None,
        sender.TRIES,
    )
    assert "given up" in caplog.text
    assert "contract" not in caplog.text


def test_one_bad_address_does_not_hold_up_the_others(cast):
    class Picky(EmailBackend):
        def send_messages(self, messages):
            if messages[0].to == [cast.cole.email]:
                raise SMTPException("no such mailbox")
            return super().send_messages(messages)

    cast.executed(400)

    sent, unsent = services.send_mails(connection=Picky())

    assert (sent, unsent) == (1, 1)
    assert len(sent_to(cast.marsh)) == 1


def test_a_crash_after_the_claim_leaves_the_mail_for_later(cast):
    class Crash(EmailBackend):
        def send_messages(self, messages):
            raise KeyboardInterrupt

    rejected(cast)
    with pytest.raises(KeyboardInterrupt):
        services.send_mails(connection=Crash())
    at_once = services.send_mails()

    with clock.at(datetime.now(UTC) + sender.FIRST_WAIT):
        later = services.send_mails()

    assert (at_once, later) == ((0, 0), (1, 0))


def test_two_senders_send_a_mail_once(cast, committed_db):
    rejected(cast)
    other = committed_db.connect("portal_web")
    other.execute("SELECT FROM registry_notice WHERE mail_due_at IS NOT NULL FOR UPDATE")

    beside = services.send_mails()
    other.rollback()

    assert beside == (0, 0)
    assert services.send_mails() == (1, 0)


def test_no_transaction_is_open_while_a_mail_is_sent(cast, committed_db):
    watcher = committed_db.connect("postgres", autocommit=True)
    seen = []

    class Watching(EmailBackend):
        def send_messages(self, messages):
            seen.append(
                watcher.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND state LIKE 'idle in transaction%'"
                ).fetchone()[0]
            )
            return super().send_messages(messages)

    rejected(cast)
    services.send_mails(connection=Watching())

    assert seen == [0]
    assert not connections["default"].in_atomic_block


def test_who_left_gets_no_mail(cast):
    rejected(cast)
    cast.marsh.is_active = False
    cast.marsh.save()

    services.send_mails()

    assert mail.outbox == []
    assert not Notice.objects.filter(mail_due_at__isnull=False).exists()


def test_a_choice_holds_for_one_kind_and_one_person(cast):
    colleague = make.person(cast.cobalt)
    services.choose_mails(
        person=cast.cole, mailed={NoticeKind.MOVED: False, NoticeKind.APPROVED: True}
    )
    services.choose_mails(person=cast.marsh, mailed={NoticeKind.APPROVED: True})
    services.choose_mails(person=cast.marsh, mailed={NoticeKind.APPROVED: False})

    cast.executed(400)
    services.send_mails()

    assert sent_to(cast.cole) == []
    assert len(sent_to(colleague)) == 1
    assert [message.subject.split(" ", 2)[2] for message in sent_to(cast.marsh)] == ["was executed"]
    assert Notice.objects.filter(person=cast.cole, kind="moved").exists()


def test_security_is_always_mailed(cast):
    notices.security(cast.marsh, NoticeKind.PASSWORD)

    services.send_mails()

    (message,) = sent_to(cast.marsh)
    assert message.subject == "Your password was changed"
    assert "tell the registry at once" in message.body


def test_the_same_notice_has_the_same_message_id_at_every_try(cast):
    rejected(cast)
    notice = Notice.objects.get(person=cast.marsh, kind="rejected")

    ids = {sender.write(notice).extra_headers["Message-ID"] for _ in range(2)}

    assert len(ids) == 1


def test_every_kind_can_be_written(cast):
    """What the services write is what the words need."""
    cast.executed(400)
    rejected(cast)
    failed = cast.draft(5000)
    services.submit_request(request_id=failed.id, submitter=cast.marsh)
    services.approve_request(request_id=failed.id, approver=cast.approver)
    colleague = make.person(cast.alder)
    services.withdraw_request(request_id=cast.submitted(1).id, submitter=colleague)
    notices.changed(cast.submitted(2))
    make.mint_ending(cast.source, 5, days=9)
    services.tell_near_deadlines()
    notices.account_changed(cast.source)
    notices.organisation_changed(cast.alder)
    for kind, facts in {
        "invited": {},
        "role": {"role": "viewer"},
        "factor": {"what": "added"},
    }.items():
        notices.security(cast.marsh, NoticeKind(kind), facts)
    notices.security(cast.marsh, NoticeKind.PASSWORD)
    decided = make.variance()
    notices.signatures(decided.source)
    services.withdraw_variance(variance_id=decided.pk, by=cast.approver, reason="Not so.")

    written = {notice.kind: sender.write(notice) for notice in Notice.objects.all()}

    assert set(written) == set(NoticeKind.values)
    for message in written.values():
        assert message.subject
        assert "None" not in message.body


def test_the_command_sends_and_says_what_it_did(cast, capsys):
    rejected(cast)

    call_command("send_notices")

    assert "1 mails sent, 0 to be tried again, 0 outcomes caught up." in capsys.readouterr().out


def test_the_daily_command_may_run_twice(cast, capsys):
    make.mint_ending(cast.source, 5, days=9)

    call_command("remind_deadlines")
    call_command("remind_deadlines")

    assert capsys.readouterr().out == "1 deadlines are near.\n" * 2
    assert Notice.objects.filter(person=cast.marsh, kind="deadline").count() == 1
