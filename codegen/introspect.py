"""SQL text → Catalog. SQLite parses: the script runs in a `:memory:` database and PRAGMAs tell what it means.

Each statement runs by itself, so that an error and every table has the line it stands on.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import definitions
from .catalog import Catalog, Column, Index, LeftOut, Part, Table
from .errors import GenerationError
from .quoting import refuse_double_quoted
from .tokens import Statement, Token, split, syntax_error_token

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_PART = "main"
# What a statement added; SQLite makes sqlite_sequence by itself.
_ADDED = "SELECT rowid FROM sqlite_schema WHERE rowid > ? AND sql NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_TEMPORARY = "SELECT type, name FROM sqlite_temp_schema WHERE sql NOT NULL ORDER BY rowid LIMIT -1 OFFSET ?"


@dataclass(frozen=True, slots=True)
class _Placed:
    """A statement of the schema with the part it stands in."""

    statement: Statement
    part: str


def introspect(sql: str, file: str) -> tuple[Catalog, sqlite3.Connection]:
    """The catalog of a schema script, and the `:memory:` database that holds it (the caller closes it).

    file: its name in errors. Raises GenerationError with the line for SQL that SQLite refuses, for a double-quoted
    string literal, and for a statement that is not a definition.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        return _catalog(connection, sql, file), connection
    except BaseException:
        connection.close()
        raise


def _catalog(connection: sqlite3.Connection, sql: str, file: str) -> Catalog:
    placed: dict[int, _Placed] = {}
    statements: list[_Placed] = []
    temporary: list[LeftOut] = []
    part, last = DEFAULT_PART, 0
    for statement in split(sql, file):
        part = next((name for token in reversed(statement.above) if (name := _part_name(token))), part)
        if not statement.tokens[0].is_word("CREATE"):
            raise statement.error("a schema holds CREATE statements only", hint="data belongs into a migration")
        _run(connection, statement)
        statements.append(_Placed(statement, part))
        for (rowid,) in connection.execute(_ADDED, (last,)):
            placed[rowid] = statements[-1]
            last = max(last, rowid)
        for kind, name in connection.execute(_TEMPORARY, (len(temporary),)).fetchall():
            temporary.append(LeftOut(f"TEMP {kind}", name, statement.file, statement.tokens[0].line))
    for one in statements:
        refuse_double_quoted(connection, one.statement)
    script = tuple(one.statement.sql for one in statements)
    rows = connection.execute("SELECT rowid, type, name, tbl_name, sql FROM sqlite_schema WHERE sql NOT NULL")
    kinds = {row[1]: row[2] for row in connection.execute("PRAGMA main.table_list")}
    # A virtual table makes its shadow tables itself.
    schema = [row for row in rows.fetchall() if row[0] in placed and kinds.get(row[3]) != "shadow"]
    tables = tuple(
        _table(connection, name, sql, placed[rowid], kinds)
        for rowid, kind, name, _, sql in schema
        if kind == "table" and kinds.get(name) == "table"
    )
    hidden = {one.name.lower() for one in temporary if one.kind in ("TEMP table", "TEMP view")}
    for table in tables:
        if table.name.lower() in hidden:
            hint = "rename one of them"
            message = f"a TEMP object hides the table {table.name}"
            raise GenerationError(message, file=table.file, line=table.line, hint=hint)
    left_out = list(temporary)
    for rowid, kind, name, _, _ in schema:
        if kind == "view" or (kind == "table" and kinds.get(name) == "virtual"):
            first = placed[rowid].statement.tokens[0]
            left_out.append(LeftOut("view" if kind == "view" else "virtual table", name, file, first.line))
    left_out.sort(key=lambda one: one.line)
    return Catalog(tables, _parts(schema, placed, tables), script, tuple(left_out))


def _part_name(token: Token) -> str | None:
    words = token.text[2:].split()
    return words[1] if token.text.startswith("--") and len(words) == 2 and words[0] == "part:" else None


def _run(connection: sqlite3.Connection, statement: Statement) -> None:
    try:
        connection.execute(statement.sql)
    except sqlite3.Error as error:
        token = syntax_error_token(connection, statement, error)
        hint = "the generator needs this module in its own SQLite" if "no such module" in str(error) else ""
        raise statement.error(str(error), token, hint) from None


