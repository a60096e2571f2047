"""Whether past times may be stated, and who could state them. Only ``registry.selectors`` asks."""

from ledgerdb.positions import ask


def replay_sessions() -> int:
    """Return how many connections of the login that may state past times there are here."""
    found = ask(
        "SELECT count(*) AS sessions FROM pg_stat_activity"
        " WHERE usename = 'ledger_replay' AND datname = current_database()"
    )
    return int(found[0]["sessions"])


def last_replay_window() -> dict[str, object] | None:
    """Return when past times were last allowed, and why."""
    found = ask(
        "SELECT opened_at, closes_at, reason, clock_timestamp() BETWEEN opened_at AND closes_at"
        " AS open FROM ledger.change_windows WHERE purpose = 'replay' ORDER BY id DESC LIMIT 1"
    )
    return found[0] if found else None
