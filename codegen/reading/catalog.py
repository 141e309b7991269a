"""What a schema is, as SQLite sees it: the output of `introspect`, the input of `transform` and `infer`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .tokens import folded

if TYPE_CHECKING:
    from ..types.typemap import Type

Literal = str | int


@dataclass(frozen=True, slots=True)
class Column:
    """A column. declared: its type as written (of a virtual table: what its module stores). default: the SQL text of
    its default. key: its place in the primary key from 1, 0 outside. generated: never written. choices: the values of a
    CHECK … IN, None without one. hidden: of a virtual table, outside `*`. stores: the storage classes that SQLite lets
    into it (STRICT, CHECK on typeof), None where it takes any. expression: of a generated column, "" otherwise. file,
    line: where it was said last, "" for the table's own file. type: what it holds where that is not told by `declared`
    alone."""

    name: str
    declared: str
    not_null: bool
    default: str | None
    key: int
    generated: bool
    collation: str
    choices: tuple[Literal, ...] | None
    line: int
    hidden: bool = False
    stores: frozenset[str] | None = None
    expression: str = ""
    file: str = ""
    type: Type | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A term of an index. column: None for an expression, whose text is in `expression`."""

    column: str | None
    collation: str
    descending: bool
    expression: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """An index, or the one behind a UNIQUE or a PRIMARY KEY. columns: None stands for an expression. origin: c (CREATE
    INDEX), u (UNIQUE) or pk. plain: ascending, whole, over columns only and by their own collations, so that it can
    serve look-ups and orders. where: the condition of a partial index, "" for a whole one. sql: its statement, "" for
    the index of a constraint."""

    name: str
    columns: tuple[str | None, ...]
    unique: bool
    origin: str
    plain: bool
    terms: tuple[Term, ...] = ()
    where: str = ""
    sql: str = ""
    line: int = 0
    file: str = ""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key. targets: the columns that it refers to, the other table's primary key where none are named."""

    columns: tuple[str, ...]
    table: str
    targets: tuple[str, ...]
    on_update: str
    on_delete: str
    line: int
    file: str = ""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger and the table or view that it is on."""

    name: str
    table: str
    sql: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table, a view or a virtual table (`kind`: table, view, virtual). rowid: a name of its rowid that no column
    hides (None: WITHOUT ROWID, a view, or all three are hidden). rowid_column: its INTEGER PRIMARY KEY column, which is
    the rowid. sql: its statement as SQLite keeps it. module: of a virtual table, in lower case, as fts5. checks: the
    expressions of its CHECKs as written."""

    name: str
    columns: tuple[Column, ...]
    indexes: tuple[Index, ...]
    key: tuple[str, ...]
    rowid: str | None
    rowid_column: str | None
    strict: bool
    part: str
    doc: str
    file: str
    line: int
    kind: str = "table"
    sql: str = ""
    module: str = ""
    without_rowid: bool = False
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name; case does not matter. Raises KeyError."""
        for column in self.columns:
            if folded(column.name) == folded(name):
                return column
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the schema (`-- part: NAME`): its tables, and all its statements in order as SQLite keeps them."""

    name: str
    tables: tuple[str, ...]
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalog:
    """A whole schema in the order of its files. tables: ordinary ones. script: the statements that build it, as SQLite
    keeps them."""

    tables: tuple[Table, ...]
    parts: tuple[Part, ...]
    script: tuple[str, ...] = field(repr=False)
    views: tuple[Table, ...] = ()
    virtual_tables: tuple[Table, ...] = ()
    triggers: tuple[Trigger, ...] = ()

    def table(self, name: str) -> Table | None:
        """The ordinary table of that name, case ignored, or None."""
        return next((table for table in self.tables if folded(table.name) == folded(name)), None)

    def relation(self, name: str) -> Table | None:
        """The table, view or virtual table of that name, case ignored, or None."""
        every = (*self.tables, *self.views, *self.virtual_tables)
        return next((table for table in every if folded(table.name) == folded(name)), None)
