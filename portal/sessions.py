"""Sessions in the database, asked for only by keys that it gave out."""

import re

from django.contrib.sessions.backends import db

GIVEN_OUT = re.compile(r"[0-9a-z]{32}", re.ASCII)


class SessionStore(db.SessionStore):
    """A cookie may hold anything, a NUL too, which PostgreSQL cannot be asked for."""

    def _validate_session_key(self, key: str | None) -> bool:
        """Take a key for none that is not made like ours."""
        return bool(key and GIVEN_OUT.fullmatch(key))
