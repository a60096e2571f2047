"""Who may do what. The only place that reads a role; the database holds the same rules too."""

from uuid import UUID

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, TextChoices
from django.http import HttpRequest

from registry.models import Organisation, User

ROLE = User.Role
ORGANISATION = {ROLE.VIEWER, ROLE.SUBMITTER, ROLE.TEAM_ADMIN}
# Let in by two persons, and never risen to: docs/adr/0013.
STAFF = {ROLE.OPERATOR, ROLE.APPROVER}
ROLES_OF = {
    Organisation.Kind.PARTICIPANT: (ROLE.VIEWER, ROLE.SUBMITTER, ROLE.TEAM_ADMIN),
    Organisation.Kind.REGISTRY: (ROLE.OPERATOR, ROLE.APPROVER),
    Organisation.Kind.REGULATOR: (ROLE.AUDITOR,),
}


class Right(TextChoices):
    """Something a role may do; the label names who may, for the page that refuses."""

    SEE_EVERYTHING = "see_everything", "registry staff or an auditor"
    SUBMIT = "submit", "a submitter or team admin of an organisation, or a registry operator"
    PREPARE_EXPIRY = "prepare_expiry", "a registry operator"
    SEE_QUEUE = "see_queue", "registry staff"
    RECONCILE = "reconcile", "a registry operator"
    DECIDE = "decide", "a registry approver"
    KEEP_RECORDS = "keep_records", "a registry operator"
    SEE_ORGANISATION = "see_organisation", "a team admin, registry staff or an auditor"
    SEE_TEAM = "see_team", "a team admin, or registry staff"
    MANAGE_TEAM = "manage_team", "a team admin, or a registry operator"
    CONFIRM_STAFF = "confirm_staff", "a registry approver"
    MIGRATE = "migrate", "a registry operator"
    SIGN_VARIANCE = "sign_variance", "a registry approver"


HOLDERS = {
    Right.SEE_EVERYTHING: {ROLE.OPERATOR, ROLE.APPROVER, ROLE.AUDITOR},
    Right.SUBMIT: {ROLE.SUBMITTER, ROLE.TEAM_ADMIN, ROLE.OPERATOR},
    Right.PREPARE_EXPIRY: {ROLE.OPERATOR},
    Right.RECONCILE: {ROLE.OPERATOR},
    Right.SEE_QUEUE: {ROLE.OPERATOR, ROLE.APPROVER},
    Right.DECIDE: {ROLE.APPROVER},
    Right.KEEP_RECORDS: {ROLE.OPERATOR},
    Right.SEE_ORGANISATION: {ROLE.TEAM_ADMIN, ROLE.OPERATOR, ROLE.APPROVER, ROLE.AUDITOR},
    Right.SEE_TEAM: {ROLE.TEAM_ADMIN, ROLE.OPERATOR, ROLE.APPROVER},
    Right.MANAGE_TEAM: {ROLE.TEAM_ADMIN, ROLE.OPERATOR},
    Right.CONFIRM_STAFF: {ROLE.APPROVER},
    Right.MIGRATE: {ROLE.OPERATOR},
    Right.SIGN_VARIANCE: {ROLE.APPROVER},
}


class SignedIn(HttpRequest):
    """A request of somebody who is signed in; the middleware sees to it."""

    user: User


class Forbidden(PermissionDenied):
    """The person is known and lacks a right; ``needed`` says who has it."""

    def __init__(self, right: Right):
        """Remember who may."""
        super().__init__(right.label)
        self.needed = right.label


def may(user: User, right: Right) -> bool:
    """Say whether a person has a right."""
    return user.is_active and user.role in HOLDERS[right]


def require(user: User, right: Right) -> None:
    """
    Stop a person who lacks a right.

    :raises Forbidden: with who may
    """
    if not may(user, right):
        raise Forbidden(right)


def holders(right: Right) -> QuerySet[User]:
    """Return the people who have a right now."""
    return User.objects.filter(
        role__in=HOLDERS[right], is_active=True, organisation__status="active"
    )


def sees_only(user: User) -> UUID | None:
    """Return the organisation that a person's view ends at; None for those who see everything."""
    return None if may(user, Right.SEE_EVERYTHING) else user.organisation_id


def may_ask(user: User) -> bool:
    """Say whether a person may ask for anything now: not while their organisation is suspended."""
    return may(user, Right.SUBMIT) and not is_suspended(user)


def may_ask_for(user: User, organisation_id: UUID | None) -> bool:
    """Say whether a person may ask for something now on behalf of an organisation."""
    return may_ask(user) and sees_only(user) in (None, organisation_id)


def is_same_person(user: User, other: User) -> bool:
    """Say whether two sign-ins are one human being: four eyes means two people."""
    return user.person_id == other.person_id


def is_suspended(user: User) -> bool:
    """Say whether a person's organisation is suspended: its people may look, and nothing else."""
    return user.organisation.status == Organisation.Status.SUSPENDED


def manages_any_team(user: User) -> bool:
    """Say whether a person lets people into every organisation, and not only into their own."""
    return may(user, Right.MANAGE_TEAM) and sees_only(user) is None


def may_change(user: User, other: User) -> bool:
    """Say whether a person may close or change another's sign-in; never one of their own."""
    reaches = manages_any_team(user) or user.organisation_id == other.organisation_id
    return may(user, Right.MANAGE_TEAM) and reaches and not is_same_person(user, other)


def roles_for(other: User) -> tuple[User.Role, ...]:
    """Return the roles that a sign-in may change to; staff and auditors keep theirs."""
    return ROLES_OF[Organisation.Kind.PARTICIPANT] if other.role in ORGANISATION else ()


def has_factor(user: User) -> bool:
    """Say whether somebody has a second factor: an app or a passkey."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return bool(Authenticator.objects.filter(user=user, type__in=kinds).exists())


def must_have_factor(user: User) -> bool:
    """Say whether somebody may not be without a second factor."""
    return bool(settings.REQUIRE_MFA) and may(user, Right.DECIDE)


def must_set_up_factor(user: User) -> bool:
    """Say whether somebody needs a second factor and has none: they decide nothing before."""
    return must_have_factor(user) and not has_factor(user)


def gives_code(user: User) -> bool:
    """Say whether somebody gives a code with each decision."""
    return must_have_factor(user) or has_factor(user)


def signs_in_as(email: str) -> User | None:
    """Return who signs in with an address, if anybody may."""
    try:
        found = User.objects.get_by_natural_key(email)
    except User.DoesNotExist:
        return None
    return found if found.is_active else None


def describe(user: User) -> str:
    """Say who somebody is, for the page header."""
    if user.role in ORGANISATION:
        return f"{user.organisation.name}, {user.get_role_display().lower()}"
    if user.role == ROLE.AUDITOR:
        return f"{user.organisation.name}, read only"
    return user.get_role_display()
