"""A table, view or virtual table → its constants, decoder, encoder and functions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .. import naming, sqltext
from ..ir import Constant, Decoder, Field, Function, Insertion, OrderConstant, Parameter
from ..types import typemap
from .access import LookUp, look_ups
from .fields import table_fields
from .orders import Order, key_order, storage_order
from .writes import look_up_parameters, write_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..types.typemap import Type
    from .abilities import Abilities
    from .fields import Written

_ROWID_NOTE = (
    "The place of a row is its key, whose rowid is looked up when the next page is read: VACUUM may give other rowids",
    "to a table without INTEGER PRIMARY KEY (in the same order). The remembered rowid serves where the row is gone.",
)
_LIMITED = ("", "limit: at most so many of them, None for all.")


@dataclass(slots=True)
class TableParts:
    """What the module of a table is made of; nothing for a module of named queries alone. models: the row class of each
    table that a row class holds as it is, whatever the module. numbered: functions whose plain name was taken."""

    fields: tuple[Field, ...] = ()
    constants: list[Constant] = field(default_factory=list)
    decoders: list[Decoder] = field(default_factory=list)
    insertion: Insertion | None = None
    orders: list[OrderConstant] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    models: Mapping[str, str] = field(default_factory=dict)
    numbered: list[tuple[str, str]] = field(default_factory=list)


def table_parts(can: Abilities, model: str, types: Sequence[Type] = ()) -> TableParts:
    """Everything that one table gets. model: its row class. types: of a view's columns."""
    return _TableBuilder(can, table_fields(can.table, types=types, rowid=can.rowid), model).build()


