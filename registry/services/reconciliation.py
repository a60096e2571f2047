"""Reconciling the ledger: the database proves, and keeps what it found."""

import logging
from threading import Thread
from uuid import UUID, uuid4

from django.core.cache import cache
from django.db import DatabaseError

from ledgerdb import calls
from registry.models import User
from registry.selectors.reconciliation import RUNNING

log = logging.getLogger(__name__)

# One run at a time; if its process dies, it is forgotten after a while.
FORGOTTEN_AFTER = 900


def reconcile(*, key: UUID | None = None, asked_by: User | None = None) -> int:
    """Run every check, keep the result, and return the run's id."""
    return calls.record_reconciliation(
        key=key or uuid4(), asked_by=asked_by.id if asked_by else None
    )


def start_reconciliation(*, key: UUID, asked_by: User) -> Thread | None:
    """Run every check beside this request; None when a run is under way: one answers both."""
    if not cache.add(RUNNING, str(key), FORGOTTEN_AFTER):
        return None
    thread = Thread(target=_run, args=(key, asked_by), daemon=True)
    thread.start()
    return thread


def _run(key: UUID, asked_by: User) -> None:
    try:
        reconcile(key=key, asked_by=asked_by)
    except DatabaseError:
        # Nobody waits for this thread: the page says that the run never ended.
        log.exception("reconciliation %s did not finish", key)
    finally:
        cache.delete(RUNNING)
        calls.let_go()
