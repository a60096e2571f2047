"""
Telling people what happened. The services call this in the transaction of what they tell of.

Nobody is told of what a replay states about the past, and nobody is told the same event twice: the
pair of person and event is unique, so that a catch-up may tell everything again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from registry import access
from registry.models import (
    Account,
    Notice,
    NoticeKind,
    NoticePreference,
    Organisation,
    ReplayVariance,
    Request,
    User,
)
from registry.models.notices import SECURITY
from registry.selectors import deadlines, variances
from registry.selectors import notices as selectors
from registry.selectors import requests as all_requests

Awaits = Notice.Awaits
ENDED = (Request.Status.EXECUTED, Request.Status.FAILED)
# So many days before their last day, certificates are spoken of; the nearest that applies, once.
THRESHOLDS = (30, 90)


def submitted(requests: Sequence[Request], *, of_list: int = 1) -> None:
    """
    Tell the approvers that requests wait for one of them; not who submitted it.

    :param of_list: how many a list has of which this is the first
    """
    new = _news(requests)
    approvers = list(access.holders(access.Right.DECIDE)) if new else []
    facts = {"count": of_list} if of_list > 1 else {}
    _write(
        _notice(NoticeKind.SUBMITTED, person, request, facts=facts, awaits=Awaits.DECISION)
        for request in new
        for person in approvers
        if not access.is_same_person(person, request.submitter)
    )


def decided(requests: Sequence[Request]) -> None:
    """Tell submitters of decisions; nobody else has to decide these any more."""
    new = _news(requests)
    if not new:
        return
    close(Q(request__in=new, awaits__in=(Awaits.DECISION, Awaits.LOOK)))
    approved = [each for each in new if each.status == Request.Status.APPROVED]
    rejected = [each for each in new if each.status == Request.Status.REJECTED]
    _write(
        [
            *_to_submitters(NoticeKind.APPROVED, approved, Awaits.OUTCOME),
            *_to_submitters(NoticeKind.REJECTED, rejected, Awaits.COPY),
        ]
    )


def withdrawn(request: Request, by: User) -> None:
    """Tell those who were to decide, and the submitter if it was a colleague who took it back."""
    if not _news([request]):
        return
    waited = Notice.objects.filter(
        request=request, awaits=Awaits.DECISION, closed_at=None
    ).select_related("person")
    people = {notice.person for notice in waited} | {request.submitter}
    close(Q(request=request))
    _write(
        _notice(NoticeKind.WITHDRAWN, person, request, facts={"by": by.name})
        for person in people
        if not access.is_same_person(person, by)
    )


def ended(requests: Sequence[Request], *, even_past: bool = False) -> None:
    """
    Tell submitters what the ledger made of their requests, and others whose certificates moved.

    :param even_past: tell of requests that state a past time, too
    """
    done = [each for each in requests if each.status in ENDED]
    new = done if even_past else _news(done)
    if not new:
        return
    executed = [each for each in new if each.status == Request.Status.EXECUTED]
    failed = [each for each in new if each.status == Request.Status.FAILED]
    with transaction.atomic():
        close(Q(request__in=new, awaits=Awaits.OUTCOME))
        _write(
            [
                *_to_submitters(NoticeKind.EXECUTED, executed, Awaits.NOTHING),
                *_to_submitters(NoticeKind.FAILED, failed, Awaits.COPY),
                *_moves(executed),
            ]
        )


def tell_missed_outcomes() -> int:
    """
    Tell the outcomes that a crash kept from being told; return how many there were.

    An approval is told with the promise of an outcome: a promise still open is looked into.
    """
    missed = list(selectors.outcomes_promised())
    ended(missed)
    return len(missed)


def changed(request: Request) -> None:
    """Tell the submitter that a waiting request would now take other blocks than were checked."""
    _write(_to_submitters(NoticeKind.CHANGED, _news([request]), Awaits.LOOK))


def copied(request: Request) -> None:
    """Note that a new request takes the place of a rejected or failed one."""
    close(Q(request=request, awaits=Awaits.COPY))


def tell_near_deadlines() -> int:
    """Tell of certificates near their last day, once per threshold; return how many deadlines."""
    now = timezone.now()
    found = deadlines.near(now, days=max(THRESHOLDS))
    people: dict[Any, list[User]] = {}
    for person in User.objects.select_related("organisation").filter(
        organisation_id__in={row["organisation_id"] for row in found}, is_active=True
    ):
        people.setdefault(person.organisation_id, []).append(person)
    with transaction.atomic():
        _close_deadlines(found, now)
        _write(
            _deadline_notice(row, person, now)
            for row in found
            for person in people.get(row["organisation_id"], [])
        )
    return len(found)


def account_changed(account: Account) -> None:
    """Tell an organisation's people that one of their accounts was frozen or opened again."""
    facts = {"account": account.code, "status": account.status}
    people = User.objects.filter(organisation__accounts=account, is_active=True)
    _write(
        _notice(NoticeKind.ACCOUNT, person, facts=facts, event=_moment(f"account:{account.code}"))
        for person in people
    )


