"""Values as rows of a statement, and rows written from plain dictionaries."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    BindParameter,
    ColumnClause,
    ColumnElement,
    FromClause,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import TypeEngine

AnyType = TypeEngine[Any] | type[TypeEngine[Any]]


def among(column: InstrumentedAttribute[Any] | ColumnClause[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether the column has one of the values, which travel as one array.

    The statement is the same whatever their number, so that it is compiled and prepared once.
    """
    return column == any_(literal(list(values), postgresql.ARRAY(column.type)))


def listed(column: InstrumentedAttribute[Any] | ColumnClause[Any], name: str) -> ColumnElement[bool]:
    """Like `among`, for a statement that is built once for all: the values come as a list when it is executed.

    Building a statement of two dozen columns, and finding it among those that were compiled, costs three times what
    running it does.
    """
    return column == any_(bindparam(name, type_=postgresql.ARRAY(column.type)))


def values_of(name: str, /, **columns: tuple[AnyType, Sequence[Any]]) -> FromClause:
    """The values as a table of this name, one row per position, its columns under `.c`.

    It is `unnest` of one array a column: the statement is the same whatever the number of rows. Columns of arrays and
    of JSON are allowed; they travel as text, as `unnest` would flatten them.
    """
    types = {key: _instance(kind) for key, (kind, _) in columns.items()}
    sent = {key: _sent(types[key], values) for key, (_, values) in columns.items()}
    return _unnested(name, types, lambda key, kind: bindparam(None, sent[key], type_=kind, unique=True))


def given(table: Table, columns: Iterable[str]) -> FromClause:
    """Like `values_of`, for a statement that is built once for all: rows of these columns of the table.

    Their values come as `as_given` makes them, when the statement is executed.
    """
    types = {name: table.c[name].type for name in columns}
    return _unnested("given", types, lambda key, kind: bindparam(f"given_{key}", type_=kind))


def as_given(table: Table, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The values of columns as a statement with `given` is executed with."""
    return {f"given_{name}": _sent(table.c[name].type, values) for name, values in columns.items()}


def _unnested(
    name: str, types: Mapping[str, TypeEngine[Any]], bound: Callable[[str, TypeEngine[Any]], BindParameter[Any]]
) -> FromClause:
    nested = {key for key, kind in types.items() if isinstance(kind, ARRAY | JSON)}
    flat = {key: Text() if key in nested else kind for key, kind in types.items()}
    unnested = func.unnest(*(bound(key, postgresql.ARRAY(kind)) for key, kind in flat.items())).table_valued(
        *(column(key, kind) for key, kind in flat.items()), name=f"{name}_" if nested else name
    )
    rendered = unnested.render_derived()
    if not nested:
        return rendered
    return select(
        *(cast(rendered.c[key], types[key]).label(key) if key in nested else rendered.c[key] for key in types)
    ).subquery(name)


def _sent(kind: TypeEngine[Any], values: Sequence[Any]) -> list[Any]:
    """The values of a column as they travel."""
    return [_as_text(kind, value) for value in values] if isinstance(kind, ARRAY | JSON) else list(values)


def as_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The rows turned into one list per key. Raises ValueError when they do not share their keys."""
    keys = rows[0].keys()
    if any(row.keys() != keys for row in rows):
        raise ValueError(f"The rows do not share their keys: {', '.join(keys)} and others.")
    return {key: [row[key] for row in rows] for key in keys}


def last_by(rows: Iterable[Mapping[str, Any]], key: Sequence[str]) -> list[Mapping[str, Any]]:
    """The last row of each key, in the order of keys: so that two writers lock in the same order."""
    found = {tuple(row[part] for part in key): row for row in rows}
    return [found[each] for each in sorted(found, key=lambda parts: tuple(map(str, parts)))]


def to_json(value: Any) -> str:
    """The value as the text of a JSON column."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _instance(kind: AnyType) -> TypeEngine[Any]:
    return kind() if isinstance(kind, type) else kind


def _as_text(kind: TypeEngine[Any], value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(kind, JSON):
        return to_json(value)
    return "{" + ",".join(map(_element, value)) + "}"


def _element(value: Any) -> str:
    """One element of an array literal of PostgreSQL."""
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return "{" + ",".join(map(_element, value)) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.hex() if isinstance(value, bytes) else str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"\\\\x{escaped}"' if isinstance(value, bytes) else f'"{escaped}"'


def _plain(value: Any) -> str:
    if isinstance(value, UUID) or hasattr(value, "isoformat"):
        return value.isoformat() if hasattr(value, "isoformat") else str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
