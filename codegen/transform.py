"""Catalog and named queries → intermediate form. Every decision about the output is made here and in what it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import naming
from .clashes import Names, of_table
from .errors import Note
from .ir import Decoder, Module, Package, RowClass, SchemaPart
from .named.queries import QueryParts, module_names, query_parts
from .named.query_results import Models
from .tables.abilities import abilities
from .tables.parts import TableParts, table_parts
from .tables.public_names import public_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .named.named_queries import Query
    from .reading.catalog import Catalog, Table
    from .tables.abilities import Abilities
    from .tables.public_names import PublicNames
    from .types.typemap import Type


def transform(
    catalog: Catalog,
    queries: Sequence[Query],
    runtime: str | None,
    note: Callable[[Note], None],
    types: Mapping[str, Sequence[Type]],
) -> Package:
    """The whole package. types: of the columns of each view.

    runtime: the package whose leaves `connections`, `errors` and `clock` the output imports, None where it carries its
    own. note: told of what gets another name than its own would give. Raises GenerationError where a named query would
    hide something.
    """
    public = public_names(catalog, note)
    able = abilities(catalog)
    relations = (*catalog.tables, *catalog.virtual_tables, *catalog.views)
    tables = {public[table.name].module: table for table in relations}
    # A row class that has the rowid too is not what a query gives of all its columns.
    models = {name: public[name].model for name, can in able.items() if not can.rowid}
    rows = Models(public, able, types)
    classes: list[RowClass] = []
    modules: list[Module] = []
    class_names = Names(naming.RESERVED_CLASSES)
    for relation in relations:
        class_names.claim(public[relation.name].model, "row class", of_table(relation))
        if relation.kind != "view":
            class_names.claim(public[relation.name].form, "row class", of_table(relation))
    for name in dict.fromkeys([*tables, *sorted(query.module for query in queries)]):
        table = tables.get(name)
        own = TableParts()
        if table:
            own = table_parts(able[table.name], public[table.name].model, types.get(table.name, ()))
        own.models = models
        names = Names(naming.NEEDED)
        if table:
            for what, one in module_names(own.functions, own.constants, own.orders, own.decoders, ()):
                names.claim(one, what, of_table(table))
            classes += _classes(table, public[table.name], own)
            _tell_numbered(able[table.name], own, note)
        named = query_parts([query for query in queries if query.module == name], own, rows, names, class_names, note)
        classes += named.classes
        modules.append(_module(name, table, own, named))
    return Package(runtime, tuple(classes), tuple(modules), _schema(catalog))


def _tell_numbered(can: Abilities, own: TableParts, note: Callable[[Note], None]) -> None:
    """A note for each column and each function whose own name another one has already."""
    table = can.table
    lines = {column.name: column.line for column in table.columns}
    for one in own.fields[: len(own.fields) - can.rowid]:
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
        doc=_module_doc(table, name, own),
        choices=_choices(decoders, named),
        constants=(*own.constants, *named.constants),
        orders=tuple(own.orders),
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
    if parts.insertion is None:
        return [RowClass(public.model, doc, parts.fields, False, origin)]
    return [
        RowClass(public.model, doc, parts.fields, False, origin),
        RowClass(public.form, form, writable, True, origin),
    ]


def _module_doc(table: Table | None, name: str, own: TableParts) -> tuple[str, ...]:
    if table is None:
        return (f"The named queries of {name}.sql.",)
    about = ["", *table.doc.split("\n")] if table.doc else []
    verb = "Reads" if own.insertion is None else "Reads and writes"
    kind = "virtual table" if table.kind == "virtual" else table.kind
    return (f"{verb} the {kind} {naming.shown(table.name)}.", *about)


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
