"""Whether the database answers."""

from ledgerdb import reads


def ask() -> None:
    """
    Ask the database something small that needs the ledger to be installed.

    :raises Error: it cannot be reached, or is not the registry's
    """
    reads.rows("SELECT FROM ledger.error_codes LIMIT 1")
