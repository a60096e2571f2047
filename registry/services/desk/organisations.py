"""Organisations: registering, editing, suspending, reactivating."""

from typing import Any

from ledgerdb import calls
from registry.models import Account, Organisation, User
from registry.selectors import log
from registry.services.desk import writing
from registry.services.reference import add_organisation


def register_organisation(*, actor: User, code: str, **legal: Any) -> Organisation:
    """
    Register an organisation.

    :raises Refused: CODE_TAKEN
    """
    return writing.register(
        actor=actor,
        add=add_organisation,
        taken=Organisation.objects.filter(code=code).exists,
        code=code,
        **legal,
    )


def edit_organisation(
    *, actor: User, organisation: Organisation, version: int, reason: str = "", **legal: Any
) -> Organisation:
    """
    Change the legal data of an organisation.

    :raises Refused: RECORD_CHANGED, RECORD_FIXED
    """
    return writing.edit(actor=actor, record=organisation, version=version, reason=reason, **legal)


def suspend_organisation(
    *, actor: User, organisation: Organisation, version: int, reason: str
) -> Organisation:
    """
    Suspend an organisation: with it, the database suspends its active accounts.

    :raises Refused: RECORD_CHANGED
    """
    return writing.edit(
        actor=actor,
        record=organisation,
        version=version,
        reason=reason,
        status=Organisation.Status.SUSPENDED,
    )


def reactivate_organisation(
    *, actor: User, organisation: Organisation, version: int, reason: str
) -> Organisation:
    """
    Let an organisation act again; of its accounts, those that were suspended with it.

    :raises Refused: RECORD_CHANGED
    """
    with calls.acting(actor_id=actor.id, reason=reason):
        active = writing.edit(
            actor=actor,
            record=organisation,
            version=version,
            reason=reason,
            status=Organisation.Status.ACTIVE,
        )
        Account.objects.filter(
            id__in=log.frozen_with(active), organisation=active, status=Account.Status.SUSPENDED
        ).update(status=Account.Status.ACTIVE)
    return active
