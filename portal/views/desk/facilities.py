"""Facilities: the list, one of them, its audits, and what the registry does to it."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.forms.acts import EditFacility, Reason
from portal.forms.records import AuditForm, FacilityForm, initial_of
from portal.views.desk import acts, lists
from portal.views.desk.acts import Act
from registry import access, dates
from registry.access import Right, SignedIn
from registry.models import Facility
from registry.selectors import log, records
from registry.services import desk

STATUS = Facility.Status


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List the facilities that a person may open."""
    regions = [(each.code, each.name) for each in records.regions()]
    filters: list[lists.Filter] = [
        ("status", "Status", "Any status", STATUS.choices),
        ("region__code", "Region", "Any region", regions),
    ]
    context = lists.of(request, records.facilities(request.user), filters)
    context |= {
        "may_keep": access.may(request.user, Right.KEEP_RECORDS),
        "sees_all": access.may(request.user, Right.SEE_EVERYTHING),
        "may_submit": access.may_ask(request.user),
    }
    return render(request, "portal/facilities/list.html", context)


@require_safe
def show(request: SignedIn, code: str) -> HttpResponse:
    """Show a facility with its audits, its batches and its history."""
    item = records.get(records.facilities(request.user), code)
    before = request.GET.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    batches, older = records.batches_of(item, before=number)
    audits = list(item.audits.all())
    context = {
        "item": item,
        "audits": audits,
        "lapsed": bool(audits and audits[0].valid_until and audits[0].valid_until < dates.today()),
        "batches": batches,
        "older": older,
        "open": records.open_issues(item),
        "history": log.history(item),
        "may_keep": access.may(request.user, Right.KEEP_RECORDS),
        "sees_all": access.may(request.user, Right.SEE_EVERYTHING),
        "may_ask": access.may_ask_for(request.user, item.organisation_id),
    }
    return render(request, "portal/facilities/show.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Register a facility."""
    access.require(request.user, Right.KEEP_RECORDS)
    return acts.add(
        request,
        Act("Register a facility", "Register facility", [_all()]),
        FacilityForm,
        do=desk.register_facility,
        find=lambda answers: _of_code(request, answers["code"]),
        to=lambda answers: _address(answers["code"]),
        initial={"organisation": lists.typed(request, "organisation")},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedIn, code: str) -> HttpResponse:
    """Change what is known of a facility."""
    item = _kept(request, code)
    facts = [("Code", item.code), ("Owner", str(item.organisation))]
    note = "Batches keep the region that they were issued with."
    return acts.change(
        request,
        Act(f"Edit {item}", "Save", _above(item), facts=facts, note=note),
        EditFacility,
        item,
        do=lambda **answers: desk.edit_facility(facility=item, **answers),
        to=_address(item.code),
        initial=initial_of(item),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def suspend(request: SignedIn, code: str) -> HttpResponse:
    """Suspend a facility, once the effect was read."""
    item = _kept(request, code)
    effects = [
        "Nothing is issued for it until it is reactivated. What was issued stays as it is.",
        acts.waiting(records.open_issues(item), "cannot be executed until then"),
    ]
    return _turn(request, item, STATUS.SUSPENDED, "Suspend", effects)


@require_http_methods(["GET", "HEAD", "POST"])
def reactivate(request: SignedIn, code: str) -> HttpResponse:
    """Let a facility be issued for again, once the effect was read."""
    item = _kept(request, code)
    effects = [
        "Certificates may be issued for it again.",
        acts.waiting(records.open_issues(item), "can be executed again"),
    ]
    return _turn(request, item, STATUS.ACTIVE, "Reactivate", effects)


@require_http_methods(["GET", "HEAD", "POST"])
def close(request: SignedIn, code: str) -> HttpResponse:
    """Close a facility that no longer produces, once the effect was read."""
    item = _kept(request, code)
    effects = [
        "It no longer produces: nothing is issued for it. What was issued stays as it is.",
        acts.waiting(records.open_issues(item), "cannot be executed"),
    ]
    return _turn(request, item, STATUS.CLOSED, "Close", effects)


@require_http_methods(["GET", "HEAD", "POST"])
def audit(request: SignedIn, code: str) -> HttpResponse:
    """Record what an auditor found."""
    item = _kept(request, code)

    def known(answers: dict[str, Any]) -> Any:
        key = {name: answers[name] for name in ("audited_on", "auditor")}
        return item.audits.filter(**key).first()

    return acts.add(
        request,
        Act(
            f"Record an audit of {item}",
            "Record audit",
            _above(item),
            note="An audit stays as it is recorded. A mistake is put right by a later one.",
        ),
        AuditForm,
        do=lambda **answers: desk.record_audit(facility=item, **answers),
        find=known,
        to=lambda answers: _address(item.code),
        initial={"outcome": "passed"},
    )


def _turn(
    request: SignedIn, item: Facility, status: str, verb: str, effects: list[str]
) -> HttpResponse:
    return acts.change(
        request,
        Act(f"{verb} {item}?", f"{verb} facility", _above(item), effects=effects),
        Reason,
        item,
        do=lambda **answers: desk.set_facility_status(facility=item, status=status, **answers),
        to=_address(item.code),
        wanted={"status": status},
    )


def _kept(request: SignedIn, code: str) -> Facility:
    access.require(request.user, Right.KEEP_RECORDS)
    return records.get(records.facilities(request.user), code)


def _of_code(request: SignedIn, code: str) -> Facility | None:
    return records.facilities(request.user).filter(code=code).first()


def _all() -> tuple[str, str]:
    return "Facilities", reverse("portal:facilities")


def _above(item: Facility) -> list[tuple[str, str]]:
    return [_all(), (str(item), _address(item.code))]


def _address(code: str) -> str:
    return reverse("portal:facility", args=[code])
