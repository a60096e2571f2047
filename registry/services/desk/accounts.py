"""Accounts: opening, suspending, reopening, closing."""

from ledgerdb import calls
from registry.models import Account, Organisation, User
from registry.services.desk import writing
from registry.services.reference import open_account


def register_account(
    *, actor: User, organisation: Organisation, code: str, type: str, name: str = ""
) -> Account:
    """
    Open an account for an organisation.

    :raises Refused: CODE_TAKEN, ORGANISATION_SUSPENDED
    """
    return writing.register(
        actor=actor,
        add=open_account,
        taken=Account.objects.filter(code=code).exists,
        organisation=organisation,
        code=code,
        type=type,
        name=name,
    )


def set_account_status(
    *, actor: User, account: Account, version: int, status: str, reason: str
) -> Account:
    """
    Suspend, reopen or close an account.

    :raises Refused: RECORD_CHANGED, ORGANISATION_SUSPENDED, ACCOUNT_NOT_EMPTY,
        ACCOUNT_HAS_REQUESTS, RECORD_FIXED (it is closed)
    """
    with calls.acting(actor_id=actor.id, reason=reason):
        if account.organisation:
            # First, as a suspension of the organisation does: equal orders cannot deadlock.
            writing.lock(account.organisation)
        return writing.edit(
            actor=actor, record=account, version=version, reason=reason, status=status
        )
