"""A cast for each test."""

import re

import pytest

from tests.portal.cast import Cast, signed_in, somebody


@pytest.fixture
def cast(staged: Cast) -> Cast:
    """Everybody, in a database of the test's own."""
    return staged


@pytest.fixture
def auditor(cast: Cast) -> object:
    """Return a browser in which an auditor is signed in."""
    return signed_in(somebody(cast, "auditor"))


def cells(text: str, pattern: str) -> list[str]:
    """Return what a pattern finds in a page, as a reader sees it."""
    found = re.findall(pattern, text, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", "", each).split()) for each in found]


def main(page: object) -> str:
    """Return what a page shows below its frame."""
    return page.content.decode().split("<main")[1]
