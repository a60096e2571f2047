"""
The log as lines of JSON: what happened, in which request, by whom; nothing that somebody typed.

A person is a number of the database, never a name or an address. An exception is its type and
where it was raised: its text may hold a row, and its variables may hold anything.
"""

import contextvars
import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

# The request that this thread answers; None outside of one.
current: contextvars.ContextVar[Any] = contextvars.ContextVar("request", default=None)
# What a line of ours may add to its message.
EXTRAS = ("method", "route", "status", "milliseconds")


class Json(logging.Formatter):
    """Writes a record as one line of JSON: whatever is in it, a line break is not."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_who(),
            **{name: getattr(record, name) for name in EXTRAS if name in record.__dict__},
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = describe(record.exc_info[1])
        return json.dumps(line, default=str)


def describe(error: BaseException) -> list[dict[str, Any]]:
    """Say of an exception, and of what caused it, the type, the SQLSTATE and where it came from."""
    found: list[dict[str, Any]] = []
    cause: BaseException | None = error
    while cause is not None and len(found) < 5:
        diag = getattr(cause, "diag", None)
        frames = traceback.extract_tb(cause.__traceback__)[-12:]
        found.append(
            {
                "type": f"{type(cause).__module__}.{type(cause).__qualname__}",
                "sqlstate": getattr(diag, "sqlstate", None),
                "code": getattr(cause, "code", None),
                "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        cause = cause.__cause__ or cause.__context__
    return found


def _message(record: logging.LogRecord) -> str:
    """Say what happened by the route, where Django names the address: a link holds its secret."""
    text, request = record.getMessage(), getattr(record, "request", None)
    path = getattr(request, "path", "/")
    if path == "/":
        return text
    match = request.resolver_match  # type: ignore[union-attr]
    written = path.encode("unicode_escape").decode("ascii")
    return text.replace(written, f"/{match.route}" if match else "an unknown address")


def _who() -> dict[str, Any]:
    request = current.get()
    if request is None:
        return {}
    # Only somebody who is known already: asking here could ask the database.
    user = getattr(request, "_cached_user", None)
    return {
        "request_id": getattr(request, "correlation_id", None),
        "user_id": str(user.pk) if user is not None and user.pk else None,
    }
