"""The refusals of the database as Python exceptions, told apart by SQLSTATE and never by text."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError

# PostgreSQL's own: a lock not had in time, a deadlock, a stale snapshot.
BUSY = {"55P03", "40P01", "40001"}


class LedgerError(Exception):
    """
    The database said no.

    ``code`` is the stable name of ``ledger.error_codes``; ``facts`` are for the log and never for a
    page.
    """

    def __init__(self, code: str, *, sqlstate: str = "", facts: Any = None, invariant: str = ""):
        """Keep what the database said."""
        super().__init__(code)
        self.code = code
        self.sqlstate = sqlstate
        self.facts = facts
        self.invariant = invariant


class Refused(LedgerError):
    """The request cannot be done; the person can do something about it."""


class InvariantBroken(LedgerError):
    """A guard stopped something that no request can cause: alert, nobody's input is at fault."""


@contextmanager
def translated() -> Iterator[None]:
    """
    Turn what PostgreSQL raises in this block into the ledger's own exceptions.

    Belongs outside ``atomic()``: guards that fire at commit speak as that block ends.

    :raises Refused: codes of the classes LA, LR, LC, LV, LB001, LD, LT, LK
    :raises InvariantBroken: codes of the classes LB002, LB003, LP, LI, LX
    """
    try:
        yield
    except DatabaseError as error:
        diag = getattr(error.__cause__, "diag", None)
        sqlstate = (diag and diag.sqlstate) or ""
        if diag is None or (sqlstate[:1] != "L" and sqlstate not in BUSY):
            raise
        if sqlstate in BUSY:
            raise Refused("LOCK_NOT_AVAILABLE", sqlstate=sqlstate) from error
        broken = sqlstate[:2] in {"LP", "LI", "LX"} or sqlstate in {"LB002", "LB003"}
        kind = InvariantBroken if broken else Refused
        raise kind(
            diag.message_primary or "",
            sqlstate=sqlstate,
            facts=_facts(diag.message_detail),
            invariant=diag.constraint_name or "",
        ) from error


def _facts(detail: str | None) -> Any:
    try:
        return json.loads(detail or "{}")
    except ValueError:
        return detail
