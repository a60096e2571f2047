"""Changing a password, and setting it anew through a link."""

from typing import Any

from allauth.account.views import (
    PasswordChangeView,
    PasswordResetDoneView,
    PasswordResetFromKeyDoneView,
    PasswordResetFromKeyView,
    PasswordResetView,
)
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from portal.forms.passwords import ChangePassword, SetPassword
from registry import services


class Change(PasswordChangeView):
    """Change one's own password; every other session ends."""

    template_name = "portal/me/password.html"
    form_class = ChangePassword

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Somebody without a password sets one through a link, which shows whose address it is."""
        if request.user.is_authenticated and not request.user.has_usable_password():
            return redirect("account_reset_password")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """End the other sessions too; the new password alone would only lock them out."""
        answer: HttpResponse = super().form_valid(form)
        session = self.request.session
        services.end_sessions(user=form.user, but=session.session_key)
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show why not."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


class Reset(PasswordResetView):
    """Ask for a link; the answer is the same whoever has this address."""

    template_name = "portal/session/reset.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show why not."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ResetSent(PasswordResetDoneView):
    """Say what happens next."""

    template_name = "portal/session/reset_sent.html"


@method_decorator(never_cache, name="dispatch")
class ResetFromLink(PasswordResetFromKeyView):
    """Set a new password, once, in time."""

    template_name = "portal/session/reset_link.html"
    form_class = SetPassword

    def form_valid(self, form: Any) -> HttpResponse:
        """End every session of before."""
        answer: HttpResponse = super().form_valid(form)
        services.end_sessions(user=self.reset_user)
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show why not."""
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ResetDone(PasswordResetFromKeyDoneView):
    """Lead to sign in."""

    template_name = "portal/session/reset_done.html"


change = Change.as_view()
reset = Reset.as_view()
reset_sent = ResetSent.as_view()
reset_link = ResetFromLink.as_view()
reset_done = ResetDone.as_view()
