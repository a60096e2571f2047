"""Where the demonstration keeps what it needs. No Django here: the settings are read after it."""

import json
import os
import secrets
from pathlib import Path

from ledgerdb.embedded import PORT, socket_directory

BASE = Path(__file__).resolve().parents[2]
LOCAL = BASE / ".local"
# `make psql` and `make clean` know these two names.
DATA = LOCAL / "demo-postgres"
DATABASE = "strata"
# Written when the registry is complete: which edition it is, and the secret of its sessions.
STATE = LOCAL / "demo.json"
LOCK = LOCAL / "demo.lock"


def prepare() -> None:
    """Set the environment from which ``registry.settings`` are read."""
    os.environ.update(
        {
            "STRATA_DEBUG": "0",
            "STRATA_SECRET_KEY": read_state().get("secret") or secrets.token_urlsafe(48),
            "STRATA_ALLOWED_HOSTS": "localhost,127.0.0.1",
            "STRATA_HTTPS": "0",
            # One approver has a second factor, to show it; nobody else needs a phone to try things.
            "STRATA_REQUIRE_MFA": "0",
            "STRATA_MANIFEST": "1",
            "STRATA_LEDGER_LOGIN": "1",
            "STRATA_REPLAY_LOGIN": "1",
            "STRATA_LOG_LEVEL": "WARNING",
            "STRATA_DB_HOST": str(socket_directory(DATA)),
            "STRATA_DB_PORT": str(PORT),
            "STRATA_DB_NAME": DATABASE,
        }
    )


def read_state() -> dict[str, str]:
    """Return what the last complete start wrote; nothing if there was none."""
    try:
        state: dict[str, str] = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return state


def write_state(state: dict[str, str]) -> None:
    """Write the state, whole or not at all."""
    draft = STATE.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(state))
    draft.replace(STATE)