def organisation_changed(organisation: Organisation) -> None:
    """Tell an organisation's people that it was suspended, or may act again."""
    facts = {"organisation": organisation.name, "status": organisation.status}
    event = _moment(f"organisation:{organisation.code}")
    people = User.objects.filter(organisation=organisation, is_active=True)
    _write(_notice(NoticeKind.ORGANISATION, person, facts=facts, event=event) for person in people)


def signatures(source: str) -> None:
    """
    Tell those who can sign that decisions about a source wait for them, once while any does.

    Nobody is asked to sign what they decided themselves; what no longer waits is closed.
    """
    told = Notice.objects.filter(awaits=Awaits.SIGNATURE, closed_at=None, facts__source=source)
    knows = set(told.values_list("person_id", flat=True))
    waiting = {
        person: variances.to_sign(person, source).first()
        for person in access.holders(access.Right.SIGN_VARIANCE)
    }
    asked = {person.pk for person, first in waiting.items() if first is not None}
    close(Q(pk__in=told.exclude(person_id__in=asked).values("pk")))
    _write(
        _notice(
            NoticeKind.VARIANCE,
            person,
            facts={"source": source, "author": first.author.name, "about": first.event_id},
            event=f"variance:{first.pk}",
            awaits=Awaits.SIGNATURE,
        )
        for person, first in waiting.items()
        if first is not None and person.pk not in knows
    )


def sent_back(withdrawn: Sequence[ReplayVariance]) -> None:
    """Tell an author that decisions were sent back, once for those of one answer."""
    for first in {each.author_id: each for each in reversed(withdrawn)}.values():
        by = first.withdrawn_by
        if by is None or access.is_same_person(by, first.author):
            continue
        facts = {
            "about": first.event_id,
            "variance": first.pk,
            "by": by.name,
            "reason": first.withdrawn_reason,
            "others": sum(each.author_id == first.author_id for each in withdrawn) - 1,
        }
        _write(
            [
                _notice(
                    NoticeKind.RETURNED,
                    first.author,
                    facts=facts,
                    event=f"variance:{first.pk}:returned",
                )
            ]
        )


def security(person: User, kind: NoticeKind, facts: Mapping[str, str] | None = None) -> None:
    """
    Tell a person what happened to their own sign-in; always mailed.

    :param kind: ``INVITED``, ``ROLE`` (facts: ``role``), ``FACTOR`` (``what``) or ``PASSWORD``
    """
    if kind not in SECURITY:
        raise ValueError(f"{kind} is no security notice")
    _write([_notice(kind, person, facts=dict(facts or {}), event=_moment(kind))])


def close(which: Q) -> None:
    """Take what is done off everybody's list: read, and its mail not sent any more."""
    now = timezone.now()
    Notice.objects.filter(which, closed_at=None).exclude(awaits=Awaits.NOTHING).update(
        closed_at=now, read_at=Coalesce(F("read_at"), now), mail_due_at=None
    )


def mark_notice_read(*, person: User, notice_id: int) -> None:
    """Mark one notice of a person's own read; again, and nothing more happens."""
    Notice.objects.filter(person=person, id=notice_id, read_at=None).update(read_at=timezone.now())


def mark_notices_read(*, person: User, up_to: int) -> None:
    """Mark a person's notices read, up to the newest that was shown."""
    unread = Notice.objects.filter(person=person, id__lte=up_to, read_at=None)
    unread.update(read_at=timezone.now())


