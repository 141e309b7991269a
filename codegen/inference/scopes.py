"""What names mean: the sources of a FROM, and the context in which an expression is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from ..reading.tokens import folded
from .values import NOTHING, Value, unite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..reading.catalog import Catalog, Table
    from ..syntax.nodes import CommonTable, Expression, Name, Result, Select, Window

# The keys of expressions that are not NULL.
Facts = frozenset[tuple[object, ...]]
NO_FACTS: Facts = frozenset()


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column that a SELECT gives. source: of the outermost FROM item that it is read from as it is."""

    name: str
    value: Value
    source: str = ""


@dataclass(slots=True, eq=False)
class Extension:
    """Sources that an outer join may leave out together: they are all there or all NULL."""

    sources: list[Source]


@dataclass(slots=True, eq=False)
class Condition:
    """A condition of a join: an expression, or the keys of the columns that USING compares. It holds in every row in
    which all of `needs` are there."""

    expression: Expression | None
    needs: list[Extension]
    keys: Facts = frozenset()


@dataclass(slots=True, eq=False)
class Source:
    """An item of a FROM. name: lower case. columns: hidden ones are found by name, and `*` leaves them out. rowid: its
    value, None where there is none. extensions: the outer joins that may leave it out."""

    name: str
    table: Table | None
    columns: Sequence[OutputColumn]
    hidden: frozenset[int] = frozenset()
    rowid: Value | None = None
    extensions: list[Extension] = field(default_factory=list)

    def find(self, name: str) -> int | None:
        """The place of the column of that lower-case name."""
        return next((place for place, one in enumerate(self.columns) if folded(one.name) == name), None)


@dataclass(frozen=True, slots=True)
class Visible:
    """A column of the FROM as `*` gives it. parts: more than one where USING merged a FULL JOIN's columns: the first
    that is not NULL. full: the outer joins of those FULL JOINs, one side of which is always there."""

    name: str
    parts: tuple[tuple[Source, int], ...]
    full: frozenset[Extension] = frozenset()


@dataclass(slots=True, eq=False)
class Scope:
    """The FROM of a SELECT. visible: what `*` gives, and what a name without a table finds."""

    sources: list[Source] = field(default_factory=list)
    visible: list[Visible] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """Where an expression stands. facts: the keys of expressions that are not NULL here. present: the outer joins known
    to have found a row. applied: the conditions of joins that the facts follow from. vanished: of an aggregate that may
    be over no rows at all: every column may be NULL. rows: the context of an aggregate's arguments. aliases: the result
    expressions by lower-case name. tables: those of WITH."""

    scope: Scope
    parent: Context | None = None
    facts: Facts = NO_FACTS
    present: frozenset[Extension] = frozenset()
    applied: frozenset[Condition] = frozenset()
    vanished: bool = False
    rows: Context | None = None
    aliases: Mapping[str, Expression] = field(default_factory=dict)
    windows: Mapping[str, Window] = field(default_factory=dict)
    tables: CommonTables | None = None

    def missing(self, source: Source) -> bool:
        """Whether an outer join may leave the source out."""
        return any(one not in self.present for one in source.extensions)

    def value_of(self, source: Source, place: int) -> Value:
        """The value of a source's column here. place -1: its rowid."""
        value = (source.rowid or NOTHING) if place < 0 else source.columns[place].value
        lost = self.vanished or self.missing(source)
        if lost:
            value = replace(value, nullable=True, origin=None)
        return value.with_null(value.nullable and column_key(source, place) not in self.facts)


