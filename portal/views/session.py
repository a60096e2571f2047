"""Signing in and out."""

from typing import Any

from allauth.account.views import LoginView, LogoutView
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST


class SignIn(LoginView):
    """Sign in with e-mail address and password; an approver's code will be a second step."""

    template_name = "portal/session/sign_in.html"

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show why not: 429 when too many attempts failed, otherwise 422."""
        codes = {error.code for error in form.non_field_errors().as_data()}
        locked = "too_many_login_attempts" in codes
        context = self.get_context_data(form=form)
        return self.render_to_response(context, status=429 if locked else 422)


sign_in = SignIn.as_view()
sign_out = require_POST(LogoutView.as_view())


@login_not_required
def closed(request: HttpRequest) -> HttpResponse:
    """Answer as if there were no such page: the registry opens accounts and resets passwords."""
    raise Http404("There is no such page.")
