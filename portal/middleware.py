"""Sign-in is needed everywhere, except where a view says otherwise; and when it was last used."""

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from registry import services


class SignInRequired(LoginRequiredMiddleware):
    """Send people to sign in; a fragment must not be filled with that page."""

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Leave public views alone before asking who somebody is, which asks the database."""
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        """Redirect a page; tell htmx to leave the page."""
        answer = super().handle_no_permission(request, view_func)
        if request.headers.get("HX-Request") != "true":
            return answer
        return HttpResponse(status=401, headers={"HX-Redirect": answer.headers["Location"]})


class LastSeen:
    """Note when and from where a session was last used, for the list that its owner sees."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        """Keep what comes next."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Leave the request to what comes next: only a view tells whether it is public."""
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., Any],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> None:
        """Note it for those who are signed in; public views ask no database who somebody is."""
        if not getattr(view_func, "login_required", True):
            return
        key = request.session.session_key
        if key and request.user.is_authenticated:
            services.note_presence(session_key=key, ip=get_adapter().get_client_ip(request))
