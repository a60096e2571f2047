"""Who is connected to state past times, or to replay. Only ``registry.selectors`` asks."""

from ledgerdb.clones import WORKER_LOCK
from ledgerdb.positions import ask


def replay_sessions() -> int:
    """Return how many connections of the login that may state past times there are here."""
    found = ask(
        "SELECT count(*) AS sessions FROM pg_stat_activity"
        " WHERE usename = 'ledger_replay' AND datname = current_database()"
    )
    return int(found[0]["sessions"])


def has_worker() -> bool:
    """Say whether a process is there that takes the rehearsals that wait."""
    found = ask(
        "SELECT count(*) AS workers FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objsubid = 2 AND l.granted"
        " AND d.datname = current_database()",
        (WORKER_LOCK,),
    )
    return bool(found[0]["workers"])
