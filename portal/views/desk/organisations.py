"""Organisations: the list, one of them, and what the registry does to it."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.forms.acts import EditOrganisation, Reason
from portal.forms.records import AccountForm, OrganisationForm, initial_of
from portal.views.desk import acts, lists
from portal.views.desk.acts import Act
from registry import access
from registry.access import Right, SignedIn
from registry.models import Organisation
from registry.selectors import log, records
from registry.services import desk

STATUS = Organisation.Status
FILTERS: list[lists.Filter] = [
    ("kind", "Kind", "Any kind", Organisation.Kind.choices),
    ("status", "Status", "Any status", STATUS.choices),
]


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List the organisations; who sees only their own is led there."""
    access.require(request.user, Right.SEE_ORGANISATION)
    if access.sees_only(request.user):
        return redirect("portal:organisation", request.user.organisation.code)
    context = lists.of(request, records.organisations(request.user), FILTERS)
    context["may_keep"] = access.may(request.user, Right.KEEP_RECORDS)
    return render(request, "portal/organisations/list.html", context)


@require_safe
def show(request: SignedIn, code: str) -> HttpResponse:
    """Show an organisation with its accounts, facilities, people and history."""
    access.require(request.user, Right.SEE_ORGANISATION)
    item = records.get(records.organisations(request.user), code)
    context = {
        "item": item,
        "accounts": records.accounts_of(item),
        "facilities": item.facilities.select_related("region"),
        "people": records.people(item),
        "open": records.open_requests(item),
        "history": log.history(item),
        "may_keep": access.may(request.user, Right.KEEP_RECORDS),
        "may_invite": access.may(request.user, Right.MANAGE_TEAM),
        "sees_all": access.may(request.user, Right.SEE_EVERYTHING),
    }
    return render(request, "portal/organisations/show.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: SignedIn) -> HttpResponse:
    """Register an organisation."""
    access.require(request.user, Right.KEEP_RECORDS)
    return acts.add(
        request,
        Act("Register an organisation", "Register organisation", [_all()]),
        OrganisationForm,
        do=desk.register_organisation,
        find=lambda answers: (
            records.organisations(request.user).filter(code=answers["code"]).first()
        ),
        to=lambda answers: _address(answers["code"]),
        initial={"kind": "participant"},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: SignedIn, code: str) -> HttpResponse:
    """Change the legal data of an organisation."""
    item = _kept(request, code)
    facts = [("Code", item.code), ("Kind", item.get_kind_display())]
    return acts.change(
        request,
        Act(f"Edit {item}", "Save", _above(item), facts=facts),
        EditOrganisation,
        item,
        do=lambda **answers: desk.edit_organisation(organisation=item, **answers),
        to=_address(item.code),
        initial=initial_of(item),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def suspend(request: SignedIn, code: str) -> HttpResponse:
    """Suspend an organisation, once the effect was read."""
    item = _kept(request, code)
    own = item.id == request.user.organisation_id
    return acts.change(
        request,
        Act(
            f"Suspend {item}?",
            "Suspend organisation",
            _above(item),
            effects=_stopped(item),
            obstacles=["It is your own: nobody could reactivate it."] if own else [],
        ),
        Reason,
        item,
        do=lambda **answers: desk.suspend_organisation(organisation=item, **answers),
        to=_address(item.code),
        wanted={"status": STATUS.SUSPENDED},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def reactivate(request: SignedIn, code: str) -> HttpResponse:
    """Let a suspended organisation act again, once the effect was read."""
    item = _kept(request, code)
    return acts.change(
        request,
        Act(f"Reactivate {item}?", "Reactivate organisation", _above(item), effects=_freed(item)),
        Reason,
        item,
        do=lambda **answers: desk.reactivate_organisation(organisation=item, **answers),
        to=_address(item.code),
        wanted={"status": STATUS.ACTIVE},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def open_account(request: SignedIn, code: str) -> HttpResponse:
    """Open an account for an organisation."""
    item = _kept(request, code)
    suspended = item.status == STATUS.SUSPENDED
    stop = ["The organisation is suspended: reactivate it first."] if suspended else []

    return acts.add(
        request,
        Act(f"Open an account for {item}", "Open account", _above(item), obstacles=stop),
        AccountForm,
        do=lambda **answers: desk.register_account(organisation=item, **answers),
        find=lambda answers: item.accounts.filter(code=answers["code"]).first(),
        to=lambda answers: reverse("portal:account", args=[answers["code"]]),
        initial={"type": "trading"},
    )


def _kept(request: SignedIn, code: str) -> Organisation:
    access.require(request.user, Right.KEEP_RECORDS)
    return records.get(records.organisations(request.user), code)


def _stopped(item: Organisation) -> list[str]:
    waiting = records.open_requests(item)
    active = [each.code for each in item.accounts.filter(status="active")]
    people = item.people.filter(is_active=True).count()
    return [
        f"{acts.so_many(people, 'person', 'people')} can still sign in and look, and submit"
        " nothing.",
        f"{acts.so_many(len(active), 'active account')} will be suspended:"
        f" {', '.join(active)}. Nothing enters or leaves."
        if active
        else "None of its accounts is active.",
        acts.waiting(waiting, "cannot be approved or executed while it is suspended"),
    ]


def _freed(item: Organisation) -> list[str]:
    again = records.account_codes(log.frozen_with(item))
    return [
        "Its people can submit again.",
        f"What was suspended with it becomes active again: {', '.join(again)}."
        if again
        else "No account was suspended with it.",
        acts.waiting(records.open_requests(item), "can be approved and executed again"),
    ]


def _all() -> tuple[str, str]:
    return "Organisations", reverse("portal:organisations")


def _above(item: Organisation) -> list[tuple[str, str]]:
    return [_all(), (str(item), _address(item.code))]


def _address(code: str) -> str:
    return reverse("portal:organisation", args=[code])
