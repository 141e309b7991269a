"""Catalog and named queries → intermediate form. Every decision about the output is made here and in what it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import naming
from .clashes import Names, of_table
from .errors import GenerationError
from .ir import Decoder, Module, Package, RowClass, SchemaPart
from .queries import QueryParts, module_names, query_parts
from .tables import TableParts, table_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .catalog import Catalog, Table
    from .named_queries import Query


def transform(catalog: Catalog, queries: Sequence[Query], runtime: str) -> Package:
    """The whole package.

    runtime: the package whose leaves `connections`, `errors` and `clock` the output imports. Raises GenerationError
    where two things would get one name.
    """
    _refuse_clashes(catalog, naming.module, "module")
    _refuse_clashes(catalog, naming.class_name, "row class")
    tables = {naming.module(table.name): table for table in catalog.tables}
    classes: list[RowClass] = []
    modules: list[Module] = []
    class_names = Names(naming.RESERVED_CLASSES)
    for name in dict.fromkeys([*tables, *sorted(query.module for query in queries)]):
        table = tables.get(name)
        own = table_parts(table) if table else TableParts()
        names = Names(naming.NEEDED)
        if table:
            for what, one in module_names(own.functions, own.constants, own.places, own.decoders, ()):
                names.claim(one, what, of_table(table))
            classes += _classes(table, own)
        named = query_parts([query for query in queries if query.module == name], own, names)
        classes += named.classes
        modules.append(_module(name, table, own, named))
    for row_class in classes:
        class_names.claim(row_class.name, "row class", row_class.origin)
    return Package(runtime, tuple(classes), tuple(modules), _schema(catalog))


def _module(name: str, table: Table | None, own: TableParts, named: QueryParts) -> Module:
    decoders = (*own.decoders, *named.decoders)
    return Module(
        name=name,
        table=table.name if table else None,
        doc=_module_doc(table, name),
        choices=_choices(decoders, named),
        constants=(*own.constants, *named.constants),
        places=tuple(own.places),
        decoders=decoders,
        insertion=own.insertion,
        functions=(*own.functions, *named.functions),
    )


def _classes(table: Table, parts: TableParts) -> list[RowClass]:
    name = naming.class_name(table.name)
    doc = tuple(table.doc.split("\n")) if table.doc else (f"A row of {table.name}.",)
    form = (f"A row to insert into {table.name}: what is left out gets its column's default.",)
    writable = tuple(one for one in parts.fields if not one.generated)
    origin = of_table(table)
    return [RowClass(name, doc, parts.fields, False, origin), RowClass(f"New{name}", form, writable, True, origin)]


def _module_doc(table: Table | None, name: str) -> tuple[str, ...]:
    if table is None:
        return (f"The named queries of {name}.sql.",)
    return (f"Reads and writes the table {table.name}.", *(["", *table.doc.split("\n")] if table.doc else []))


def _choices(decoders: Sequence[Decoder], named: QueryParts) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The constants with the allowed values of Literal columns and parameters, each once."""
    constants = {one.choices_constant: one.choices for each in decoders for one in each.fields if one.choices}
    return tuple({**constants, **dict(named.choices)}.items())


def _refuse_clashes(catalog: Catalog, name_of: Callable[[str], str], what: str) -> None:
    seen: dict[str, Table] = {}
    for table in catalog.tables:
        other = seen.setdefault(name_of(table.name), table)
        if other is not table:
            raise GenerationError(
                f"the tables {other.name} and {table.name} would both get the {what} {name_of(table.name)}",
                file=table.file,
                line=table.line,
                hint="rename one of them",
            )


def _schema(catalog: Catalog) -> tuple[SchemaPart, ...]:
    return tuple(
        SchemaPart(
            part.name,
            tuple(
                (table.name, tuple(column.name for column in table.columns))
                for table in catalog.tables
                if table.part == part.name
            ),
            part.statements,
        )
        for part in catalog.parts
    )
