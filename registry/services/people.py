"""Sign-ins: invited, given, changed and closed. The guards of 046_people.sql hold who may."""

import secrets
from datetime import timedelta
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from ledgerdb import calls
from ledgerdb.errors import Refused, translated
from registry import access
from registry.identity import hash_of
from registry.models import Invitation, NoticeKind, Organisation, User
from registry.services import notices
from registry.services.sessions import end_sessions

VALID_FOR = timedelta(days=7)


def invite(
    *,
    by: User,
    organisation: Organisation,
    email: str,
    role: str,
    same_person_as: User | None = None,
) -> tuple[Invitation, str]:
    """
    Offer a sign-in to an address; an open offer to the same address ends.

    :returns: the invitation, and the token of its link: none yet for registry staff
    :raises Refused: ACTOR_NOT_AUTHORISED; EMAIL_TAKEN: somebody signs in with this address
    """
    token = "" if role in access.STAFF else secrets.token_urlsafe(32)
    with translated(), transaction.atomic():
        # Two tabs: the second waits, and ends what the first has made.
        Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
        if User.objects.filter(email__iexact=email).exists():
            raise Refused("EMAIL_TAKEN")
        Invitation.objects.filter(
            organisation=organisation, email__iexact=email, accepted_at=None, withdrawn_at=None
        ).update(withdrawn_at=timezone.now())
        invitation = Invitation.objects.create(
            organisation=organisation,
            email=email,
            role=role,
            same_person_as=same_person_as,
            invited_by=by,
            **_link(token),
        )
    return invitation, token


def confirm_invitation(*, invitation_id: UUID, by: User) -> tuple[Invitation, str]:
    """
    Be the second person who lets somebody into the registry's staff.

    :returns: the invitation and the token of its link; no token when it was confirmed before
    :raises Refused: SELF_APPROVAL, ACTOR_NOT_AUTHORISED, INVITATION_SPENT
    """
    token = secrets.token_urlsafe(32)
    with translated(), transaction.atomic():
        invitation = _locked(id=invitation_id)
        if invitation.confirmed_at:
            return invitation, ""
        invitation.confirmed_by, invitation.confirmed_at = by, timezone.now()
        for name, value in _link(token).items():
            setattr(invitation, name, value)
        invitation.save(update_fields=("confirmed_by", "confirmed_at", "token_hash", "expires_at"))
    return invitation, token


def withdraw_invitation(*, invitation_id: UUID) -> None:
    """End an offer that nobody has taken; nothing happens to one that has ended."""
    Invitation.objects.filter(id=invitation_id, accepted_at=None, withdrawn_at=None).update(
        withdrawn_at=timezone.now()
    )


def accept_invitation(*, token: str, name: str, password: str) -> User:
    """
    Make the sign-in that was offered; the link ends.

    :raises Refused: INVITATION_SPENT
    """
    hashed = make_password(password)
    try:
        with translated(), transaction.atomic():
            invitation = _locked(token_hash=hash_of(token))
            if invitation.accepted_at or invitation.withdrawn_at:
                raise Refused("INVITATION_SPENT")
            twin = invitation.same_person_as
            # It is the inviter who let this person in; the invitation says who confirmed it.
            with calls.acting(actor_id=invitation.invited_by_id, reason="Invited"):
                user = User.objects.create(
                    organisation=invitation.organisation,
                    role=invitation.role,
                    person_id=twin.person_id if twin else uuid4(),
                    name=name,
                    email=invitation.email,
                    code=invitation.email[:64],
                    password=hashed,
                )
            invitation.accepted_as, invitation.accepted_at = user, timezone.now()
            invitation.save(update_fields=("accepted_as", "accepted_at"))
            notices.security(user, NoticeKind.INVITED)
    except IntegrityError as error:
        # Somebody has been given this address since.
        raise Refused("INVITATION_SPENT") from error
    return user


def change_role(*, user_id: UUID, role: str, by: User) -> None:
    """
    Give somebody another role of their organisation; it counts from their next page on.

    What they have offered to others ends.

    :raises Refused: LAST_ADMIN, ACTOR_NOT_AUTHORISED
    """
    with calls.acting(actor_id=by.id):
        changed = User.objects.filter(id=user_id).exclude(role=role).update(role=role)
        if changed:
            _end_offers(user_id)
            notices.security(User.objects.get(id=user_id), NoticeKind.ROLE, {"role": role})


def set_active(*, user: User, active: bool, by: User) -> None:
    """
    Close somebody's sign-in and end their sessions and offers, or open it again.

    :raises Refused: LAST_ADMIN
    """
    with calls.acting(actor_id=by.id):
        User.objects.filter(id=user.id).update(is_active=active)
        if not active:
            end_sessions(user=user)
            _end_offers(user.id)


def tell_new_password(*, person: User) -> None:
    """Tell somebody that their password has changed, in case it was not them."""
    notices.security(person, NoticeKind.PASSWORD)


def set_time_zone(*, user: User, time_zone: str) -> None:
    """Remember whose clock somebody reads."""
    with calls.acting(actor_id=user.id):
        User.objects.filter(id=user.id).update(time_zone=time_zone)


def _end_offers(user_id: UUID) -> None:
    Invitation.objects.filter(invited_by=user_id, accepted_at=None, withdrawn_at=None).update(
        withdrawn_at=timezone.now()
    )


def _link(token: str) -> dict[str, object]:
    if not token:
        return {}
    return {"token_hash": hash_of(token), "expires_at": timezone.now() + VALID_FOR}


def _locked(**which: object) -> Invitation:
    found = Invitation.objects.select_for_update(of=("self",), no_key=True).filter(**which).first()
    if found is None:
        raise Refused("INVITATION_SPENT")
    return found
