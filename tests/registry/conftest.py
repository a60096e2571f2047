"""A cast for each test."""

import copy

import pytest

from tests.portal.cast import Cast, Stage
from tests.server import Database


@pytest.fixture
def cast(stage: Stage, committed_db: object) -> Cast:
    """Everybody, in a database of the test's own."""
    return copy.deepcopy(stage.cast)


@pytest.fixture
def nothing_told(cast: Cast, committed_db: Database) -> None:
    """Forget what the making of the cast told; the pages themselves cannot."""
    committed_db.connect("postgres", autocommit=True).execute("DELETE FROM registry_notice")
