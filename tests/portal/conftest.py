"""A cast for each test."""

import pytest

from tests.portal.cast import Cast, assemble


@pytest.fixture
def cast(committed_db: object) -> Cast:
    """Everybody, in a database of the test's own."""
    return assemble()
