"""Lets things happen in the past, as a replay of earlier history does."""

from datetime import UTC, datetime

from ledgerdb import bootstrap
from registry.models import Request
from tests import make
from tests.ledger import look
from tests.server import Database


def allow(database: Database) -> None:
    """Open a window in which ledger_replay may state past times."""
    bootstrap.open_change_window(
        database.server.admin_dsn, database.name, reason="earlier history", purpose="replay"
    )


def at(text: str) -> datetime:
    """Return an instant; without a zone it is UTC."""
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def outcome(request: Request) -> str:
    """Approve and replay a request; return "done" or the name of the refusal."""
    return look.outcome(make.approve(request), using="replay")


def done(request: Request) -> Request:
    """Approve and replay a request, and see that it was executed."""
    assert outcome(request) == "done"
    return Request.objects.get(pk=request.pk)
