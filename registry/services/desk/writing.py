"""What every act of the desk has in common: a name, a reason, and the version that was seen."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import IntegrityError, models

from ledgerdb import calls
from ledgerdb.errors import Refused
from registry.models import User
from registry.selectors import log

Record = TypeVar("Record", bound=models.Model)


def register(
    *, actor: User, add: Callable[..., Record], taken: Callable[[], bool], **fields: Any
) -> Record:
    """
    Add a record in somebody's name.

    :param taken: says whether a record stands in the way
    :raises Refused: CODE_TAKEN, ACTOR_NOT_AUTHORISED, and as the database refuses
    """
    try:
        with calls.acting(actor_id=actor.id):
            return add(**fields)
    except IntegrityError as error:
        if not taken():
            raise
        facts = {"code": str(fields.get("code", ""))}
        raise Refused("CODE_TAKEN", sqlstate="LC014", facts=facts) from error


def edit(*, actor: User, record: Record, version: int, reason: str = "", **changes: Any) -> Record:
    """
    Change some fields of a record, if it is still as the person saw it.

    :raises Refused: RECORD_CHANGED, ACTOR_NOT_AUTHORISED, and as the guards of the record refuse
    """
    with calls.acting(actor_id=actor.id, reason=reason):
        kept = lock(record)
        check_version(kept, version)
        for name, value in changes.items():
            setattr(kept, name, value)
        kept.save(update_fields=list(changes))
    return kept


def lock(record: Record) -> Record:
    """Lock a record, and return it as it is now."""
    manager = type(record)._default_manager
    return manager.select_for_update(no_key=True, of=("self",)).get(pk=record.pk)


def check_version(record: models.Model, version: int) -> None:
    """
    See that nobody changed a locked record since it was shown.

    :raises Refused: RECORD_CHANGED
    """
    now = log.version_of(record)
    if now != version:
        raise Refused("RECORD_CHANGED", sqlstate="LC015", facts={"shown": version, "now": now})
