"""Asking for another run of a replay; the command ``manage.py replay work`` takes it from there."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from ledgerdb.errors import translated
from registry.models import ReplayRun, User

GIVEN = (
    "source",
    "adapter",
    "path",
    "file_name",
    "sha256",
    "size",
    "options",
    "balances_path",
    "balances_sha256",
)


def repeat_run(*, like: ReplayRun, asked_by: User, key: UUID, **found: Any) -> ReplayRun:
    """
    Ask for another rehearsal over the source of an earlier run, with the rules signed by then.

    One waits at a time: asked again, or sent twice, it is the one that waits.

    :param found: hashes and size of the source as it is now, where they could be read
    """
    with translated(), transaction.atomic():
        # Whoever asks for the same history at the same time queues here.
        ReplayRun.objects.select_for_update(no_key=True).get(pk=like.pk)
        waiting = ReplayRun.objects.filter(
            source=like.source, state=ReplayRun.State.WAITING, purpose=ReplayRun.Purpose.REHEARSAL
        ).first()
        first = ReplayRun.objects.filter(idempotency_key=key).first() or waiting
        if first is not None:
            return first
        try:
            with transaction.atomic():
                return ReplayRun.objects.create(
                    **{**{name: getattr(like, name) for name in GIVEN}, **found},
                    asked_by=asked_by,
                    idempotency_key=key,
                )
        except IntegrityError:
            return ReplayRun.objects.get(idempotency_key=key)
