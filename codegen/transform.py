"""Catalog and named queries → intermediate form. Every decision about the output is made here and in what it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import naming
from .clashes import Names, of_table
from .errors import Note
from .ir import Decoder, Module, Package, RowClass, SchemaPart
from .public_names import public_names
from .queries import QueryParts, module_names, query_parts
from .tables import TableParts, table_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .catalog import Catalog, Table
    from .named_queries import Query
    from .public_names import PublicNames


def transform(catalog: Catalog, queries: Sequence[Query], runtime: str | None, note: Callable[[Note], None]) -> Package:
    """The whole package.

    runtime: the package whose leaves `connections`, `errors` and `clock` the output imports, None where it carries its
    own. note: told of what gets another name than its own would give. Raises GenerationError where a named query would
    hide something.
    """
    public = public_names(catalog, note)
    tables = {public[table.name].module: table for table in catalog.tables}
    models = {table.name: public[table.name].model for table in catalog.tables}
    classes: list[RowClass] = []
    modules: list[Module] = []
    class_names = Names(naming.RESERVED_CLASSES)
    for name in dict.fromkeys([*tables, *sorted(query.module for query in queries)]):
        table = tables.get(name)
        own = table_parts(table, models[table.name]) if table else TableParts()
        own.models = models
        names = Names(naming.NEEDED)
        if table:
            for what, one in module_names(own.functions, own.constants, own.places, own.decoders, ()):
                names.claim(one, what, of_table(table))
            classes += _classes(table, public[table.name], own)
            _tell_numbered(table, own, note)
        named = query_parts([query for query in queries if query.module == name], own, names)
        classes += named.classes
        modules.append(_module(name, table, own, named))
    for row_class in classes:
        class_names.claim(row_class.name, "row class", row_class.origin)
    return Package(runtime, tuple(classes), tuple(modules), _schema(catalog))


def _tell_numbered(table: Table, own: TableParts, note: Callable[[Note], None]) -> None:
    """A note for each column and each function whose own name another one has already."""
    lines = {column.name: column.line for column in table.columns}
    for one in own.fields:
        wanted = naming.attribute(one.column)
        if one.attribute != wanted:
            what = f"the column {naming.shown(one.column)} of {naming.shown(table.name)}"
            text = f"{what} is called {one.attribute}, because {wanted} is taken"
            note(Note(text, table.file, lines.get(one.column, table.line)))
    for wanted, given in own.numbered:
        text = f"the function {wanted} of {naming.shown(table.name)} is called {given}, because {wanted} is taken"
        note(Note(text, table.file, table.line))


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


def _classes(table: Table, public: PublicNames, parts: TableParts) -> list[RowClass]:
    shown = naming.shown(table.name)
    doc = tuple(table.doc.split("\n")) if table.doc else (f"A row of {shown}.",)
    form = (f"A row to insert into {shown}: what is left out gets its column's default.",)
    writable = tuple(one for one in parts.fields if not one.generated)
    origin = of_table(table)
    return [
        RowClass(public.model, doc, parts.fields, False, origin),
        RowClass(public.form, form, writable, True, origin),
    ]


def _module_doc(table: Table | None, name: str) -> tuple[str, ...]:
    if table is None:
        return (f"The named queries of {name}.sql.",)
    about = ["", *table.doc.split("\n")] if table.doc else []
    return (f"Reads and writes the table {naming.shown(table.name)}.", *about)


def _choices(decoders: Sequence[Decoder], named: QueryParts) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The constants with the allowed values of Literal columns and parameters, each once."""
    constants = {one.choices_constant: one.choices for each in decoders for one in each.fields if one.choices}
    return tuple({**constants, **dict(named.choices)}.items())


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