class _TableBuilder:
    def __init__(self, can: Abilities, written: tuple[Written, ...], model: str) -> None:
        self.can = can
        self.table = can.table
        self.written = written
        self.fields = {one.field.column: one.field for one in self.written}
        self.columns = list(self.fields)
        self.model = model
        self.parts = TableParts(fields=tuple(self.fields.values()))
        self.bare = sqltext.quote(self.table.name)
        self.key = "rowid" if can.rowid else "key"
        blank = set(self.columns) - set(self.table.key) if can.blank else set()
        self.selected = ", ".join("NULL" if name in blank else sqltext.quote(name) for name in self.columns)

    def build(self) -> TableParts:
        can, table = self.can, self.table
        key = tuple(self.columns.index(name) for name in table.key)
        self.parts.decoders.append(Decoder("", self.model, table.name, self.parts.fields, key))
        writes = write_parts(can, self.written, self.model, self.select)
        self.parts.insertion = writes.insertion
        self.parts.constants += writes.constants
        self.parts.functions += writes.functions
        if can.read:
            self._by_key()
        if can.delete:
            self._deletions()
        if can.matched:
            self._search()
        if can.listed:
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
        taken = {one.name for one in self.parts.constants} | {one.name for one in self.parts.orders}
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
        return sqltext.select(self.table.name, self.selected, *clauses)

    def _by_key(self) -> None:
        where = f"WHERE {sqltext.equal(self.table.key)}"
        key = self.parameters(self.table.key)
        sql = self.constant("_GET", self.select(where))
        doc = [f"The row of this {self.key}, or None."]
        self.function("one", "get", doc, key, f"{self.model} | None", sql=sql, decoder="")
        self._get_many()
        sql = self.constant("_EXISTS", f"SELECT 1\nFROM {self.bare}\n{where}")
        doc = [f"Whether there is a row of this {self.key}."]
        self.function("exists", "exists", doc, key, "bool", sql=sql)

    def _keys(self) -> dict[str, object]:
        """What the functions of many keys need. code: the expressions that convert a key, none where it goes as it is.
        columns: those of the key with their types in the JSON array."""
        fields = [self.fields[name] for name in self.table.key]
        types = [replace(one.type, nullable=False) for one in fields]
        in_json = all(map(typemap.fits_in_json, types))
        sources = ["wanted"] if len(fields) == 1 else [f"wanted[{place}]" for place in range(len(fields))]
        made = [
            typemap.look_up(kind, self.table.name, one.column, source)
            if in_json
            else typemap.bind(kind, self.table.name, one.column, source, one.choices_constant)
            for kind, one, source in zip(types, fields, sources, strict=True)
        ]
        annotations = [one.write for one in types]
        # What a key is in the JSON array: converted moments are texts, flags are 0 and 1.
        kinds = [typemap.in_json(one.type) for one in fields]
        return {
            "one_by_one": not in_json,
            "item": annotations[0] if len(annotations) == 1 else f"tuple[{', '.join(annotations)}]",
            "code": [] if made == sources else made,
            "columns": [f"({typemap.quoted(one.column)}, {kind})" for one, kind in zip(fields, kinds, strict=True)],
            "positions": [self.columns.index(name) for name in self.table.key],
        }

    def _get_many(self) -> None:
        facts, key = self._keys(), self.table.key
        if facts["one_by_one"]:
            told, sql = "One statement a key: it has no exact form in a list of keys.", "_GET"
        else:
            told = "One statement, whatever the number of keys."
            if len(key) == 1:
                sql = self.select(f"WHERE {sqltext.quote(key[0])} IN (SELECT value FROM json_each(?))")
            else:
                terms = [
                    f"{self.bare}.{sqltext.quote(name)} = json_extract(wanted.value, '$[{place}]')"
                    for place, name in enumerate(key)
                ]
                columns = ", ".join(f"{self.bare}.{sqltext.quote(name)}" for name in self.columns)
                joined = f"JOIN json_each(?) AS wanted ON {' AND '.join(terms)}"
                sql = sqltext.select(self.table.name, columns, joined)
            sql = self.constant("_GET_MANY", sql)
        doc = [
            f"The rows of these {self.key}s, in the order asked for: a missing one is left out, a repeated one"
            " repeated.",
            "",
            told,
        ]
        self.function("get_many", "get_many", doc, [], f"list[{self.model}]", sql=sql, **facts)

    def _deletions(self) -> None:
        key = self.table.key
        sql = self.constant("_DELETE", f"DELETE FROM {self.bare}\nWHERE {sqltext.equal(key)}")
        doc = [f"Delete the row of this {self.key}; whether there was one."]
        self.function("delete", "delete", doc, self.parameters(key), "bool", sql=sql)
        facts = self._keys()
        told = "One statement a key" if facts["one_by_one"] else "One statement, whatever the number of keys"
        if not facts["one_by_one"]:
            values = [f"json_extract(value, '$[{place}]')" for place in range(len(key))]
            one = len(key) == 1
            target = sqltext.quote(key[0]) if one else f"({sqltext.names(key)})"
            wanted = f"IN (SELECT {'value' if one else ', '.join(values)} FROM json_each(?))"
            sql = self.constant("_DELETE_MANY", f"DELETE FROM {self.bare}\nWHERE {target} {wanted}")
        doc = [f"Delete the rows of these {self.key}s; how many there were.", "", f"{told}, and all or nothing."]
        self.function("delete_many", "delete_many", doc, [], "int", sql=sql, **facts)

    def _search(self) -> None:
        where = f"WHERE {self.bare} MATCH ?"
        order = "the best first" if self.can.matched == "rank" else "in the order of their rowids"
        sql = self.constant("_SEARCH", self.select(where, f"ORDER BY {self.can.matched}"))
        doc = [
            f"The rows that match, {order}.",
            "",
            "match: a query of SQLite's full-text search; one that it cannot read is QueryFailed. limit: at most so",
            "many of them, None for all.",
        ]
        term = Parameter(
            "match", "str", None, f'_values.wanted_text({typemap.quoted(self.table.name)}, "match", match)'
        )
        self.function("many", "search", doc, [term], f"list[{self.model}]", sql=sql, decoder="", limited=True)

    def _listing(self) -> None:
        table, model = self.table, self.model
        sql = self.constant("_COUNT", f"SELECT count(*)\nFROM {self.bare}")
        self.function("count", "count", ["How many rows there are."], [], "int", sql=sql)
        order = storage_order(table) if table.kind != "view" else None
        paged = key_order(table) or order
        in_order = "in the order of storage" if table.kind == "table" else "in the order in which SQLite gives them"
        sql = self.constant("_LIST_ALL", self.select(order.by if order else ""))
        doc = [f"All rows, {in_order}.", *_LIMITED]
        self.function("many", "list_all", doc, [], f"list[{model}]", sql=sql, decoder="", limited=True)
        if order is None or paged is None:
            doc = [
                f"All rows, {in_order}, read in batches.",
                "",
                "A cursor stays open until the last of them is read or the iterator is closed, and keeps its snapshot.",
            ]
            self.function("stream", "iterate", doc, [], f"Iterator[{model}]", sql=sql)
            return
        first = self._order("PAGE", (), paged)
        self._page("page", [], first, f"in the order of {'the primary key' if key_order(table) else 'storage'}")
        self._iterate("iterate", [], first if order == paged else self._order("ITERATE", (), order), in_order)

    def _by_columns(self, look_up: LookUp) -> None:
        suffix = "_and_".join(self.fields[name].attribute for name in look_up.columns)
        upper = f"BY_{suffix.upper()}"
        model = self.model
        listed = ", ".join(map(naming.shown, look_up.columns))
        if look_up.unique:
            sql = self.constant(f"_GET_{upper}", self.select(f"WHERE {sqltext.equal(look_up.columns)}"))
            parameters = self.parameters(look_up.columns)
            doc = [f"The row of this {listed}, which is unique, or None."]
            self.function("one", f"get_by_{suffix}", doc, parameters, f"{model} | None", sql=sql, decoder="")
            return
        where = self._where(look_up.columns)
        parameters = self.parameters(look_up.columns, nullable=True)
        by = look_up.order.by if look_up.order else ""
        in_order = "in the order of its index" if by else "in no order of its own"
        sql = self.constant(f"_LIST_{upper}", self.select(f"WHERE {where}", by))
        doc = [f"All rows of this {listed}, {in_order}.", *_LIMITED]
        name = f"list_by_{suffix}"
        self.function("many", name, doc, parameters, f"list[{model}]", sql=sql, decoder="", limited=True)
        sql = self.constant(f"_COUNT_{upper}", f"SELECT count(*)\nFROM {self.bare}\nWHERE {where}")
        self.function("count", f"count_by_{suffix}", [f"How many rows have this {listed}."], parameters, "int", sql=sql)
        if look_up.order is not None:
            order = self._order(upper, look_up.columns, look_up.order)
            self._page(f"page_by_{suffix}", look_up.columns, order, in_order)
            self._iterate(f"iterate_by_{suffix}", look_up.columns, order, in_order)

    def _where(self, columns: Sequence[str]) -> str:
        return sqltext.equal(columns, [one for one in columns if self.fields[one].type.nullable])

    def _order(self, name: str, columns: Sequence[str], order: Order) -> str:
        """The constant that reads along an order, with the constants that it needs."""
        select = "_SELECT" if order.rowid != "row" else "_SELECT_ROWID"
        if all(one.name != select for one in self.parts.constants):
            columns_read = self.selected if order.rowid != "row" else f"{self.selected}, {self.table.rowid}"
            self.constant(select, sqltext.select(self.table.name, columns_read))
        positions = [self.columns.index(one) for one in order.place]
        by_key = order.rowid == "key"
        if by_key and all(one.name != "_ROWID_OF" for one in self.parts.constants):
            where = f"WHERE {sqltext.equal(self.table.key)}"
            self.constant("_ROWID_OF", f"SELECT {self.table.rowid}\nFROM {self.bare}\n{where}")
        if order.rowid == "row":
            positions.append(len(self.columns))
        made = OrderConstant(
            name=self._unused(f"_ORDER_{name}"),
            select=select,
            where=self._where(columns),
            terms=tuple(_term_arguments(order, place) for place in range(len(order.terms))),
            positions=tuple(positions),
            rowid_of="_ROWID_OF" if by_key else "",
            key_width=len(self.table.key) if by_key else 0,
            cut=len(self.columns) if order.rowid == "row" else 0,
            comment=_ROWID_NOTE if by_key else (),
        )
        self.parts.orders.append(made)
        return made.name

    def _page(self, name: str, columns: Sequence[str], order: str, in_order: str) -> None:
        of = f"rows of this {', '.join(map(naming.shown, columns))}" if columns else "rows"
        doc = [
            f"A page of {of}, {in_order}.",
            "",
            "limit: rows a page, at least 1. after: the `next` of the page in front of it. before: the `previous` of",
            "the page behind it. The first page without either, the last with `before=()`.",
        ]
        parameters = self.parameters(columns, nullable=True)
        self.function("page", name, doc, parameters, f"Page[{self.model}]", order=order)

    def _iterate(self, name: str, columns: Sequence[str], order: str, in_order: str) -> None:
        of = f"The rows of this {', '.join(map(naming.shown, columns))}" if columns else "All rows"
        doc = [
            f"{of}, {in_order}, read in batches.",
            "",
            "No cursor stays open between the batches: the connection is free for other statements meanwhile.",
        ]
        parameters = self.parameters(columns, nullable=True)
        self.function("iterate", name, doc, parameters, f"Iterator[{self.model}]", order=order)


def _term_arguments(order: Order, place: int) -> tuple[str, ...]:
    """The arguments of a generated `Term`; those at their defaults are left out."""
    term = order.terms[place]
    found = [typemap.quoted(term.sql)]
    if term.descending:
        found.append("descending=True")
    if term.nullable:
        found.append("nullable=True")
    if term.bound != "?":
        found += [f"bound={typemap.quoted(term.bound)}", f"values={term.values}"]
    return tuple(found)
