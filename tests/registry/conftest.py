"""A cast for each test."""

import pytest

from tests.portal.cast import Cast
from tests.server import Database


@pytest.fixture
def cast(staged: Cast) -> Cast:
    """Everybody, in a database of the test's own."""
    return staged


@pytest.fixture
def nothing_told(cast: Cast, committed_db: Database) -> None:
    """Forget what the making of the cast told; the pages themselves cannot."""
    committed_db.connect("postgres", autocommit=True).execute("DELETE FROM registry_notice")
