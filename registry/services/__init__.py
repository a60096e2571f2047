"""Every write of the registry, one function per act. Services own their transactions."""

from ledgerdb.errors import InvariantBroken, LedgerError, Refused
from registry.services.decisions import (
    approve_request,
    approve_seen,
    reject_once,
    reject_request,
)
from registry.services.execution import execute_approved, execute_request, holds_ledger_login
from registry.services.mail import send_mails, tell_changed_previews
from registry.services.notices import (
    choose_mails,
    dismiss_notice,
    mark_notice_read,
    mark_notices_read,
    tell_missed_outcomes,
    tell_near_deadlines,
)
from registry.services.previews import open_preview, preview_request, record_opening, standings
from registry.services.reconciliation import reconcile, start_reconciliation
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
    discard_draft,
    draft_request,
    submit_request,
    update_draft,
    withdraw_request,
)
from registry.services.rounds import decide_several

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
    "approve_seen",
    "choose_mails",
    "create_transfer_draft",
    "decide_several",
    "define_commodity",
    "discard_draft",
    "dismiss_notice",
    "draft_request",
    "execute_approved",
    "execute_request",
    "holds_ledger_login",
    "mark_notice_read",
    "mark_notices_read",
    "open_account",
    "open_preview",
    "preview_request",
    "reconcile",
    "record_opening",
    "reject_once",
    "reject_request",
    "send_mails",
    "standings",
    "start_reconciliation",
    "submit_request",
    "tell_changed_previews",
    "tell_missed_outcomes",
    "tell_near_deadlines",
    "update_draft",
    "withdraw_request",
]
