"""Where somebody is signed in."""

from datetime import timedelta
from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.utils import timezone

from registry.models import User

SEEN_EVERY = timedelta(minutes=1)


def note_presence(*, session_key: str, ip: str) -> None:
    """Note that a session is in use; at most once a minute: looking writes next to nothing."""
    now = timezone.now()
    UserSession.objects.filter(session_key=session_key, last_seen_at__lt=now - SEEN_EVERY).update(
        last_seen_at=now, ip=ip
    )


def end_sessions(*, user: User, but: str = "", only: int | None = None) -> None:
    """
    Sign somebody out elsewhere.

    :param but: the key of the session that stays
    :param only: the one to end; all of them when not named
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    ending = UserSession.objects.filter(user=user).exclude(session_key=but)
    for session in ending if only is None else ending.filter(pk=only):
        store.delete(session.session_key)
        session.delete()
