"""A table → its constants, decoder, encoder and functions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from . import naming, sqltext, typemap
from .access import LookUp, Order, key_order, look_ups, storage_order
from .fields import Written, table_fields
from .ir import Constant, Decoder, Field, Function, Insertion, Parameter, Place
from .writes import look_up_parameters, write_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .catalog import Table

_ROWID_NOTE = (
    "The place of a row is its key, whose rowid is looked up when the next page is read: VACUUM may give other rowids",
    "to a table without INTEGER PRIMARY KEY (in the same order). The remembered rowid serves where the row is gone.",
)


@dataclass(slots=True)
class TableParts:
    """What the module of a table is made of; nothing for a module of named queries alone. models: the row class of each
    table that a row class holds as it is, whatever the module. numbered: functions whose plain name was taken."""

    fields: tuple[Field, ...] = ()
    constants: list[Constant] = field(default_factory=list)
    decoders: list[Decoder] = field(default_factory=list)
    insertion: Insertion | None = None
    places: list[Place] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    models: Mapping[str, str] = field(default_factory=dict)
    numbered: list[tuple[str, str]] = field(default_factory=list)


def table_parts(table: Table, model: str) -> TableParts:
    """Everything that one table gets. model: its row class."""
    return _TableBuilder(table, model).build()


class _TableBuilder:
    def __init__(self, table: Table, model: str) -> None:
        self.table = table
        self.written: tuple[Written, ...] = table_fields(table)
        self.fields = {one.field.column: one.field for one in self.written}
        self.columns = list(self.fields)
        self.model = model
        self.parts = TableParts(fields=tuple(self.fields.values()))

    def build(self) -> TableParts:
        table = self.table
        key = tuple(self.columns.index(name) for name in table.key)
        self.parts.decoders.append(Decoder("", self.model, table.name, self.parts.fields, key))
        writes = write_parts(table, self.written, self.model)
        self.parts.insertion = writes.insertion
        self.parts.constants += writes.constants
        self.parts.functions += writes.functions
        if table.key:
            self._by_key()
        self._listing()
        for look_up in look_ups(table):
            self._by_columns(look_up)
        return self.parts

    def constant(self, name: str, sql: str, comment: Sequence[str] = ()) -> str:
        name = self._unused(name)
        self.parts.constants.append(Constant(name, sql, tuple(comment)))
        return name

    def _unused(self, name: str) -> str:
        """The name of a constant, with a number where it is taken: columns such as `a_b` beside `a` and `b`."""
        taken = {one.name for one in self.parts.constants} | {one.name for one in self.parts.places}
        taken |= {one.choices_constant for one in self.parts.fields if one.choices}
        number, found = 2, name
        while found in taken:
            found, number = f"{name}__{number}", number + 1
        return found

    def function(
        self, shape: str, name: str, doc: Sequence[str], parameters: Sequence[Parameter], result: str, **facts: object
    ) -> None:
        plain, number = name, 2
        while any(one.name == name for one in self.parts.functions):
            name, number = naming.numbered(plain, number), number + 1
        if name != plain:
            self.parts.numbered.append((plain, name))
        self.parts.functions.append(Function(shape, name, tuple(doc), tuple(parameters), result, facts))

    def parameters(self, columns: Sequence[str], *, nullable: bool = False) -> list[Parameter]:
        """Parameters that look for values of these columns; None finds NULL where `nullable`."""
        fields = [self.fields[column] for column in columns]
        return look_up_parameters(self.table.name, fields, [one.attribute for one in fields], nullable=nullable)

    def select(self, *clauses: str) -> str:
        return sqltext.select(self.table.name, self.columns, *clauses)

    def _by_key(self) -> None:
        table, model = self.table, self.model
        where = f"WHERE {sqltext.equal(table.key)}"
        bare = sqltext.quote(table.name)
        key = self.parameters(table.key)
        sql = self.constant("_GET", self.select(where))
        self.function("one", "get", ["The row of this key, or None."], key, f"{model} | None", sql=sql, decoder="")
        self._get_many()
        sql = self.constant("_EXISTS", f"SELECT 1\nFROM {bare}\n{where}")
        self.function("exists", "exists", ["Whether there is a row of this key."], key, "bool", sql=sql)
        sql = self.constant("_DELETE", f"DELETE FROM {bare}\n{where}")
        doc = ["Delete the row of this key; whether there was one."]
        self.function("delete", "delete", doc, key, "bool", sql=sql)

    def _get_many(self) -> None:
        table = self.table
        fields = [self.fields[name] for name in table.key]
        wanted_types = [replace(one.type, nullable=False) for one in fields]
        if any(one.type.kind in ("blob", "real", "number", "scalar", "json", "plain_json") for one in fields):
            return  # their values have no exact form in a JSON array
        bare = sqltext.quote(table.name)
        if len(fields) == 1:
            wanted = f"WHERE {sqltext.quote(fields[0].column)} IN (SELECT value FROM json_each(?))"
        else:
            terms = [
                f"{bare}.{sqltext.quote(one.column)} = json_extract(wanted.value, '$[{place}]')"
                for place, one in enumerate(fields)
            ]
            wanted = f"JOIN json_each(?) AS wanted ON {' AND '.join(terms)}"
        columns = ", ".join(f"{bare}.{sqltext.quote(name)}" for name in self.columns)
        plain = self.select(wanted) if len(fields) == 1 else f"SELECT {columns}\nFROM {bare}\n{wanted}"
        sql = self.constant("_GET_MANY", plain)
        types = [one.write for one in wanted_types]
        item = types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"
        sources = ["wanted"] if len(fields) == 1 else [f"wanted[{place}]" for place in range(len(fields))]
        binds = [
            typemap.look_up(kind, table.name, one.column, source)
            for kind, one, source in zip(wanted_types, fields, sources, strict=True)
        ]
        code = [] if binds == sources else binds
        positions = [self.columns.index(name) for name in table.key]
        # What a key is in the JSON array: converted moments are texts, flags are 0 and 1.
        kinds = [typemap.in_json(one.type) for one in fields]
        columns_of = [f"({typemap.quoted(one.column)}, {kind})" for one, kind in zip(fields, kinds, strict=True)]
        doc = [
            "The rows of these keys, in the order asked for: a missing one is left out, a repeated one repeated.",
            "",
            "One statement, whatever the number of keys.",
        ]
        self.function(
            "get_many",
            "get_many",
            doc,
            [],
            f"list[{self.model}]",
            sql=sql,
            item=item,
            positions=positions,
            code=code,
            columns=columns_of,
        )

    def _listing(self) -> None:
        table, model = self.table, self.model
        bare = sqltext.quote(table.name)
        sql = self.constant("_COUNT", f"SELECT count(*)\nFROM {bare}")
        self.function("count", "count", ["How many rows there are."], [], "int", sql=sql)
        order = storage_order(table)
        terms = order.by if order else (table.rowid,) if table.rowid else ()
        by = f"ORDER BY {', '.join(terms)}" if terms else ""
        sql = self.constant("_LIST_ALL", self.select(by))
        self.function(
            "many", "list_all", ["All rows, in the order of storage."], [], f"list[{model}]", sql=sql, decoder=""
        )
        paged = key_order(table)
        constants = self._page("page", [], paged, "in the order of the primary key") if paged is not None else None
        if order is not None:
            if constants is None or order != paged:
                constants = self._page_constants("ITERATE", (), order)
            self._iterate("iterate", [], order, *constants, "in the order of storage")

    def _by_columns(self, look_up: LookUp) -> None:
        suffix = "_and_".join(self.fields[name].attribute for name in look_up.columns)
        upper = f"BY_{suffix.upper()}"
        model = self.model
        listed = ", ".join(look_up.columns)
        if look_up.unique:
            sql = self.constant(f"_GET_{upper}", self.select(f"WHERE {sqltext.equal(look_up.columns)}"))
            parameters = self.parameters(look_up.columns)
            doc = [f"The row of this {listed}, which is unique, or None."]
            self.function("one", f"get_by_{suffix}", doc, parameters, f"{model} | None", sql=sql, decoder="")
            return
        nullable = [name for name in look_up.columns if self.fields[name].type.nullable]
        where = f"WHERE {sqltext.equal(look_up.columns, nullable)}"
        parameters = self.parameters(look_up.columns, nullable=True)
        by = f"ORDER BY {', '.join(look_up.listing)}" if look_up.listing else ""
        sql = self.constant(f"_LIST_{upper}", self.select(where, by))
        in_order = "in the order of its index"
        doc = [f"All rows of this {listed}, {in_order}."]
        self.function("many", f"list_by_{suffix}", doc, parameters, f"list[{model}]", sql=sql, decoder="")
        sql = self.constant(f"_COUNT_{upper}", f"SELECT count(*)\nFROM {sqltext.quote(self.table.name)}\n{where}")
        self.function("count", f"count_by_{suffix}", [f"How many rows have this {listed}."], parameters, "int", sql=sql)
        if look_up.order is not None:
            constants = self._page(f"page_by_{suffix}", look_up.columns, look_up.order, in_order)
            self._iterate(f"iterate_by_{suffix}", look_up.columns, look_up.order, *constants, in_order)

    def _page_constants(self, name: str, columns: Sequence[str], order: Order) -> tuple[str, str]:
        nullable = [one for one in columns if self.fields[one].type.nullable]
        conditions = [sqltext.equal(columns, nullable)] if columns else []
        clauses = [f"ORDER BY {', '.join(order.by)}", "LIMIT ?"]
        where = f"WHERE {conditions[0]}" if conditions else ""
        first = self.constant(f"_{name}", self.select(where, *clauses))
        beyond = " AND ".join([*conditions, sqltext.beyond(order.by, order.bounds)])
        note = _ROWID_NOTE if order.rowid else ()
        return first, self.constant(f"_{name}_AFTER", self.select(f"WHERE {beyond}", *clauses), note)

    def _place(self, order: Order) -> str:
        """The name of the constant for the places of this order, which is made with its first use."""
        attributes = [self.fields[name].attribute for name in order.place]
        tail = "ROWID" if order.rowid else ""
        if order.rowid:
            attributes = attributes[: -len(self.table.key)]
        positions = tuple(self.columns.index(name) for name in order.place)
        for place in self.parts.places:
            if (place.positions, place.rowid_of is not None) == (positions, order.rowid):
                return place.name
        name = self._unused("_PLACE_" + "_".join([*attributes, tail]).strip("_").upper())
        rowid_of = None
        if order.rowid:
            table = self.table
            rowid_of = "_ROWID_OF"
            if all(one.name != rowid_of for one in self.parts.constants):
                bare = sqltext.quote(table.name)
                self.constant(rowid_of, f"SELECT {table.rowid}\nFROM {bare}\nWHERE {sqltext.equal(table.key)}")
        self.parts.places.append(Place(name, positions, rowid_of, len(self.table.key)))
        return name

    def _page(self, name: str, columns: Sequence[str], order: Order, in_order: str) -> tuple[str, str]:
        """Its function; the names of its two statements."""
        first, following = self._page_constants(name.upper(), columns, order)
        of = f"rows of this {', '.join(columns)}" if columns else "rows"
        doc = [
            f"A page of {of}, {in_order}.",
            "",
            "limit: rows a page, at least 1. after: the `next` of the page before it, None for the first page.",
        ]
        parameters = self.parameters(columns, nullable=True)
        self.function(
            "page",
            name,
            doc,
            parameters,
            f"Page[{self.model}]",
            first=first,
            following=following,
            place=self._place(order),
        )
        return first, following

    def _iterate(
        self, name: str, columns: Sequence[str], order: Order, first: str, following: str, in_order: str
    ) -> None:
        of = f"The rows of this {', '.join(columns)}" if columns else "All rows"
        doc = [
            f"{of}, {in_order}, read in batches.",
            "",
            "No cursor stays open between the batches: the connection is free for other statements meanwhile.",
        ]
        parameters = self.parameters(columns, nullable=True)
        self.function(
            "iterate",
            name,
            doc,
            parameters,
            f"Iterator[{self.model}]",
            first=first,
            following=following,
            place=self._place(order),
        )