@dataclass(frozen=True, slots=True)
class Found:
    """What a name means: columns of sources, in the context of the SELECT whose FROM they stand in."""

    context: Context
    name: str
    parts: tuple[tuple[Source, int], ...]
    full: frozenset[Extension] = frozenset()

    @property
    def value(self) -> Value:
        values = [self.context.value_of(source, place) for source, place in self.parts]
        if len(values) == 1:
            return values[0]
        either = not self.context.vanished and not any(
            source.columns[place].value.nullable or not self.full.issuperset(source.extensions)
            for source, place in self.parts
        )
        nullable = not either and all(one.nullable for one in values)
        found = unite(values).with_null(nullable).computed
        return found.with_null(found.nullable and self.key not in self.context.facts)

    @property
    def key(self) -> tuple[object, ...]:
        keys = tuple(column_key(source, place) for source, place in self.parts)
        return keys[0] if len(keys) == 1 else ("merged", *keys)


@dataclass(eq=False, slots=True)
class CommonTables:
    """The tables of a WITH, by lower-case name. known: their columns as far as they have been found out."""

    nodes: Mapping[str, CommonTable]
    context: Context | None
    outer: CommonTables | None
    known: dict[str, Sequence[OutputColumn]] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)


class Work(Protocol):
    """What the parts of the analysis ask of each other. catalog: the schema."""

    catalog: Catalog
    given: Mapping[str, Value]

    def value(self, expression: Expression, context: Context) -> Value:
        """The value of an expression."""

    def columns(self, select: Select, context: Context | None, tables: CommonTables | None) -> Sequence[OutputColumn]:
        """The columns of a SELECT whose outer query is at `context`."""

    def gives_a_row(self, select: Select, context: Context) -> bool:
        """Whether a SELECT gives at least one row, whatever the tables hold."""

    def facts_of_a_row(self, select: Select, context: Context) -> Facts:
        """What is not NULL in the outer query where a subquery gives a row."""

    def relation(self, name: str, context: Context | None, tables: CommonTables | None) -> Source | None:
        """The table, view or common table of that name as a source."""

    def text(self, result: Result) -> str:
        """The text of a result expression, which is its name where it has no other."""

    def function_columns(self, name: str) -> Sequence[OutputColumn]:
        """The columns of a table function, [] where they are not known."""


def column_key(source: Source, place: int) -> tuple[object, ...]:
    """What facts know a column by."""
    return ("column", id(source), place)


ROWID_NAMES = ("rowid", "_rowid_", "oid")


@dataclass(frozen=True, slots=True)
class Alias:
    """A result expression that is named by its alias, and where it stands."""

    expression: Expression
    context: Context


def resolve(name: Name, context: Context | None) -> Found | Alias | None:
    """What a column's name means here or in an outer query; None for nothing that is known. Columns go before aliases
    (https://www.sqlite.org/lang_select.html)."""
    table, column = folded(name.table), folded(name.column)
    while context is not None:
        found = _qualified(table, column, context) if table else _unqualified(column, context)
        if found is not None:
            return found
        if not table and column in context.aliases:
            return Alias(context.aliases[column], replace(context, aliases={}))
        context = context.parent
    return None


def _qualified(table: str, column: str, context: Context) -> Found | None:
    for source in context.scope.sources:
        if source.name == table and (found := _in_source(source, column, context)) is not None:
            return found
    return None


def _in_source(source: Source, column: str, context: Context) -> Found | None:
    place = source.find(column)
    if place is not None:
        return Found(context, source.columns[place].name, ((source, place),))
    if column in ROWID_NAMES and source.rowid is not None:
        key = source.table.rowid_column if source.table else None
        place = source.find(folded(key)) if key else None
        return Found(context, key or "rowid", ((source, -1 if place is None else place),))
    return None


def _unqualified(column: str, context: Context) -> Found | None:
    for one in context.scope.visible:
        if folded(one.name) == column:
            return Found(context, one.name, one.parts, one.full)
    for source in context.scope.sources:
        place = source.find(column)
        if place is not None and place in source.hidden:
            return Found(context, source.columns[place].name, ((source, place),))
    for source in context.scope.sources:
        if column in ROWID_NAMES and source.rowid is not None:
            return _in_source(source, column, context)
    return None
