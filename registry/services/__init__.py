"""Every write of the registry, one function per act. Services own their transactions."""

from ledgerdb.errors import InvariantBroken, LedgerError, Refused
from registry.services.decisions import approve_request, reject_request
from registry.services.execution import execute_approved, execute_request, holds_ledger_login
from registry.services.reference import (
    add_facility,
    add_organisation,
    add_person,
    add_region,
    allow_region_change,
    define_commodity,
    open_account,
)
from registry.services.requests import (
    create_transfer_draft,
    draft_request,
    preview_request,
    submit_request,
    update_draft,
    withdraw_request,
)

__all__ = [
    "InvariantBroken",
    "LedgerError",
    "Refused",
    "add_facility",
    "add_organisation",
    "add_person",
    "add_region",
    "allow_region_change",
    "approve_request",
    "create_transfer_draft",
    "define_commodity",
    "draft_request",
    "execute_approved",
    "execute_request",
    "holds_ledger_login",
    "open_account",
    "preview_request",
    "reject_request",
    "submit_request",
    "update_draft",
    "withdraw_request",
]
