"""Named queries with their types → functions, row classes and decoders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import naming, typemap
from .fields import make_field
from .infer import ResultColumn, result_columns, shadow
from .ir import Constant, Decoder, Field, Function, Parameter, RowClass
from .parameters import QueryParameter, query_parameters
from .typemap import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog import Catalog, Table
    from .named_queries import Query
    from .tables import TableParts


@dataclass(slots=True)
class QueryParts:
    """What the named queries of a module add to it. choices: constants of Literal parameters."""

    classes: list[RowClass] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    decoders: list[Decoder] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    choices: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)


def query_parts(queries: Sequence[Query], catalog: Catalog, own: TableParts) -> QueryParts:
    """The functions of a module's named queries. Raises GenerationError for a name that is taken."""
    parts = QueryParts()
    if not queries:
        return parts
    taken = {one.name for one in own.functions}
    shadows = shadow(catalog)
    try:
        for query in queries:
            if query.name in taken:
                raise query.error(f"{query.name} is a generated function of {query.module} already")
            columns = result_columns(query, catalog, shadows)
            _add(query, query_parameters(query, catalog), columns, own, parts)
    finally:
        shadows.close()
    return parts


def _add(
    query: Query,
    parameters: Sequence[QueryParameter],
    columns: Sequence[ResultColumn],
    own: TableParts,
    parts: QueryParts,
) -> None:
    gives_rows = query.kind in ("one", "many", "iter")
    if gives_rows and not columns:
        raise query.error("the statement gives no rows", hint="use :exec or :execrows, or add RETURNING")
    if not gives_rows and columns:
        raise query.error("the statement gives rows", hint="use :one or :many")
    constant = f"_SQL_{query.name.upper()}"
    parts.constants.append(Constant(constant, query.statement.sql))
    given = [_parameter(query, one, parts) for one in parameters]
    facts: dict[str, object] = {
        "sql": constant,
        "connection": "Writer" if query.writes else "Reader",
        "arguments": [(literal(one.name), made.bind) for one, made in zip(parameters, given, strict=True)],
    }
    result, decoder = "None" if query.kind == "exec" else "int", ""
    if gives_rows:
        item, decoder = _decoder(query, columns, own, parts)
        result = {"one": item if item.endswith("| None") else f"{item} | None", "many": f"list[{item}]"}.get(
            query.kind, f"Iterator[{item}]"
        )
        facts["decoder"] = decoder
        method = {"one": "fetch_one", "many": "fetch_all", "iter": "stream"}[query.kind]
        facts["method"] = method.replace("fetch", "write") if query.writes else method
    else:
        facts["method"] = "change"
    shape = f"query_{query.kind}"
    parts.functions.append(Function(shape, query.name, query.doc, tuple(given), result, facts))


def _parameter(query: Query, one: QueryParameter, parts: QueryParts) -> Parameter:
    name = naming.parameter(one.name)
    constant = f"_{query.name}_{one.name}_IN".upper()
    if query.writes:
        bind = typemap.bind(one.type, one.table, one.column, name, constant)
        if one.type.choices:
            parts.choices.append((constant, tuple(map(literal, one.type.choices))))
    else:
        bind = typemap.look_up(one.type, one.table, one.column, name)
    return Parameter(name, one.type.write, "None" if one.type.nullable else None, bind)


def _decoder(query: Query, columns: Sequence[ResultColumn], own: TableParts, parts: QueryParts) -> tuple[str, str]:
    """The annotation of one result and the suffix of the decoder that makes it."""
    table = _whole_table(columns)
    if table is not None and own.decoders and own.decoders[0].table == table.name:
        return own.decoders[0].class_name, ""
    attributes = naming.attributes([column.name for column in columns])
    fields: list[Field] = []
    for place, (column, attribute) in enumerate(zip(columns, attributes, strict=True)):
        constant = f"_{query.name}_{attribute}_CHOICES".upper()
        fields.append(make_field(query.module, column.name, attribute, place, column.type, choices_constant=constant))
    suffix, many = f"_{query.name}", query.kind != "one"
    if table is not None:
        key = tuple([column.name for column in table.columns].index(name) for name in table.key)
        class_name = naming.class_name(table.name)
        parts.decoders.append(Decoder(suffix, class_name, table.name, tuple(fields), key, many=many))
        return class_name, suffix
    if len(fields) == 1 and query.kind == "one":
        parts.decoders.append(Decoder(suffix, "", query.module, tuple(fields), (), many=False))
        return fields[0].read, suffix
    class_name = query.row_class
    parts.classes.append(
        RowClass(class_name, (f"A row of the query {query.module}.{query.name}.",), tuple(fields), False)
    )
    parts.decoders.append(Decoder(suffix, class_name, query.module, tuple(fields), (), many=many))
    return class_name, suffix


def _whole_table(columns: Sequence[ResultColumn]) -> Table | None:
    """The table all of whose columns, in order, are the result."""
    first = columns[0].origin
    if first is None or [one.name for one in columns] != [column.name for column in first[0].columns]:
        return None
    same = all(
        one.origin is not None and one.origin[0] is first[0] and one.origin[1] is column
        for one, column in zip(columns, first[0].columns, strict=True)
    )
    return first[0] if same else None
