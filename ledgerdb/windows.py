"""Who is connected to state past times. Only ``registry.selectors`` asks."""

from ledgerdb.positions import ask


def replay_sessions() -> int:
    """Return how many connections of the login that may state past times there are here."""
    found = ask(
        "SELECT count(*) AS sessions FROM pg_stat_activity"
        " WHERE usename = 'ledger_replay' AND datname = current_database()"
    )
    return int(found[0]["sessions"])
