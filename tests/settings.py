"""The one settings file, with the environment that the tests need."""

import os
import tempfile
from pathlib import Path

# Before the import: registry.settings reads the environment once.
os.environ.update(
    {
        "STRATA_DEBUG": "0",
        "STRATA_SECRET_KEY": "only-for-tests",
        "STRATA_HTTPS": "0",
        "STRATA_MANIFEST": "0",
        # Its own tests turn it on.
        "STRATA_REQUIRE_MFA": "0",
        "STRATA_LEDGER_LOGIN": "1",
        "STRATA_REPLAY_LOGIN": "1",
        "STRATA_EVIDENCE_DIR": str(Path(tempfile.gettempdir(), "strata-tests-evidence")),
        "STRATA_DB_NAME": "no_test_may_use_this_database",
    }
)

from registry.settings import *  # noqa: F403

EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# Hashing as slowly as real sign-in must would be most of the time of the suite.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Nothing is collected for the tests: find static files where they are.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
