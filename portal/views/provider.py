"""Signing in through an OpenID Connect provider: state, PKCE and a nonce, by POST alone."""

import logging
import secrets
from typing import Any

import jwt
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from requests import RequestException

log = logging.getLogger(__name__)

NONCE = "oidc_nonce"
PROVIDER = "oidc"
# What an answer in another form than the standard's makes the library stumble over.
STUMBLES = (KeyError, TypeError, ValueError, AttributeError, AssertionError)
# Signed with a key that the provider alone has: never with our secret, and never not at all.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]


class Adapter(OpenIDConnectOAuth2Adapter):
    """Takes only an answer that was made for this browser's question."""

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """
        Check signature, issuer, audience and nonce of the token that says who it is.

        :raises OAuth2Error: one of them does not fit
        """
        asked = request.session.pop(NONCE, None)
        claims = self._claims(app.client_id, kwargs["response"].get("id_token") or "")
        if not asked or not secrets.compare_digest(str(claims.get("nonce")), asked):
            raise OAuth2Error("The nonce is another one.")
        userinfo = self._fetch_user_info(token.token)
        if userinfo.get("sub") != claims["sub"]:
            raise OAuth2Error("The two answers are about two people.")
        data = {"userinfo": {**claims, **userinfo}, "id_token": claims}
        return self.get_provider().sociallogin_from_response(request, data)

    def _claims(self, client_id: str, token: str) -> dict[str, Any]:
        """Read a token that one of the provider's own keys has signed, for us, just now."""
        with get_adapter().get_requests_session() as session:
            keys = session.get(self.openid_config["jwks_uri"]).json()
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            for key in jwt.PyJWKSet.from_dict(keys).keys:
                if kid in (None, key.key_id):
                    claims: dict[str, Any] = jwt.decode(
                        token,
                        key,
                        algorithms=ALGORITHMS,
                        audience=client_id,
                        issuer=self.openid_config["issuer"],
                        leeway=60,
                        options={"require": ["exp", "iat", "sub"]},
                    )
                    return claims
        except jwt.PyJWTError as error:
            raise OAuth2Error("The token is not the provider's.") from error
        raise OAuth2Error("No key of the provider signed the token.")


@login_not_required
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Send somebody to the provider."""
    _need_provider()
    wanted = request.POST.get("next", "")
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    nonce = request.session[NONCE] = secrets.token_urlsafe(24)
    provider = get_adapter().get_provider(request, PROVIDER)
    try:
        answer: HttpResponse = provider.redirect(
            request, "login", next_url=wanted if here else None, auth_params={"nonce": nonce}
        )
    except RequestException:
        return redirect("/sign-in?provider=failed")
    return answer


@login_not_required
@require_safe
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take the provider's answer."""
    _need_provider()
    if provider_id != PROVIDER:
        raise Http404("There is no such provider.")
    try:
        view = OAuth2CallbackView.adapter_view(Adapter(request, PROVIDER))
        answer: HttpResponse = view(request)
    except STUMBLES:
        log.warning("the provider's answer could not be read", exc_info=True)
        return redirect("/sign-in?provider=failed")
    return answer


def _need_provider() -> None:
    if not settings.OIDC_ISSUER:
        raise Http404("There is no provider.")
