"""Taking up an invitation: a name and a password make the sign-in."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.forms.people import Accept
from registry import services
from registry.selectors import people


@login_not_required
@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for name and password, and make the sign-in; the link ends with it."""
    invitation = people.offered_by(token)
    if invitation is None:
        return render(request, "portal/session/invitation_spent.html", status=410)
    posted = request.method == "POST"
    form = Accept(request.POST if posted else None, email=invitation.email)
    if form.is_valid():
        try:
            services.accept_invitation(token=token, **form.cleaned_data)
        except services.Refused:
            return render(request, "portal/session/invitation_spent.html", status=410)
        return redirect("portal:welcome")
    context = {"invitation": invitation, "form": form}
    status = 422 if posted else 200
    return render(request, "portal/session/invitation.html", context, status=status)


@login_not_required
@require_http_methods(["GET", "HEAD"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Lead to sign in."""
    return render(request, "portal/session/welcome.html")
