"""One's own page: second factors, sessions, password, clock."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import segno
from allauth.mfa.adapter import get_adapter
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import factors
from portal.forms.factors import NewApp, NewPasskey
from portal.forms.people import Clock
from portal.sign_in import NEWEST, confirm_url
from registry import access, services
from registry.access import SignedIn
from registry.selectors import people

View = Callable[..., HttpResponse]
# The secret that is being set up, encrypted like those that are.
SETTING_UP = "setting_up_app"


def confirmed(view: View) -> View:
    """Let nobody in who has not shown who they are in the last minutes."""

    @wraps(view)
    def guarded(request: SignedIn, *args: Any, **kwargs: Any) -> HttpResponse:
        if not factors.is_confirmed(request):
            return redirect(confirm_url(request.path))
        return view(request, *args, **kwargs)

    return never_cache(guarded)


@never_cache
@require_safe
def show(request: SignedIn) -> HttpResponse:
    """Show who somebody is to the registry, and where they are signed in."""
    return _show(request, Clock(initial={"time_zone": request.user.time_zone}))


@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def app(request: SignedIn) -> HttpResponse:
    """Set up an authenticator app: it shows a code, which shows that it has the secret."""
    secret = _secret(request)
    form = NewApp(request.POST) if request.method == "POST" else NewApp()
    if form.is_valid():
        code = form.cleaned_data["code"]
        if services.set_up_app(user=request.user, secret=secret, code=code):
            request.session.pop(SETTING_UP)
            return redirect("portal:recovery-codes")
        form.add_error("code", NEWEST)
    context = {
        "form": form,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        "picture": _picture(get_adapter().build_totp_url(request.user, secret)),
        "has_app": bool(people.factors(request.user).app),
        "must": access.must_set_up_factor(request.user),
    }
    return render(request, "portal/me/app.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def passkey(request: SignedIn) -> HttpResponse:
    """Add a passkey; the browser makes it, so this page alone needs JavaScript."""
    form = NewPasskey(request.POST) if request.method == "POST" else NewPasskey()
    if form.is_valid():
        services.add_passkey(user=request.user, **form.cleaned_data)
        return redirect("portal:recovery-codes")
    context = {"form": form, "options": factors.making_options(request.user)}
    return render(request, "portal/me/passkey.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def remove(request: SignedIn, factor: int) -> HttpResponse:
    """Ask whether to remove a second factor, and remove it."""
    found = people.own_factor(request.user, factor)
    kept = False
    if request.method == "POST":
        try:
            services.remove_factor(user=request.user, factor_id=factor)
            return redirect("portal:me")
        except services.Refused:
            kept = True
    mine = people.factors(request.user)
    last = len(mine.passkeys) + bool(mine.app) == 1
    context = {
        "factor": found,
        "is_last": last,
        "kept": kept or (last and access.must_have_factor(request.user)),
    }
    return render(request, "portal/me/remove.html", context, status=403 if kept else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@confirmed
def recovery_codes(request: SignedIn) -> HttpResponse:
    """Show the recovery codes, or make new ones."""
    if not access.has_factor(request.user):
        return redirect("portal:me")
    if request.method == "POST":
        services.renew_recovery_codes(user=request.user)
        return redirect("portal:recovery-codes")
    context = {"codes": people.recovery_codes(request.user)}
    return render(request, "portal/me/recovery_codes.html", context)


@require_POST
def end_sessions(request: SignedIn) -> HttpResponse:
    """Sign out elsewhere: in one place, or everywhere but here."""
    which = request.POST.get("session", "")
    known = which.isascii() and which.isdigit() and len(which) < 19
    if known or not which:
        services.end_sessions(
            user=request.user,
            but=request.session.session_key or "",
            only=int(which) if known else None,
        )
    return redirect("portal:me")


@require_POST
def clock(request: SignedIn) -> HttpResponse:
    """Remember whose clock to show after UTC."""
    form = Clock(request.POST)
    if not form.is_valid():
        return _show(request, form)
    services.set_time_zone(user=request.user, **form.cleaned_data)
    return redirect(f"{reverse('portal:me')}?saved=1#clock")


def _show(request: SignedIn, form: Clock) -> HttpResponse:
    context = {
        "factors": people.factors(request.user),
        "must": access.must_have_factor(request.user),
        "sessions": people.sessions(request.user, request.session.session_key),
        "form": form,
        "saved": "saved" in request.GET,
    }
    return render(request, "portal/me/show.html", context, status=422 if form.is_bound else 200)


def _secret(request: SignedIn) -> str:
    """Return the secret that is being set up: the same until it is taken, or a new one."""
    if SETTING_UP not in request.session:
        request.session[SETTING_UP] = services.encrypt(services.new_app_secret())
    return services.decrypt(request.session[SETTING_UP])


def _picture(address: str) -> SafeString:
    drawn = segno.make(address, error="m").svg_inline(
        scale=5, border=4, dark="#000", light="#fff", title="For the camera of the app"
    )
    # Made of our own address by segno: nothing that somebody typed is in it.
    return mark_safe(drawn)  # noqa: S308
