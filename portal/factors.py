"""
Second factors on a page: a code or a passkey, taken once, under the limits of signing in.

To ask for one in a form: derive the form from ``portal.forms.factors.SecondFactor``, include
``parts/second_factor.html``, and call ``form.take_factor(purpose)`` right before the act.
"""

import json
from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ValidationError

from portal.sign_in import NEWEST
from registry import access, services
from registry.access import SignedIn
from registry.models import User
from registry.selectors import people

PASSKEY_FAILED = "The passkey was not accepted. Try it again."
# What a made-up credential makes the library stumble over.
STUMBLES = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def take_code(user: User, code: str, purpose: str) -> Any:
    """
    Use up a code and return the factor that it is of.

    :raises ValidationError: wrong, used before, or too many were wrong
    """
    forgive = check_rate_limit(user)
    factor = services.use_code(user=user, code=code, purpose=purpose)
    if factor is None:
        raise ValidationError(NEWEST, code="incorrect_code")
    factor.user = user
    forgive()
    return factor


def take_passkey(user: User, credential: dict[str, Any]) -> Any:
    """
    Check what a passkey signed and return that passkey; the challenge is used up.

    :raises ValidationError: not signed by a passkey of this person, or too many were wrong
    """
    forgive = check_rate_limit(user)
    try:
        auth.parse_authentication_response(credential)
        factor = auth.complete_authentication(user, credential)
    except (*STUMBLES, ValidationError) as error:
        raise ValidationError(PASSKEY_FAILED, code="passkey") from error
    factor.record_usage()
    factor.user = user
    forgive()
    return factor


def new_passkey(credential: dict[str, Any]) -> None:
    """
    Check that a passkey was made for this page just now.

    :raises ValidationError: it was not
    """
    try:
        auth.parse_registration_response(credential)
        auth.complete_registration(credential)
    except (*STUMBLES, ValidationError) as error:
        raise ValidationError(PASSKEY_FAILED, code="passkey") from error


def making_options(user: User) -> str:
    """Start making a passkey; return what the browser needs for it."""
    return json.dumps(auth.begin_registration(user, False))


def asking_options(user: User) -> str:
    """Start asking for a passkey; return what the browser needs for it, nothing without one."""
    if not people.factors(user).passkeys:
        return ""
    return json.dumps(auth.begin_authentication(user))


def is_confirmed(request: SignedIn) -> bool:
    """
    Say whether this person has shown who they are in the last minutes.

    Somebody who has nothing to show it by has not; the library would take that for a yes.
    """
    can = request.user.has_usable_password() or access.has_factor(request.user)
    return can and bool(did_recently_reauthenticate(request))