def _parts(
    schema: Sequence[tuple[int, str, str, str, str]], placed: dict[int, _Placed], tables: Sequence[Table]
) -> tuple[Part, ...]:
    """The parts in order of appearance. An index or trigger goes with its table."""
    home = {name.lower(): placed[rowid].part for rowid, kind, name, _, _ in schema if kind in ("table", "view")}
    names = dict.fromkeys(placed[row[0]].part for row in schema)
    return tuple(
        Part(
            name,
            tuple(table.name for table in tables if table.part == name),
            tuple(sql for _, _, _, owner, sql in schema if home[owner.lower()] == name),
        )
        for name in names
    )


def _table(connection: sqlite3.Connection, name: str, sql: str, placed: _Placed, kinds: dict[str, str]) -> Table:
    statement = placed.statement
    definition = definitions.read(definitions.stored_tokens(sql, statement.file))
    columns: list[Column] = []
    for _, column, declared, not_null, default, key, hidden in connection.execute(
        "SELECT * FROM pragma_table_xinfo(?)", (name,)
    ):
        said = definition.columns.get(column.lower())
        token = next((token for token in statement.tokens[3:] if token.same_name(column)), statement.tokens[0])
        columns.append(
            Column(
                name=column,
                declared=declared,
                not_null=bool(not_null),
                default=default,
                key=key,
                generated=hidden in (2, 3),
                collation=said.collation if said else "BINARY",
                choices=said.choices if said else None,
                line=token.line,
            )
        )
    without_rowid, strict = connection.execute(
        "SELECT wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?", (name,)
    ).fetchone()
    key = tuple(column.name for column in sorted(columns, key=lambda column: column.key) if column.key)
    indexes = _indexes(connection, name, columns)
    has_key_index = any(index.origin == "pk" for index in indexes)
    rowid_column = key[0] if len(key) == 1 and not without_rowid and not has_key_index else None
    taken = {column.name.lower() for column in columns}
    free = [alias for alias in ("rowid", "_rowid_", "oid") if alias not in taken]
    return Table(
        name=name,
        columns=tuple(_implied(column, bool(without_rowid), rowid_column) for column in columns),
        indexes=indexes,
        key=key,
        rowid=None if without_rowid or not free else free[0],
        rowid_column=rowid_column,
        strict=bool(strict),
        part=placed.part,
        doc=_doc(statement),
        file=statement.file,
        line=statement.tokens[0].line,
    )


def _implied(column: Column, without_rowid: bool, rowid_column: str | None) -> Column:
    """NOT NULL where SQLite enforces it without the words: the rowid, and the key of a WITHOUT ROWID table."""
    if column.name == rowid_column or (without_rowid and column.key):
        return replace(column, not_null=True)
    return column


def _indexes(connection: sqlite3.Connection, table: str, columns: Sequence[Column]) -> tuple[Index, ...]:
    """The indexes of a table: those of its constraints first, then by name, so that the order does not depend on the
    order in which SQLite keeps them."""
    collations = {column.name: column.collation for column in columns}
    found: list[Index] = []
    for _, name, unique, origin, partial in connection.execute("SELECT * FROM pragma_index_list(?)", (table,)):
        rows = connection.execute(
            'SELECT name, "desc", coll FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno', (name,)
        ).fetchall()
        plain = not partial and all(
            column is not None and not descending and collation.upper() == collations[column]
            for column, descending, collation in rows
        )
        found.append(Index(name, tuple(row[0] for row in rows), bool(unique), origin, plain))
    return tuple(sorted(found, key=lambda index: (("pk", "u", "c").index(index.origin), index.name)))


def _doc(statement: Statement) -> str:
    """The comment lines that stand directly above a statement, without their dashes and without `part:` lines."""
    lines: list[str] = []
    expected = statement.tokens[0].line - 1
    for token in reversed(statement.above):
        if token.line != expected or not token.text.startswith("--") or _part_name(token):
            break
        lines.append(token.text.lstrip("-").strip())
        expected -= 1
    return "\n".join(reversed(lines))


def read_schema(sql: str, file: str) -> tuple[Catalog, sqlite3.Connection]:
    """As introspect; a schema without tables is an error too."""
    catalog, connection = introspect(sql, file)
    if not catalog.tables:
        connection.close()
        raise GenerationError("the schema has no table", file=file, hint="is it the right file?")
    return catalog, connection
