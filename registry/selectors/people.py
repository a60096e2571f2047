"""People: their second factors, their sessions, their teams and who is invited."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session as Stored
from django.db.models import Exists, OuterRef, Q
from django.http import Http404
from django.utils import timezone

from registry import access
from registry.identity import hash_of
from registry.models import Invitation, Organisation, User

# What a browser calls itself, most telling first.
BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Factors:
    """The second factors of one person."""

    app: Any
    passkeys: list[Any]
    codes_left: int

    @property
    def any(self) -> bool:
        """Say whether there is one."""
        return bool(self.app or self.passkeys)


def factors(user: User) -> Factors:
    """Return somebody's own second factors."""
    found = list(Authenticator.objects.filter(user=user).order_by("created_at"))
    by_type = {factor.type: factor for factor in found}
    codes = by_type.get(Authenticator.Type.RECOVERY_CODES)
    return Factors(
        app=by_type.get(Authenticator.Type.TOTP),
        passkeys=[each for each in found if each.type == Authenticator.Type.WEBAUTHN],
        codes_left=len(codes.wrap().get_unused_codes()) if codes else 0,
    )


def own_factor(user: User, factor_id: int) -> Any:
    """
    Return an app or a passkey of one's own.

    :raises Http404: absent, or somebody else's
    """
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    found = Authenticator.objects.filter(user=user, pk=factor_id, type__in=kinds).first()
    if found is None:
        raise Http404("No such factor.")
    return found


def recovery_codes(user: User) -> list[str]:
    """Return the recovery codes that somebody has not used yet."""
    kind = Authenticator.Type.RECOVERY_CODES
    found = Authenticator.objects.filter(user=user, type=kind).first()
    return list(found.wrap().get_unused_codes()) if found else []


@dataclass(frozen=True)
class Session:
    """One place where somebody is signed in."""

    id: int
    where: str
    ip: str
    began_at: datetime
    seen_at: datetime
    is_this: bool


def sessions(user: User, session_key: str | None) -> list[Session]:
    """Return where somebody is signed in, last seen first."""
    alive = Stored.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return [
        Session(
            id=each.pk,
            where=device(each.user_agent),
            ip=each.ip,
            began_at=each.created_at,
            seen_at=each.last_seen_at,
            is_this=each.session_key == session_key,
        )
        for each in UserSession.objects.filter(user=user, session_key__in=alive).order_by(
            "-last_seen_at", "-pk"
        )
    ]


def device(agent: str) -> str:
    """Say which browser and system this calls itself, in two words."""
    browser = next((name for mark, name in BROWSERS if mark in agent), "Another browser")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser


def organisation(user: User, code: str) -> Organisation:
    """
    Return the organisation whose team a person looks at: their own, or any for an operator.

    :raises Http404: absent, or not theirs to see
    """
    if not code or code == user.organisation.code:
        return user.organisation
    found = Organisation.objects.filter(code=code).first()
    if found is None or not access.manages_any_team(user):
        raise Http404("No such organisation.")
    return found


def organisations(user: User) -> list[Organisation]:
    """Return the organisations whose teams a person may choose from."""
    return list(Organisation.objects.order_by("name")) if access.manages_any_team(user) else []


def team(organisation: Organisation) -> list[User]:
    """Return the people of an organisation, each with ``has_factor``; those who may act first."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type__in=kinds)
    people = organisation.people.annotate(has_factor=Exists(factor))
    return list(people.order_by("-is_active", "name", "email"))


def colleague(user: User, user_id: UUID) -> User:
    """
    Return somebody whose sign-in a person sees.

    :raises Http404: absent, or of an organisation that is not theirs to see
    """
    found = User.objects.select_related("organisation").filter(id=user_id).first()
    if found is None or (
        found.organisation_id != user.organisation_id and not access.manages_any_team(user)
    ):
        raise Http404("No such person.")
    return found


def invitations(organisation: Organisation) -> list[Invitation]:
    """Return who is invited and has not come yet."""
    return list(
        organisation.invitations.select_related("invited_by", "confirmed_by", "same_person_as")
        .filter(accepted_at=None, withdrawn_at=None)
        .filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        .order_by("created_at")
    )


def invitation(user: User, invitation_id: UUID) -> Invitation:
    """
    Return an open invitation into an organisation whose team a person sees.

    :raises Http404: absent, over, or of another organisation
    """
    found = (
        Invitation.objects.select_related("organisation", "invited_by", "same_person_as")
        .filter(id=invitation_id, accepted_at=None, withdrawn_at=None)
        .first()
    )
    if found is None or (
        found.organisation_id != user.organisation_id and not access.manages_any_team(user)
    ):
        raise Http404("No such invitation.")
    return found


def offered_by(token: str) -> Invitation | None:
    """Return the invitation that a link stands for, if it can still be used."""
    return (
        Invitation.objects.select_related("organisation", "invited_by")
        .filter(
            token_hash=hash_of(token),
            accepted_at=None,
            withdrawn_at=None,
            expires_at__gt=timezone.now(),
        )
        .first()
    )
