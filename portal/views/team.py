"""The people of an organisation: who they are, who is invited, and what they may do."""

from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import mail, refusals
from portal.forms.factors import SecondFactor
from portal.forms.people import Invite, Role
from registry import access, services
from registry.access import SignedIn
from registry.models import Invitation, Organisation, User
from registry.selectors import people

TAKEN = "Somebody signs in with this address already."


@require_safe
def show(request: SignedIn) -> HttpResponse:
    """List the people of one's own organisation, or of any for a registry operator."""
    access.require(request.user, access.Right.SEE_TEAM)
    organisation = _organisation(request)
    context = {
        "organisation": organisation,
        "organisations": people.organisations(request.user),
        "team": people.team(organisation),
        "invitations": people.invitations(organisation),
        "may_manage": access.may(request.user, access.Right.MANAGE_TEAM),
        "may_confirm": access.may(request.user, access.Right.CONFIRM_STAFF),
        "staff": access.STAFF,
    }
    return render(request, "portal/team/show.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: SignedIn) -> HttpResponse:
    """Invite somebody: a link by mail, or for registry staff a second person's word first."""
    access.require(request.user, access.Right.MANAGE_TEAM)
    organisation = _organisation(request)
    form = Invite(request.POST or None, organisation=organisation)
    if request.method == "POST" and form.is_valid():
        answers = form.cleaned_data
        try:
            made, token = services.invite(by=request.user, organisation=organisation, **answers)
        except services.Refused as refused:
            if refused.code != "EMAIL_TAKEN":
                return refusals.page(request, refused.code)
            form.add_error("email", TAKEN)
        else:
            _send(request, made, token)
            return redirect(_team(organisation))
    context = {"organisation": organisation, "form": form}
    status = 422 if form.is_bound else 200
    return render(request, "portal/team/invite.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: SignedIn, invitation: UUID) -> HttpResponse:
    """Be the second person who lets somebody into the registry's staff."""
    access.require(request.user, access.Right.CONFIRM_STAFF)
    found = people.invitation(request.user, invitation)
    posted = request.method == "POST"
    form = SecondFactor(request.POST if posted else None, user=request.user)
    if posted and access.must_set_up_factor(request.user):
        return redirect("portal:app")
    if posted and form.is_valid() and form.take_factor("confirm-staff"):
        try:
            made, token = services.confirm_invitation(invitation_id=found.id, by=request.user)
        except services.Refused as refused:
            return refusals.page(request, refused.code)
        if token:
            _send(request, made, token)
        return redirect(_team(found.organisation))
    context = {
        "invitation": found,
        "form": form,
        "is_own": access.is_same_person(request.user, found.invited_by),
        "needs_factor": access.must_set_up_factor(request.user),
    }
    return render(request, "portal/team/confirm.html", context, status=422 if posted else 200)


@require_POST
def withdraw(request: SignedIn, invitation: UUID) -> HttpResponse:
    """End an invitation that nobody has taken."""
    access.require(request.user, access.Right.MANAGE_TEAM)
    found = people.invitation(request.user, invitation)
    services.withdraw_invitation(invitation_id=found.id)
    return redirect(_team(found.organisation))


@require_safe
def person(request: SignedIn, person: UUID) -> HttpResponse:
    """Show one sign-in, and what may be changed about it."""
    access.require(request.user, access.Right.MANAGE_TEAM)
    found = people.colleague(request.user, person)
    return _person(request, found, Role(initial={"role": found.role}, person=found))


@require_POST
def role(request: SignedIn, person: UUID) -> HttpResponse:
    """Give somebody another role."""
    access.require(request.user, access.Right.MANAGE_TEAM)
    found = people.colleague(request.user, person)
    form = Role(request.POST, person=found)
    if not form.is_valid() or not access.may_change(request.user, found):
        return _person(request, found, form, 422)
    try:
        services.change_role(user_id=found.id, role=form.cleaned_data["role"], by=request.user)
    except services.Refused as refused:
        return refusals.page(request, refused.code)
    return redirect(_team(found.organisation))


@require_POST
def access_of(request: SignedIn, person: UUID) -> HttpResponse:
    """Close somebody's sign-in, open it again, or take away factors that they have lost."""
    access.require(request.user, access.Right.MANAGE_TEAM)
    found = people.colleague(request.user, person)
    act = request.POST.get("act", "")
    if act not in ACTS or not access.may_change(request.user, found):
        return _person(request, found, Role(initial={"role": found.role}, person=found), 422)
    try:
        ACTS[act](found, request.user)
    except services.Refused as refused:
        return refusals.page(request, refused.code)
    return redirect(_team(found.organisation))


def _disable(found: User, by: User) -> None:
    services.set_active(user=found, active=False, by=by)


def _enable(found: User, by: User) -> None:
    services.set_active(user=found, active=True, by=by)


def _clear(found: User, by: User) -> None:
    services.clear_factors(user=found)


ACTS = {"disable": _disable, "enable": _enable, "clear": _clear}


def _person(request: SignedIn, found: User, form: Role, status: int = 200) -> HttpResponse:
    context = {
        "person": found,
        "form": form,
        "roles": form.fields["role"].choices,  # type: ignore[attr-defined]
        "may_change": access.may_change(request.user, found),
        "is_self": access.is_same_person(request.user, found),
        "has_factor": access.has_factor(found),
    }
    return render(request, "portal/team/person.html", context, status=status)


def _organisation(request: SignedIn) -> Organisation:
    code = request.GET.get("organisation", "").replace("\x00", "")
    return people.organisation(request.user, code)


def _team(organisation: Organisation) -> str:
    return f"{reverse('portal:team')}?{urlencode({'organisation': organisation.code})}"


def _send(request: SignedIn, invitation: Invitation, token: str) -> None:
    if not token:
        return
    address = request.build_absolute_uri(reverse("portal:invitation", args=[token]))
    mail.send("invitation", invitation.email, {"invitation": invitation, "address": address})
