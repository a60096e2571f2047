"""What a replay reads: reference records by code, earlier outcomes, and the ledger at its end."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Model, Q, QuerySet
from django.utils import timezone

from ledgerdb import history, reads
from registry.models import (
    Commodity,
    RegionRule,
    ReplayRejection,
    ReplayRun,
    ReplayVariance,
    Request,
)

# A command begins with the run that it recorded at once.
LEFT = timedelta(seconds=60)


def holds_replay_login() -> bool:
    """Say whether this process was given the login that may state a past time."""
    return "replay" in settings.DATABASES


def is_window_open() -> bool:
    """Say whether the administrator allows past times now."""
    return history.open_window() is not None


def open_window() -> tuple[datetime, str] | None:
    """Return until when past times are allowed and for what, if they are now."""
    return history.open_window()


def by_code(model: type[Model], code: str) -> Any:
    """Return a reference record, or None."""
    related = {"User": ("organisation",), "Account": ("organisation",)}
    found: QuerySet[Any] = model._default_manager.select_related(
        *related.get(model.__name__, (None,))
    )
    return found.filter(code=code).first()


def region_rule(**key: Any) -> RegionRule | None:
    """Return the rule for a commodity, two regions and a first day, or None."""
    return RegionRule.objects.filter(**key).first()


def requests_of(event_ids: Iterable[str]) -> dict[str, Request]:
    """Return the requests that were made from these events, by event."""
    found = Request.objects.filter(source_event__in=list(event_ids))
    return {str(request.source_event): request for request in found}


def numbers_of_batch(commodity: Commodity, serial: str) -> tuple[int, int] | None:
    """Return the first and last number of a migrated batch, or None if it was not issued."""
    return history.numbers_of_batch(commodity.pk, serial)


def numbers_of_batches(commodity_id: int, serials: list[str]) -> dict[str, tuple[int, int]]:
    """Return the first and last number of those of these migrated batches that were issued."""
    return history.numbers_of_batches(commodity_id, serials)


def volume_of(request: Request, transaction_id: int | None) -> int:
    """Return how many certificates an executed request moved."""
    # Only an expiry does not name its volume.
    if request.volume is not None or transaction_id is None:
        return request.volume or 0
    return history.volume_of(transaction_id)


def around(commodity: Commodity, accounts: Iterable[Any], ranges: Iterable[Any]) -> dict[str, Any]:
    """Return what the ledger says around an event: balances, who holds the numbers, its height."""
    held = [
        {"account": code, "first": first, "last": last}
        for lowest, highest in list(ranges)[:5]
        for code, first, last in history.holders(commodity.pk, lowest, highest)
    ]
    return {
        "balances": history.balances(commodity.pk, [account.pk for account in accounts]),
        "holders": held,
        "height": history.height(commodity.pk),
    }


def figures() -> dict[str, dict[str, int]]:
    """Return, by commodity code, what is issued, held, retired and so on, by type of account."""
    found: dict[str, dict[str, int]] = {}
    for commodity, kind, total in history.sums():
        found.setdefault(commodity, {})[kind] = abs(int(total))
    return found


def closing_balances() -> dict[tuple[str, str], int]:
    """Return what each account holds, by commodity and account code."""
    return {(commodity, code): int(n) for commodity, code, n in history.closing_balances()}


def closing_blocks() -> list[tuple[str, str, str, int, int]]:
    """Return commodity, serial, account, first and last number from 0, of every migrated block."""
    return [
        (str(c), str(s), str(a), int(first), int(last))
        for c, s, a, first, last in history.closing_blocks()
    ]


def rules_in_force(source: str) -> list[dict[str, Any]]:
    """Return the signed decisions about events of a source that no later signed one replaces."""
    found = (
        ReplayVariance.objects.filter(source=source, signed_at__isnull=False)
        .exclude(replaced_by__signed_at__isnull=False)
        .select_related("author", "signed_by")
        .order_by("id")
    )
    return [
        {
            "id": each.pk,
            "event_id": each.event_id,
            "outcome": each.outcome,
            "action": each.action,
            "content": each.content,
            "reason": each.reason,
            "author": each.author.name,
            "signed_by": each.signed_by.name if each.signed_by else "",
            "signed_at": each.signed_at.isoformat() if each.signed_at else "",
        }
        for each in found
    ]


def run(run_id: int) -> ReplayRun | None:
    """Return a run of a replay, for the command that works on it."""
    return ReplayRun.objects.filter(id=run_id).first()


def runs() -> list[ReplayRun]:
    """Return every run, the newest first."""
    return list(ReplayRun.objects.order_by("-id"))


def waiting() -> ReplayRun | None:
    """Return the rehearsal that has waited longest."""
    waits = ReplayRun.State.WAITING
    return ReplayRun.objects.filter(state=waits, purpose="rehearsal").order_by("id").first()


def to_work_on() -> list[ReplayRun]:
    """Return the rehearsals that a worker may take, the oldest first."""
    state = ReplayRun.State
    # One that a command recorded just now is that command's own.
    left = Q(asked_by__isnull=False) | Q(created_at__lt=timezone.now() - LEFT)
    going = Q(state__in=(state.RUNNING, state.STOPPED)) | Q(state=state.WAITING) & left
    return list(ReplayRun.objects.filter(going, purpose="rehearsal").order_by("id"))


def rejections_of(run_id: int) -> Iterator[ReplayRejection]:
    """Return what a run rejected, in the order of the source."""
    return ReplayRejection.objects.filter(run_id=run_id).order_by("line", "id").iterator()


def codes_of(run_id: int) -> list[dict[str, Any]]:
    """Return how many events a run rejected by code, and of how many causes."""
    found = (
        ReplayRejection.objects.filter(run_id=run_id)
        .values("code", "kind")
        .annotate(events=Count("id"), causes=Count("root_event", distinct=True))
        .order_by("code", "kind")
    )
    return [dict(row) for row in found]


def broken_chains() -> dict[str, int | None]:
    """Verify every chain; return by commodity code the first height that does not hold, or None."""
    codes = Commodity.objects.order_by("code").values_list("code", "id")
    return {code: reads.verify_chain(key, using="default") for code, key in codes}


def ledger_state() -> dict[str, Any]:
    """Reconcile the ledger, and return the height and hash of every chain by commodity code."""
    codes = dict(Commodity.objects.values_list("id", "code"))
    heads = reads.chain_heads(using="default")
    return {
        "reconciled": reads.reconcile(using="default"),
        "chains": {
            codes[commodity]: {"height": height, "hash": top.hex()}
            for commodity, (height, top) in sorted(heads.items(), key=lambda head: codes[head[0]])
        },
    }
