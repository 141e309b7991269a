"""The types of a query's parameters and result columns: what was inferred, under what is annotated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import naming
from ..types.typemap import Type, fits_in_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..errors import Note
    from ..reading.catalog import Column, Table
    from .named_queries import Query

# What is not known may be anything that SQLite stores.
UNKNOWN = Type("scalar", True)


@dataclass(frozen=True, slots=True)
class QueryColumn:
    """A result column. attribute: of the row class. origin: the table and column it is read from as it is, None for
    anything else. place: its position in the row."""

    name: str
    attribute: str
    type: Type
    origin: tuple[Table, Column] | None
    place: int


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter of a named query. table, column: what errors name. many: it is a list of values of the type.
    switch: optional parts of the statement depend on whether it is given."""

    name: str
    type: Type
    table: str
    column: str
    many: bool = False
    switch: bool = False


def typed_columns(query: Query, note: Callable[[Note], None]) -> tuple[QueryColumn, ...]:
    """The result columns that belong to no embed. A name that comes again gets a number. Raises GenerationError."""
    embedded = {name for one in query.embedded for name in (*one.columns, one.marker)}
    plain = [(place, one) for place, one in enumerate(query.inference.columns) if one.name not in embedded]
    attributes = naming.attributes([one.name for _, one in plain])
    result = []
    for (place, column), attribute in zip(plain, attributes, strict=True):
        kind, origin = column.type, column.origin
        annotation = query.comment.columns.get(column.name)
        if annotation is None or annotation.used:
            annotation = query.comment.columns.get(attribute)
        if annotation is not None:
            annotation.used = True
            kind, origin = annotation.type, None
        if kind is None:
            what = f"the type of the result column {column.name} cannot be inferred"
            note(query.doubt(what, hint=f"add `-- @column {attribute}: int` (or another type)"))
            kind, origin = UNKNOWN, None
        result.append(QueryColumn(column.name, attribute, kind, origin, place))
    for name, annotation in query.comment.columns.items():
        if not annotation.used:
            message = f"the query has no result column {name}"
            if any(name in (one.attribute, one.item) for one in query.embedded):
                message = f"{name} is an embedded row, whose class has types already"
            raise query.error(message, annotation.token, f"it has {', '.join(attributes)}" if attributes else "")
    return tuple(result)


def typed_parameters(query: Query, note: Callable[[Note], None]) -> tuple[QueryParameter, ...]:
    """The parameters. Raises GenerationError."""
    result = []
    tokens = query.parameters
    switches = {one.name for one in query.variants.switches}
    for one in query.inference.parameters:
        kind, table, column = one.type, one.table, one.column
        many = one.many or one.name in query.lists
        if many and not one.many:
            kind = None  # of the array, not of its items
        annotation = query.comment.params.get(one.name)
        if annotation is not None:
            annotation.used = True
            if one.name in query.lists and not annotation.many:
                raise query.error(f":{one.name} is a list", annotation.token, f"write `@param {one.name}: list[…]`")
            kind, table, column, many = annotation.type, query.module, one.name, annotation.many
        if kind is None:
            what = f"the type of the parameter :{one.name} {one.reason or 'cannot be inferred'}"
            note(query.doubt(what, tokens[one.name], f"add `-- @param {one.name}: int` (or another type)"))
            kind = UNKNOWN
        if many and kind.kind != "scalar" and one.name not in query.blobs and not fits_in_json(kind):
            hint = "run the query once for each value"
            raise query.error(f"the values of the list :{one.name} have no exact form in JSON", tokens[one.name], hint)
        if many and query.kind == "batch":
            raise query.error(f":{one.name} is a list in a query that is run once a row", tokens[one.name], "use :exec")
        if one.name in query.nullable:
            kind = replace(kind, nullable=True)
        elif many and annotation is None:
            kind = replace(kind, nullable=False)
        result.append(
            QueryParameter(one.name, kind, table or query.module, column or one.name, many, one.name in switches)
        )
    for name, annotation in query.comment.params.items():
        if not annotation.used:
            hint = f"it has {', '.join(f':{one}' for one in tokens)}" if tokens else ""
            raise query.error(f"the query has no parameter :{name}", annotation.token, hint)
    return tuple(result)
