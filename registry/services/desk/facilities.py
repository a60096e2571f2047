"""Facilities: registering, editing, their status, and what auditors found."""

from datetime import date
from typing import Any

from django.db.models import Max

from ledgerdb import calls
from registry.models import Facility, FacilityAudit, Organisation, Region, User
from registry.services.desk import writing
from registry.services.reference import add_facility


def register_facility(
    *, actor: User, organisation: Organisation, region: Region, code: str, **fields: Any
) -> Facility:
    """
    Register a facility.

    :raises Refused: CODE_TAKEN
    """
    return writing.register(
        actor=actor,
        add=add_facility,
        taken=Facility.objects.filter(code=code).exists,
        organisation=organisation,
        region=region,
        code=code,
        **fields,
    )


def edit_facility(
    *, actor: User, facility: Facility, version: int, reason: str = "", **fields: Any
) -> Facility:
    """
    Change what is known of a facility.

    :raises Refused: RECORD_CHANGED, RECORD_FIXED
    """
    return writing.edit(actor=actor, record=facility, version=version, reason=reason, **fields)


def set_facility_status(
    *, actor: User, facility: Facility, version: int, status: str, reason: str
) -> Facility:
    """
    Suspend, reactivate or close a facility: only an active one is issued for.

    :raises Refused: RECORD_CHANGED
    """
    return writing.edit(actor=actor, record=facility, version=version, reason=reason, status=status)


def record_audit(
    *,
    actor: User,
    facility: Facility,
    audited_on: date,
    auditor: str,
    outcome: str,
    valid_until: date | None = None,
    document: str = "",
) -> FacilityAudit:
    """
    Record what an auditor found; the facility then says when it was last audited.

    :raises Refused: CODE_TAKEN: this auditor's audit of that day is recorded
    """
    with calls.acting(actor_id=actor.id):
        kept = writing.lock(facility)
        audit = writing.register(
            actor=actor,
            add=add_audit,
            taken=kept.audits.filter(audited_on=audited_on, auditor=auditor).exists,
            facility=facility,
            audited_on=audited_on,
            auditor=auditor,
            outcome=outcome,
            valid_until=valid_until,
            document=document,
        )
        kept.audited_on = kept.audits.aggregate(last=Max("audited_on"))["last"]
        kept.save(update_fields=("audited_on",))
    return audit


def add_audit(*, facility: Facility, **fields: Any) -> FacilityAudit:
    """Add an audit."""
    return FacilityAudit.objects.create(facility=facility, **fields)
