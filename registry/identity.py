"""Identifiers that follow from a code or a token: the same in every database."""

import hashlib
from uuid import UUID, uuid5

# Never changed: the hashes of every replayed chain depend on it.
NAMESPACE = UUID("7b1a4a0e-6c1e-5b7e-9d7c-3f2a9c5d1e64")


def id_of(record: str, code: str) -> UUID:
    """Return the identifier of a record with this code."""
    return uuid5(NAMESPACE, f"{record}:{code}")


def number_of(record: str, code: str) -> int:
    """
    Return the same for a table whose keys are integers.

    Always above 2**30, where the table's own sequence will not come.
    """
    return 2**30 + id_of(record, code).int % (2**30 - 2)


def hash_of(token: str) -> str:
    """Return what is stored of a link's token: whoever reads it cannot make the link."""
    return hashlib.sha256(token.encode()).hexdigest()
