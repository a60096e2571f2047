"""The settings of a deployment: nothing that Django would warn of."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess:
    """Run a command of manage.py as a deployment does: with its variables and no others."""
    known = {"PATH": os.environ["PATH"], "STRATA_ALLOWED_HOSTS": "registry.example.org"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**known, **{f"STRATA_{name}": value for name, value in settings.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"BEHIND_PROXY": "1", "TRUSTED_ORIGINS": "https://registry.example.org"},
        {"OIDC_ISSUER": "https://id.example.org", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"},
        {"FACTOR_KEYS": "new,old", "EMAIL_TLS": "1", "EMAIL_PORT": "587"},
    ],
)
def test_the_settings_of_a_deployment_pass_every_check(more):
    done = run(
        "check", "--deploy", "--fail-level", "INFO", SECRET_KEY=secrets.token_urlsafe(50), **more
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues (0 silenced)" in done.stdout


def test_without_a_secret_nothing_starts():
    done = run("check")

    assert done.returncode != 0
    assert "Set STRATA_SECRET_KEY" in done.stderr


def test_a_second_factor_is_required_unless_somebody_says_otherwise():
    ask = "from django.conf import settings; print(settings.REQUIRE_MFA)"

    required, not_required = (
        run("shell", "-v", "0", "-c", ask, SECRET_KEY="s", **more).stdout.strip()
        for more in ({}, {"REQUIRE_MFA": "0"})
    )

    assert (required, not_required) == ("True", "False")
