"""Named queries with their types → functions, row classes and decoders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import naming, typemap
from .clashes import Names, of_query
from .fields import make_field
from .ir import Constant, Decoder, Field, Function, OrderConstant, Parameter, RowClass
from .typemap import Type, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .catalog import Column, Table
    from .named_queries import Query
    from .tables import TableParts


@dataclass(frozen=True, slots=True)
class QueryColumn:
    """A result column. origin: the table and column it is read from as it is, None for anything else."""

    name: str
    type: Type
    origin: tuple[Table, Column] | None


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """A parameter of a named query. table, column: what errors name."""

    name: str
    type: Type
    table: str
    column: str


@dataclass(slots=True)
class QueryParts:
    """What the named queries of a module add to it. choices: constants of Literal parameters."""

    classes: list[RowClass] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    decoders: list[Decoder] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    choices: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def names(self) -> list[tuple[str, str]]:
        """The names that they add to the module, each with its sort."""
        return module_names(self.functions, self.constants, (), self.decoders, [name for name, _ in self.choices])


def module_names(
    functions: Iterable[Function],
    constants: Iterable[Constant],
    orders: Iterable[OrderConstant],
    decoders: Iterable[Decoder],
    choices: Iterable[str],
) -> list[tuple[str, str]]:
    """The names of these things in a module, each with its sort."""
    found = [("function", one.name) for one in functions]
    found += [("constant", one.name) for one in constants]
    found += [("constant", one.name) for one in orders]
    found += [("constant", name) for name in choices]
    for each in decoders:
        upper = each.suffix.upper()
        found += [("constant", f"_COLUMNS{upper}"), ("constant", f"_KEY{upper}")]
        found += [("function", f"_row{each.suffix}"), ("function", f"_rows_of{each.suffix}")]
        found += [("constant", one.choices_constant) for one in each.fields if one.choices]
    return found


def query_parts(queries: Sequence[Query], own: TableParts, names: Names) -> QueryParts:
    """The functions of a module's named queries. names: those of the module. Raises GenerationError for a name that is
    taken."""
    parts = QueryParts()
    if not queries:
        return parts
    taken = {one.name for one in own.functions}
    for query in queries:
        if query.name in taken:
            raise query.error(f"{query.name} is a generated function of {query.module} already")
        before = Counter(parts.names())
        columns = _typed_columns(query)
        _add(query, _typed_parameters(query), columns, own, parts)
        for what, name in Counter(parts.names()) - before:
            names.claim(name, what, of_query(query))
    return parts


def _typed_columns(query: Query) -> tuple[QueryColumn, ...]:
    """The result columns, annotations applied. Raises GenerationError where a type is not known."""
    counts = Counter(column.name for column in query.inference.columns)
    result = []
    for column in query.inference.columns:
        name, kind, origin = column.name, column.type, column.origin
        if counts[name] > 1:
            raise query.error(f"two result columns are called {name}", hint="give them names with AS")
        annotation = query.columns.get(name)
        if annotation is not None:
            annotation.used = True
            kind, origin = annotation.type, None
        if kind is None:
            hint = f"add `-- @column {name}: int` (or another type)"
            raise query.error(f"the type of the result column {name} cannot be inferred", hint=hint)
        result.append(QueryColumn(name, kind, origin))
    for name, annotation in query.columns.items():
        if not annotation.used:
            raise query.error(f"the query has no result column {name}", annotation.token)
    return tuple(result)


def _typed_parameters(query: Query) -> tuple[QueryParameter, ...]:
    """The parameters, annotations applied. Raises GenerationError where a type is not known."""
    result = []
    tokens = {token.value: token for token in query.parameters}
    for one in query.inference.parameters:
        annotation, kind, table, column = query.params.get(one.name), one.type, one.table, one.column
        if annotation is not None:
            annotation.used = True
            kind, table, column = annotation.type, query.module, one.name
        if kind is None:
            hint = f"add `-- @param {one.name}: int` (or another type)"
            message = f"the type of the parameter :{one.name} {one.reason or 'cannot be inferred'}"
            raise query.error(message, tokens[one.name], hint)
        result.append(QueryParameter(one.name, kind, table or query.module, column or one.name))
    for name, annotation in query.params.items():
        if not annotation.used:
            raise query.error(f"the query has no parameter :{name}", annotation.token)
    return tuple(result)


def _add(
    query: Query,
    parameters: Sequence[QueryParameter],
    columns: Sequence[QueryColumn],
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
    given = _parameters(query, parameters, parts)
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


def _parameters(query: Query, parameters: Sequence[QueryParameter], parts: QueryParts) -> list[Parameter]:
    names = {naming.parameter(one.name): one for one in parameters}
    for one in parameters:
        other = names[naming.parameter(one.name)]
        if other is not one:
            token = next(token for token in query.parameters if token.value == other.name)
            raise query.error(
                f":{one.name} and :{other.name} would both get the parameter {naming.parameter(one.name)}",
                token,
                "rename one of them",
            )
    return [_parameter(query, one, naming.type_function(names), parts) for one in parameters]


def _parameter(query: Query, one: QueryParameter, type_of: str, parts: QueryParts) -> Parameter:
    name = naming.parameter(one.name)
    constant = f"_{query.name}_{name}_IN".upper()
    if one.type.choices:
        parts.choices.append((constant, tuple(map(literal, one.type.choices))))
    confirm: tuple[str, ...] = ()
    if query.writes:
        bind = typemap.bind(one.type, one.table, one.column, name, constant)
    else:
        bind = typemap.look_up(one.type, one.table, one.column, name)
        confirm = typemap.confirm(one.type, one.table, one.column, name, constant, type_of)
    return Parameter(name, one.type.write, "None" if one.type.nullable else None, bind, confirm)


def _decoder(query: Query, columns: Sequence[QueryColumn], own: TableParts, parts: QueryParts) -> tuple[str, str]:
    """The annotation of one result and the suffix of the decoder that makes it."""
    table = _whole_table(columns)
    if table is not None and table.name not in own.models:
        table = None  # its row class has more than its columns
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
        class_name = own.models[table.name]
        parts.decoders.append(Decoder(suffix, class_name, table.name, tuple(fields), key, many=many))
        return class_name, suffix
    if len(fields) == 1 and query.kind == "one":
        parts.decoders.append(Decoder(suffix, "", query.module, tuple(fields), (), many=False))
        return fields[0].read, suffix
    class_name = query.row_class
    parts.classes.append(
        RowClass(
            class_name, (f"A row of the query {query.module}.{query.name}.",), tuple(fields), False, of_query(query)
        )
    )
    parts.decoders.append(Decoder(suffix, class_name, query.module, tuple(fields), (), many=many))
    return class_name, suffix


def _whole_table(columns: Sequence[QueryColumn]) -> Table | None:
    """The table all of whose columns, in order, are the result."""
    first = columns[0].origin
    if first is None or [one.name for one in columns] != [column.name for column in first[0].columns]:
        return None
    same = all(
        one.origin is not None and one.origin[0] is first[0] and one.origin[1] is column
        for one, column in zip(columns, first[0].columns, strict=True)
    )
    return first[0] if same else None
