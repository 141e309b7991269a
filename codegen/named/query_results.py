"""The result columns of a named query → its row class and the code that decodes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import naming
from ..clashes import of_query
from ..ir import Decoder, RowClass
from ..reading.tokens import folded
from ..tables.fields import make_field, table_fields
from ..types.typemap import Type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..ir import Field
    from ..reading.catalog import Table
    from ..tables.abilities import Abilities
    from ..tables.parts import TableParts
    from ..tables.public_names import PublicNames
    from .embeds import Embedded
    from .named_queries import Query
    from .query_types import QueryColumn


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list of a grouped row is made of. attribute: of the row. item: its annotation. value: the expression for
    an item of the raw `row`. present: the position that is None where there is none, -1 where there always is one."""

    attribute: str
    item: str
    value: str
    present: int


@dataclass(frozen=True, slots=True)
class Composite:
    """The decoder of rows with embedded ones. fields: the plain columns, places: where they stand in the raw row.
    values: the expressions for the attributes of the row class, in order. key: the slices of the raw row by which rows
    are grouped into one, with a list of what is `listed`."""

    suffix: str
    class_name: str
    table: str
    fields: tuple[Field, ...]
    places: tuple[int, ...]
    values: tuple[str, ...]
    listed: Listed | None = None
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A table's row class: its name, the table as generated code sees it, and its fields."""

    name: str
    table: Table
    fields: tuple[Field, ...]


class Models:
    """The row classes of all tables, views and virtual tables. types: of the columns of each view."""

    def __init__(
        self, public: Mapping[str, PublicNames], able: Mapping[str, Abilities], types: Mapping[str, Sequence[Type]]
    ) -> None:
        self._public, self._able, self._types = public, able, types

    def of(self, table: Table) -> Model:
        can = self._able[table.name]
        written = table_fields(can.table, types=self._types.get(table.name, ()), rowid=can.rowid)
        return Model(self._public[table.name].model, can.table, tuple(one.field for one in written))


@dataclass(slots=True)
class Result:
    """item: the annotation of one result. suffix: of the functions that decode it."""

    item: str
    suffix: str
    decoders: list[Decoder]
    classes: list[RowClass]
    composite: Composite | None = None


def result(query: Query, columns: Sequence[QueryColumn], own: TableParts, models: Models) -> Result:
    """What a query gives. own: the table of its module. models: the row classes of tables. Raises GenerationError."""
    if query.embedded or query.group is not None:
        return _Composer(query, columns, models).result()
    table = _whole_table(columns)
    if table is not None and table.name not in own.models:
        table = None  # its row class has more than its columns
    if table is not None and own.decoders and own.decoders[0].table == table.name:
        return Result(own.decoders[0].class_name, "", [], [])
    view = _whole_view(query, columns, models) if table is None else None
    if view is not None and own.decoders and own.decoders[0].table == view.table.name:
        return Result(view.name, "", [], [])
    fields = tuple(_field(query, one, place) for place, one in enumerate(columns))
    suffix, many = f"_{query.name}", query.kind != "one"
    if table is not None:
        # The columns' own types: another query of the table may use this decoder, whatever WHERE says here.
        model = models.of(table)
        fields = tuple(_embedded_field(one, model, suffix) for one in model.fields)
        key = tuple([column.name for column in table.columns].index(name) for name in table.key)
        class_name = own.models[table.name]
        return Result(class_name, suffix, [Decoder(suffix, class_name, table.name, fields, key, many=many)], [])
    if view is not None:
        fields = tuple(_embedded_field(one, view, suffix) for one in view.fields)
        return Result(view.name, suffix, [Decoder(suffix, view.name, view.table.name, fields, (), many=many)], [])
    if len(fields) == 1 and query.kind == "one":
        return Result(fields[0].read, suffix, [Decoder(suffix, "", query.module, fields, (), many=False)], [])
    class_name = query.row_class
    decoder = Decoder(suffix, class_name, query.module, fields, (), many=many)
    return Result(class_name, suffix, [decoder], [_row_class(query, fields)])


def _field(query: Query, column: QueryColumn, place: int, kind: Type | None = None) -> Field:
    constant = f"_{query.name}_{column.attribute}_CHOICES".upper()
    return make_field(
        query.module, column.name, column.attribute, place, kind or column.type, choices_constant=constant
    )


def _row_class(query: Query, fields: Sequence[Field]) -> RowClass:
    doc = (f"A row of the query {query.module}.{query.name}.",)
    return RowClass(query.row_class, doc, tuple(fields), False, of_query(query))


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


def _whole_view(query: Query, columns: Sequence[QueryColumn], models: Models) -> Model | None:
    """The row class of the view all of whose columns, in order, are the result."""
    inferred = query.inference.columns
    source = inferred[columns[0].place].source
    item = query.inference.sources.get(source)
    if item is None or item.table is None or item.table.kind != "view" or item.nullable or query.comment.columns:
        return None
    model = models.of(item.table)
    same = len(inferred) == len(model.fields) and all(
        one.name == field.column
        and one.source == source
        and (field.type.nullable or (one.type and not one.type.nullable))
        for one, field in zip(inferred, model.fields, strict=True)
    )
    return model if same else None


