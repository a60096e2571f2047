"""Every write of the registry, one function per act. Services own their transactions."""

from ledgerdb.errors import InvariantBroken, LedgerError, Refused
from registry.services.decisions import (
    approve_request,
    approve_seen,
    reject_once,
    reject_request,
)
from registry.services.evidence import keep_evidence
from registry.services.execution import execute_approved, execute_request, holds_ledger_login
from registry.services.factors import (
    add_passkey,
    clear_factors,
    code_at,
    new_app_secret,
    remove_factor,
    renew_recovery_codes,
    set_up_app,
    use_code,
)
from registry.services.mail import send_mails, tell_changed_previews
from registry.services.notices import (
    choose_mails,
    dismiss_notice,
    mark_notice_read,
    mark_notices_read,
    tell_missed_outcomes,
    tell_near_deadlines,
)
from registry.services.people import (
    accept_invitation,
    change_role,
    confirm_invitation,
    invite,
    set_active,
    set_time_zone,
    tell_new_password,
    withdraw_invitation,
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
from registry.services.rehearsals import repeat_run
from registry.services.requests import (
    create_transfer_draft,
    discard_draft,
    draft_request,
    over_reserved,
    submit_request,
    update_draft,
    withdraw_request,
)
from registry.services.rounds import decide_several
from registry.services.secrets import decrypt, encrypt
from registry.services.sessions import end_sessions, note_presence
from registry.services.uploads import (
    Submission,
    discard_upload,
    keep_upload,
    same_upload,
    submit_upload,
)
from registry.services.variances import (
    assign_rejection,
    decide_event,
    decide_events,
    sign_variance,
    sign_variances,
    withdraw_variance,
    withdraw_variances,
)

__all__ = [
    "InvariantBroken",
    "LedgerError",
    "Refused",
    "Submission",
    "accept_invitation",
    "add_facility",
    "add_organisation",
    "add_passkey",
    "add_person",
    "add_region",
    "allow_region_change",
    "approve_request",
    "approve_seen",
    "assign_rejection",
    "change_role",
    "choose_mails",
    "clear_factors",
    "code_at",
    "confirm_invitation",
    "create_transfer_draft",
    "decide_event",
    "decide_events",
    "decide_several",
    "decrypt",
    "define_commodity",
    "discard_draft",
    "discard_upload",
    "dismiss_notice",
    "draft_request",
    "encrypt",
    "end_sessions",
    "execute_approved",
    "execute_request",
    "holds_ledger_login",
    "invite",
    "keep_evidence",
    "keep_upload",
    "mark_notice_read",
    "mark_notices_read",
    "new_app_secret",
    "note_presence",
    "open_account",
    "open_preview",
    "over_reserved",
    "preview_request",
    "reconcile",
    "record_opening",
    "reject_once",
    "reject_request",
    "remove_factor",
    "renew_recovery_codes",
    "repeat_run",
    "same_upload",
    "send_mails",
    "set_active",
    "set_time_zone",
    "set_up_app",
    "sign_variance",
    "sign_variances",
    "standings",
    "start_reconciliation",
    "submit_request",
    "submit_upload",
    "tell_changed_previews",
    "tell_missed_outcomes",
    "tell_near_deadlines",
    "tell_new_password",
    "update_draft",
    "use_code",
    "withdraw_invitation",
    "withdraw_request",
    "withdraw_variance",
    "withdraw_variances",
]
