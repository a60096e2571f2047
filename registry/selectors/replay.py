"""What a replay reads: reference records by code, earlier outcomes, and the ledger at its end."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet

from ledgerdb import history, reads
from registry.models import Commodity, RegionRule, Request


def holds_replay_login() -> bool:
    """Say whether this process was given the login that may state a past time."""
    return "replay" in settings.DATABASES


def is_window_open() -> bool:
    """Say whether the administrator allows past times now."""
    return history.is_replay_window_open()


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


def volume_of(request: Request, transaction_id: int | None) -> int:
    """Return how many certificates an executed request moved."""
    # Only an expiry does not name its volume.
    if request.volume is not None or transaction_id is None:
        return request.volume or 0
    return history.volume_of(transaction_id)


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