def _embedded_field(one: Field, model: Model, suffix: str) -> Field:
    """A field of a row class under a constant of a query's own."""
    place = model.fields.index(one)
    constant = f"{suffix}_{one.attribute}_CHOICES".upper()
    return make_field(model.table.name, one.column, one.attribute, place, one.type, choices_constant=constant)


class _Composer:
    """The attributes of a row with embedded rows and perhaps a list, in the order of the result columns."""

    def __init__(self, query: Query, columns: Sequence[QueryColumn], models: Models) -> None:
        self.query = query
        self.columns = columns
        self.models = models
        self.suffix = f"_{query.name}"
        self.places = {one.name: place for place, one in enumerate(query.inference.columns)}
        self.decoders: list[Decoder] = []
        # position of the first column → attribute, annotation, expression, the plain field if it is one
        self.items: dict[int, tuple[str, str, str, Field | None]] = {}
        self.listed: Listed | None = None
        self.grouped: set[int] = set()
        self.taken = [one.attribute for one in columns]

    def result(self) -> Result:
        query, group = self.query, self.query.group
        for embed in query.embedded:
            self._embed(embed)
        for column in self.columns:
            self._plain(column)
        if group is not None and self.listed is None:
            known = [*(one.item for one in query.embedded), *(one.attribute for one in self.columns)]
            raise query.error(
                f"{group.item} is neither embedded nor a result column", group.token, f"there are {', '.join(known)}"
            )
        items = [self.items[place] for place in sorted(self.items)]
        if group is not None and len(items) == 1:
            raise query.error("nothing is left by which rows are grouped", group.token, "select a column of the parent")
        attributes = [attribute for attribute, _, _, _ in items]
        for attribute in attributes:
            if attributes.count(attribute) > 1:
                hint = "give one another name with AS"
                raise query.error(f"two attributes of a row would be called {attribute}", hint=hint)
        fields = [
            plain or replace(self._blank(attribute), read=annotation, write=annotation)
            for attribute, annotation, _, plain in items
        ]
        plains = [(place, plain) for place, (_, _, _, plain) in sorted(self.items.items()) if plain is not None]
        composite = Composite(
            self.suffix,
            query.row_class,
            query.module,
            tuple(plain for _, plain in plains),
            tuple(place for place, _ in plains),
            tuple(value for _, _, value, _ in items),
            self.listed,
            self._key() if self.listed else (),
        )
        return Result(query.row_class, self.suffix, self.decoders, [_row_class(query, fields)], composite)

    def _blank(self, attribute: str) -> Field:
        return make_field(self.query.module, attribute, attribute, 0, Type("scalar", True))

    def _embed(self, embed: Embedded) -> None:
        group = self.query.group
        model = self.models.of(embed.table)
        in_list = group is not None and folded(group.item) == folded(embed.item) and self.listed is None
        attribute = naming.attribute(group.attribute) if group is not None and in_list else self._free(embed.attribute)
        first = self.places[embed.columns[0]]
        last = first + len(embed.columns)
        suffix = f"{self.suffix}__{attribute}"
        fields = tuple(_embedded_field(one, model, suffix) for one in model.fields)
        columns = [one.column for one in fields]
        key = tuple(columns.index(name) for name in model.table.key)
        self.decoders.append(Decoder(suffix, model.name, model.table.name, fields, key, many=False))
        value = f"_row{suffix}(row[{first}:{last}])"
        present = self.places[embed.marker] if embed.marker else -1
        if in_list:
            self._list(attribute, model.name, value, present, range(first, last + embed.added))
            self.items[first] = (attribute, f"list[{model.name}]", "[]", None)
        elif embed.nullable:
            text = f"None if row[{present}] is None else {value}"
            self.items[first] = (attribute, f"{model.name} | None", text, None)
        else:
            self.items[first] = (attribute, model.name, value, None)

    def _free(self, attribute: str) -> str:
        """The attribute of an embed, with a number where a column or another embed is called so."""
        found, number = attribute, 2
        while found in self.taken:
            found, number = naming.numbered(attribute, number), number + 1
        self.taken.append(found)
        return found

    def _plain(self, column: QueryColumn) -> None:
        group = self.query.group
        if group is None or self.listed is not None or group.item not in (column.name, column.attribute):
            made = _field(self.query, column, column.place)
            self.items[column.place] = (column.attribute, made.read, made.decode, made)
            return
        kind = replace(column.type, nullable=False)
        attribute = naming.attribute(group.attribute)
        suffix = f"{self.suffix}__{attribute}"
        made = _field(self.query, column, 0, kind)
        self.decoders.append(Decoder(suffix, "", self.query.module, (made,), (), many=False))
        value = f"_row{suffix}(row[{column.place}:{column.place + 1}])"
        present = column.place if column.type.nullable else -1
        self._list(attribute, made.read, value, present, range(column.place, column.place + 1))
        self.items[column.place] = (attribute, f"list[{made.read}]", "[]", None)

    def _list(self, attribute: str, item: str, value: str, present: int, places: range) -> None:
        self.listed = Listed(attribute, item, value, present)
        self.grouped = set(places)

    def _key(self) -> tuple[str, ...]:
        """The slices of a raw row outside the listed columns."""
        width = len(self.query.inference.columns)
        slices = []
        start = 0
        for place in range(width + 1):
            if place == width or place in self.grouped:
                if start < place:
                    slices.append(f"row[{start}:{place}]")
                start = place + 1
        return tuple(slices)
