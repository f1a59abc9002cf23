"""Many values as one parameter, so that a statement is the same whatever the number."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute


def among(column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """column = ANY(values), with the values as one array parameter."""
    return column == any_(literal(list(values), ARRAY(column.type)))
