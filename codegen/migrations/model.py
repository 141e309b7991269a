"""What a schema is for comparison, read from sqlite_schema.

Two schemas are equal where SQLite makes no difference between them: comments, white space, quotes and the case of names
do not count, nor the order of statements and of constraints, nor whether a constraint stands beside its column or at
the end of the table. The order of columns counts unless it is asked not to: `SELECT *` and positional inserts see it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from ..reading.tokens import NAME, STRING
from .table import Column, Constraint, read_table
from .text import folded, lower, names_in, tokens_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping

    from ..reading.tokens import Token


@dataclass(frozen=True, slots=True)
class Table:
    """An ordinary or a virtual table. sql: as sqlite_schema keeps it. module and arguments: of a virtual table; its
    columns have names alone. rowid: a name of its rowid that no column hides, None where it has none that is free."""

    name: str
    sql: str
    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()
    strict: bool = False
    without_rowid: bool = False
    module: str = ""
    arguments: str = ""
    rowid: str | None = None

    def column(self, name: str) -> Column | None:
        """The column of that name, case ignored."""
        return next((column for column in self.columns if column.key == lower(name)), None)

    def meaning(self, *, ordered: bool) -> tuple[object, ...]:
        """What has to be equal for two tables to be the same. ordered: the order of columns counts."""
        columns = [column.meaning for column in self.columns]
        constraints = sorted(one.text for one in self.constraints)
        options = (self.strict, self.without_rowid, self.module, self.arguments)
        return (columns if ordered or self.module else sorted(columns), constraints, options)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns of the primary key, in lower case."""
        return next((one.columns for one in self.constraints if one.kind == "primary key"), ())

    @property
    def rowid_column(self) -> str | None:
        """The INTEGER PRIMARY KEY that is the rowid (https://www.sqlite.org/lang_createtable.html#rowid)."""
        key = next((one for one in self.constraints if one.kind == "primary key"), None)
        if key is None or len(key.columns) != 1 or self.without_rowid or key.descending_column:
            return None
        column = self.column(key.columns[0])
        return column.key if column is not None and column.type == "integer" else None

    @property
    def autoincrement(self) -> bool:
        """Whether sqlite_sequence keeps its highest rowid."""
        return any(one.autoincrement for one in self.constraints)

    def not_null(self, column: Column) -> bool:
        """Whether NULL is refused, also where the words are not there: keys of WITHOUT ROWID and STRICT tables."""
        implied = (self.without_rowid or self.strict) and column.key in self.primary_key
        return bool(column.not_null) or (implied and column.key != self.rowid_column)


@dataclass(frozen=True, slots=True)
class Item:
    """An index, a trigger or a view. table: what it is on, in lower case (of a view its own name). text: its statement
    folded. names: every name in it."""

    kind: str
    name: str
    table: str
    sql: str
    text: str
    names: frozenset[str]
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """Tables and items by lower-case name, in the order in which they were made."""

    tables: Mapping[str, Table]
    indexes: Mapping[str, Item] = field(default_factory=dict)
    views: Mapping[str, Item] = field(default_factory=dict)
    triggers: Mapping[str, Item] = field(default_factory=dict)

    def items(self) -> Iterator[Item]:
        """Indexes, views and triggers."""
        yield from self.indexes.values()
        yield from self.views.values()
        yield from self.triggers.values()

    def meaning(self, *, ordered: bool = True) -> tuple[object, ...]:
        """What has to be equal for two schemas to be the same."""
        tables = {name: table.meaning(ordered=ordered) for name, table in self.tables.items()}
        return (tables, {(one.kind, lower(one.name)): one.text for one in self.items()})


_SCHEMA = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql NOT NULL ORDER BY rowid"


def read(connection: sqlite3.Connection) -> Schema:
    """The schema of a database. What SQLite and virtual tables make by themselves is left out."""
    kinds = {lower(row[1]): row[2] for row in connection.execute("PRAGMA main.table_list")}
    rows = [
        (kind, name, table, sql)
        for kind, name, table, sql in connection.execute(_SCHEMA).fetchall()
        if not lower(name).startswith("sqlite_") and kinds.get(lower(table)) != "shadow"
    ]
    tables: dict[str, Table] = {}
    columns: dict[str, frozenset[str]] = {}
    for kind, name, _, sql in rows:
        if kind in ("table", "view"):
            found = connection.execute("SELECT name FROM pragma_table_xinfo(?)", (name,)) if kind == "table" else ()
            columns[lower(name)] = frozenset(lower(row[0]) for row in found)
        if kind == "table":
            make = _virtual if kinds.get(lower(name)) == "virtual" else _ordinary
            tables[lower(name)] = make(connection, name, sql)
    every = frozenset(columns).union(*columns.values(), ("new", "old", "excluded", "rowid", "_rowid_", "oid"))
    result = Schema(tables, {}, {}, {})
    places = {"index": result.indexes, "view": result.views, "trigger": result.triggers}
    for kind, name, table, sql in rows:
        if kind in places:
            known = columns[lower(table)] | {lower(table)} if kind == "index" else every
            place = places[kind]
            assert isinstance(place, dict)
            place[lower(name)] = _item(kind, name, table, sql, known)
    return result


@lru_cache(maxsize=4096)
def _item(kind: str, name: str, table: str, sql: str, known: frozenset[str]) -> Item:
    tokens = tokens_of(sql)
    own = {lower(token.value) for before, token in pairwise(tokens) if before.is_word("AS")}
    own |= {lower(token.text) for token in tokens if token.kind == "word"} | {lower(name)}
    unique = kind == "index" and tokens[1].is_word("UNIQUE")
    if kind == "index":  # ascending is what an index is without a word
        tokens = [token for token in tokens if not token.is_word("ASC")]
    return Item(kind, name, lower(table), sql, folded(tokens, known | own), names_in(tokens), unique)


def _ordinary(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    row = connection.execute(
        "SELECT wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?", (name,)
    ).fetchone()
    columns, constraints = read_table(name, sql)
    taken = {column.key for column in columns}
    free = next((alias for alias in ("rowid", "_rowid_", "oid") if alias not in taken), None)
    without_rowid = bool(row[0])
    return Table(name, sql, columns, constraints, bool(row[1]), without_rowid, rowid=None if without_rowid else free)


def _virtual(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    tokens = tokens_of(sql)
    using = next(place for place, token in enumerate(tokens) if token.is_word("USING"))
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (name,)).fetchall()
    columns = tuple(Column(row[0]) for row in rows)
    module, arguments = lower(tokens[using + 1].value), tokens[using + 2 :]
    return Table(name, sql, columns, module=module, arguments=_arguments(arguments), rowid="rowid")


def _arguments(tokens: list[Token]) -> str:
    """The arguments of a module: `content='x'` and `content="x"` are the same to all that SQLite carries, names have no
    case, and what an option says in quotes has one."""
    pieces = []
    for place, token in enumerate(tokens):
        quoted = token.kind in (NAME, STRING)
        said = quoted and place > 0 and tokens[place - 1].text == "="
        value = token.value if quoted else token.text
        pieces.append(value if said else lower(value))
    return " ".join(pieces)
