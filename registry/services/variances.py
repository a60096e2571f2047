"""Deciding about rejected events: an operator writes, a second person signs."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from ledgerdb.errors import Refused, translated
from registry.models import ReplayRejection, ReplayRun, ReplayVariance, User
from registry.selectors import variances
from registry.services import notices

FROZEN = "REPLAY_VARIANCE_FROZEN"


def decide_event(
    *,
    rejection: ReplayRejection,
    author: User,
    outcome: str,
    action: str = "",
    content: dict[str, Any] | None = None,
    reason: str,
    also: Iterable[ReplayRejection] = (),
) -> ReplayVariance:
    """
    Write down what is to become of a rejected event; the same decision sent twice is one.

    What is signed stays in force until the new decision is signed.

    :param also: consequences that are decided in the same way
    :raises Refused: REPLAY_VARIANCE_FROZEN: another decision came first; ACTOR_NOT_AUTHORISED
    """
    return decide_events(
        rejections=[rejection],
        author=author,
        outcome=outcome,
        action=action,
        content=content,
        reason=reason,
        also=also,
    )[0]


def decide_events(
    *,
    rejections: Sequence[ReplayRejection],
    author: User,
    outcome: str,
    action: str = "",
    content: dict[str, Any] | None = None,
    reason: str,
    also: Iterable[ReplayRejection] = (),
) -> list[ReplayVariance]:
    """
    Write down what is to become of several rejected events of one run, all or none.

    Each is a decision of its own, which a second person signs.

    :param also: consequences that are decided in the same way, unless something is decided already
    :raises Refused: as for one
    """
    decided = {"outcome": outcome, "action": action, "content": content or {}}
    with translated(), transaction.atomic():
        found = [_decide(each.run, each.event_id, author, reason, decided) for each in rejections]
        for each in also:
            before = variances.live(each.run.source, each.event_id)
            if before is None or is_same(before, author=author, reason=reason, **decided):
                found.append(_decide(each.run, each.event_id, author, reason, decided))
        for source in {each.source for each in found}:
            notices.signatures(source)
    return found


def _decide(
    run: ReplayRun, event_id: str, author: User, reason: str, decided: dict[str, Any]
) -> ReplayVariance:
    before = variances.live(run.source, event_id)
    if before is not None and is_same(before, author=author, reason=reason, **decided):
        return before
    if before is not None and before.signed_at is None:
        raise Refused(FROZEN, facts={"variance": before.pk})
    try:
        with transaction.atomic():
            return ReplayVariance.objects.create(
                source=run.source,
                event_id=event_id,
                author=author,
                reason=reason,
                replaces=before,
                run=run,
                **decided,
            )
    except IntegrityError:
        # Somebody else was faster, or this very form was sent twice at once.
        now = variances.live(run.source, event_id)
        if now is not None and is_same(now, author=author, reason=reason, **decided):
            return now
        raise Refused(FROZEN, facts={"event": event_id}) from None


def is_same(variance: ReplayVariance, *, author: User, **given: Any) -> bool:
    """Say whether somebody has decided exactly this already."""
    return variance.author_id == author.id and all(
        getattr(variance, name) == value for name, value in given.items()
    )


def sign_variance(*, variance_id: int, signer: User) -> ReplayVariance:
    """
    Put a decision in force from the next run on; signed twice by one person, it is signed once.

    :raises Refused: SELF_APPROVAL, ACTOR_NOT_AUTHORISED, REPLAY_VARIANCE_FROZEN
    """
    return sign_variances(variance_ids=[variance_id], signer=signer)[0]


def sign_variances(*, variance_ids: Sequence[int], signer: User) -> list[ReplayVariance]:
    """
    Sign several decisions, all or none.

    :raises Refused: as for one
    """
    with translated(), transaction.atomic():
        signed = [_sign(variance_id, signer) for variance_id in variance_ids]
        for source in {each.source for each in signed}:
            notices.signatures(source)
    return signed


def _sign(variance_id: int, signer: User) -> ReplayVariance:
    variance = _locked(variance_id)
    if variance.signed_by_id != signer.id:
        variance.signed_by, variance.signed_at = signer, timezone.now()
        variance.save(update_fields=("signed_by", "signed_at"))
    return variance


def withdraw_variance(*, variance_id: int, by: User, reason: str) -> ReplayVariance:
    """
    Take back a decision that nobody signed, or send it back to its author.

    :raises Refused: ACTOR_NOT_AUTHORISED, REPLAY_VARIANCE_FROZEN: it is signed
    """
    return withdraw_variances(variance_ids=[variance_id], by=by, reason=reason)[0]


def withdraw_variances(
    *, variance_ids: Sequence[int], by: User, reason: str
) -> list[ReplayVariance]:
    """
    Take back or send back several decisions, all or none.

    :raises Refused: as for one
    """
    with translated(), transaction.atomic():
        withdrawn = [_withdraw(variance_id, by, reason) for variance_id in variance_ids]
        for source in {each.source for each in withdrawn}:
            notices.signatures(source)
        notices.sent_back(withdrawn)
    return withdrawn


def _withdraw(variance_id: int, by: User, reason: str) -> ReplayVariance:
    variance = _locked(variance_id)
    if variance.withdrawn_at is None or variance.withdrawn_by_id != by.id:
        variance.withdrawn_at = timezone.now()
        variance.withdrawn_by, variance.withdrawn_reason = by, reason
        variance.save(update_fields=("withdrawn_at", "withdrawn_by", "withdrawn_reason"))
    return variance


def assign_rejection(*, rejection: ReplayRejection, assignee: User | None) -> None:
    """Note who looks into a rejection, and what follows from it; nobody, to let it go."""
    with translated():
        ReplayRejection.objects.filter(
            run_id=rejection.run_id, root_event=rejection.root_event
        ).update(assignee=assignee)


def _locked(variance_id: int) -> ReplayVariance:
    found = ReplayVariance.objects.select_for_update(of=("self",), no_key=True).filter(
        pk=variance_id
    )
    return found.get()
