"""Runs management commands and keeps what they print."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command


def run(*command: str, **options: Any) -> str:
    """Run a command and return what it printed."""
    out = io.StringIO()
    call_command(*command, stdout=out, stderr=out, **options)
    return out.getvalue()


def run_refused(*command: str) -> tuple[str, CommandError]:
    """Run a command that ends with an error; return what it printed and the error."""
    out = io.StringIO()
    with pytest.raises(CommandError) as refused:
        call_command(*command, stdout=out, stderr=out)
    return out.getvalue(), refused.value
