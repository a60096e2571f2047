"""Second factors: set up, used once, taken away. Every one of these holds the person's row."""

import re
import secrets
import time
from base64 import b32encode
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.db import IntegrityError, transaction
from django.utils import timezone

from ledgerdb.errors import Refused
from registry import access
from registry.models import CodeUse, NoticeKind, User
from registry.services import notices
from registry.services.secrets import decrypt
from registry.services.sessions import end_sessions

STEP = 30
# A clock may be half a minute off, either way.
OFF_BY = (0, -1, 1)
APP, RECOVERY, PASSKEY = (
    Authenticator.Type.TOTP,
    Authenticator.Type.RECOVERY_CODES,
    Authenticator.Type.WEBAUTHN,
)


def new_app_secret() -> str:
    """Make the secret that an authenticator app and the registry will share."""
    return b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, moment: float) -> str:
    """Return the code that an app with this secret shows at a moment, in seconds since 1970."""
    return _code(secret, int(moment) // STEP)


def set_up_app(*, user: User, secret: str, code: str) -> bool:
    """
    Take an authenticator app whose code shows that it has the secret, instead of an earlier one.

    :returns: False when the code is not right; nothing has changed then
    """
    with transaction.atomic():
        _lock(user)
        if not _use_step(user, secret, code, "set-up"):
            return False
        Authenticator.objects.filter(user=user, type=APP).delete()
        TOTP.activate(user, secret)
        RecoveryCodes.activate(user)
        _tell(user, "authenticator app set up")
    return True


def add_passkey(*, user: User, name: str, credential: dict[str, Any]) -> None:
    """Keep the public half of a passkey."""
    with transaction.atomic():
        _lock(user)
        WebAuthn.add(user, name, credential)
        RecoveryCodes.activate(user)
        _tell(user, "passkey added")


def remove_factor(*, user: User, factor_id: int) -> None:
    """
    Take away an app or a passkey; the recovery codes go with the last.

    Nothing happens to what is not there: it was taken away before.

    :raises Refused: LAST_FACTOR: somebody who decides keeps one
    """
    with transaction.atomic():
        _lock(user)
        factors = Authenticator.objects.filter(user=user).exclude(type=RECOVERY)
        found = factors.filter(pk=factor_id).first()
        if found is None:
            return
        last = factors.count() == 1
        if last and access.must_have_factor(user):
            raise Refused("LAST_FACTOR")
        found.delete()
        if last:
            Authenticator.objects.filter(user=user, type=RECOVERY).delete()
        _tell(user, "authenticator app removed" if found.type == APP else "passkey removed")


def renew_recovery_codes(*, user: User) -> None:
    """Replace the recovery codes; the old ones end."""
    with transaction.atomic():
        _lock(user)
        Authenticator.objects.filter(user=user, type=RECOVERY).delete()
        if Authenticator.objects.filter(user=user).exists():
            RecoveryCodes.activate(user)
            _tell(user, "new recovery codes")


def clear_factors(*, user: User) -> None:
    """Take away the second factors of somebody who has lost them, and end their sessions."""
    with transaction.atomic():
        _lock(user)
        removed, _ = Authenticator.objects.filter(user=user).delete()
        if removed:
            end_sessions(user=user)
            _tell(user, "removed by somebody who looks after your team")


def use_code(*, user: User, code: str, purpose: str) -> Any:
    """
    Use up a code of the authenticator app, or a recovery code.

    The table of used codes refuses a second use, whoever comes second.

    :returns: the factor it belongs to; None when it is wrong or was used before
    """
    factors = Authenticator.objects.filter(user=user).exclude(type=PASSKEY)
    for factor in factors.order_by("type"):
        if factor.type == APP:
            right = _use_step(user, decrypt(factor.data["secret"]), code, purpose)
        else:
            right = factor.wrap().validate_code(code)
        if right:
            Authenticator.objects.filter(pk=factor.pk).update(last_used_at=timezone.now())
            return factor
    return None


def _use_step(user: User, secret: str, code: str, purpose: str) -> bool:
    typed = re.sub(r"[\s-]", "", code)
    now = int(time.time()) // STEP
    for step in (now + off for off in OFF_BY):
        if secrets.compare_digest(typed.encode(), _code(secret, step).encode()):
            try:
                with transaction.atomic():
                    CodeUse.objects.create(user=user, step=step, purpose=purpose)
            except IntegrityError:
                return False
            return True
    return False


def _code(secret: str, step: int) -> str:
    return str(format_hotp_value(hotp_value(secret, step)))


def _tell(user: User, what: str) -> None:
    notices.security(user, NoticeKind.FACTOR, {"what": what})


def _lock(user: User) -> None:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
