"""Model fields for PostgreSQL types that Django does not know."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from psycopg.types.multirange import Int8Multirange
from psycopg.types.range import Int8Range

Numbers = tuple[tuple[int, int], ...]


if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field


class NumberRangesField(Field):
    """
    Certificate numbers as ``((first, last), …)``, both ends included, stored as int8multirange.

    PostgreSQL sorts and merges the ranges, so that two ways of naming the same numbers are equal.
    """

    description = "Ranges of certificate numbers"

    def db_type(self, connection: Any) -> str:
        """Name the column's type."""
        return "int8multirange"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Numbers | None:
        """Turn the half-open ranges of PostgreSQL into pairs of first and last."""
        return None if value is None else tuple((part.lower, part.upper - 1) for part in value)

    def to_python(self, value: Any) -> Numbers | None:
        """
        Check pairs of first and last.

        :raises ValidationError: when a pair is not two whole numbers in order
        """
        if value is None:
            return None
        pairs = tuple((first, last) for first, last in value)
        if not pairs or any(
            type(first) is not int or type(last) is not int or not 0 < first <= last < 2**63 - 1
            for first, last in pairs
        ):
            raise ValidationError("Name numbers as first and last, first not above last.")
        return pairs

    def get_prep_value(self, value: Any) -> Int8Multirange | None:
        """Turn pairs of first and last into what PostgreSQL stores."""
        pairs = self.to_python(value)
        if pairs is None:
            return None
        return Int8Multirange([Int8Range(first, last, "[]") for first, last in pairs])