def dismiss_notice(*, person: User, notice_id: int) -> None:
    """Take a notice off a person's own list of what needs them: they will not act on it."""
    own = Notice.objects.filter(person=person, id=notice_id, awaits__in=selectors.DISMISSIBLE)
    now = timezone.now()
    own.filter(closed_at=None).update(closed_at=now, read_at=Coalesce(F("read_at"), now))


def choose_mails(*, person: User, mailed: Mapping[NoticeKind, bool]) -> None:
    """Keep which kinds a person wants by mail; those about security are always mailed."""
    NoticePreference.objects.bulk_create(
        [
            NoticePreference(person=person, kind=kind, mail=mail)
            for kind, mail in mailed.items()
            if kind not in SECURITY
        ],
        update_conflicts=True,
        unique_fields=["person", "kind"],
        update_fields=["mail"],
    )


def _news(requests: Sequence[Request]) -> list[Request]:
    """Leave out what a replay tells of the past."""
    return [request for request in requests if request.occurred_at is None]


def _to_submitters(
    kind: NoticeKind, requests: Iterable[Request], awaits: Notice.Awaits
) -> Iterable[Notice]:
    return (_notice(kind, each.submitter, each, awaits=awaits) for each in requests)


def _moves(requests: Sequence[Request]) -> Iterable[Notice]:
    """Tell other organisations that something of theirs moved: in, out, or expired."""
    touched = {
        request: {
            organisation: facts
            for organisation, facts in all_requests.parties(request).items()
            if organisation != request.organisation_id
        }
        for request in requests
    }
    concerned = {organisation for parties in touched.values() for organisation in parties}
    people = User.objects.filter(organisation_id__in=concerned, is_active=True)
    for person in people if concerned else ():
        for request, parties in touched.items():
            if person.organisation_id in parties:
                facts = parties[person.organisation_id]
                yield _notice(NoticeKind.MOVED, person, request, facts=facts)


def _threshold(row: deadlines.Row, now: datetime) -> int:
    return next(days for days in THRESHOLDS if row["at"] <= now + timedelta(days=days))


def _deadline_notice(row: deadlines.Row, person: User, now: datetime) -> Notice:
    days = _threshold(row, now)
    facts = {
        **{name: row[name] for name in ("account", "commodity", "what", "volume")},
        # The instant ends the last day.
        "on": f"{row['at'] - timedelta(microseconds=1):%Y-%m-%d}",
        "group": deadlines.group(row),
        "days": days,
    }
    awaits = Awaits.USE if access.may(person, access.Right.SUBMIT) else Awaits.NOTHING
    event = f"deadline:{deadlines.group(row)}:{days}"
    return _notice(NoticeKind.DEADLINE, person, facts=facts, event=event, awaits=awaits)


def _close_deadlines(found: Sequence[deadlines.Row], now: datetime) -> None:
    """Close what is used up or over, and what a nearer threshold says anew."""
    near = [f"deadline:{deadlines.group(row)}:{_threshold(row, now)}" for row in found]
    close(Q(kind=NoticeKind.DEADLINE) & ~Q(event__in=near))


def _moment(what: str) -> str:
    """Name an event that may happen again."""
    return f"{what}:{timezone.now().isoformat()}"


def _notice(
    kind: NoticeKind,
    person: User,
    request: Request | None = None,
    *,
    event: str = "",
    facts: Mapping[str, Any] | None = None,
    awaits: Notice.Awaits = Awaits.NOTHING,
) -> Notice:
    return Notice(
        kind=kind,
        person=person,
        request=request,
        event=event or f"request:{request.number if request else ''}:{kind}",
        facts=dict(facts or {}),
        awaits=awaits,
        told_at=timezone.now(),
    )


def _write(notices: Iterable[Notice]) -> int:
    """Write notices with their mails in one statement; those told before stay as they are."""
    new = list(notices)
    if not new:
        return 0
    chosen = {
        (person, kind): mail
        for person, kind, mail in NoticePreference.objects.filter(
            person_id__in={notice.person_id for notice in new}
        ).values_list("person_id", "kind", "mail")
    }
    for notice in new:
        kind = NoticeKind(notice.kind)
        if chosen.get((notice.person_id, kind), kind not in selectors.QUIET):
            notice.mail_due_at = notice.told_at
    Notice.objects.bulk_create(new, batch_size=1000, ignore_conflicts=True)
    return len(new)
