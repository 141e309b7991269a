"""Refuses double-quoted string literals: where no such name exists SQLite takes `"x"` for the string 'x', silently
(https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tokens import NAME, Statement, Token

if TYPE_CHECKING:
    import sqlite3


def refuse_double_quoted(connection: sqlite3.Connection, statement: Statement) -> None:
    """Raise GenerationError for a double-quoted token that names nothing which the statement can mean.

    Known names: schema objects and columns (in a table's definition its own columns and those of the tables that it
    references), what the statement itself names (aliases, CTEs, constraints), types and collations.
    """
    quoted = [
        (place, token) for place, token in enumerate(statement.tokens) if token.kind == NAME and token.text[0] == '"'
    ]
    if not quoted:
        return
    known = _known_names(connection, statement) | _own_names(statement)
    for place, token in quoted:
        before = statement.tokens[place - 1] if place else None
        in_default = before is not None and before.is_word("DEFAULT")
        if in_default or token.value.lower() not in known:
            raise statement.error(
                f"{token.text} names no table, column or alias: SQLite would take it for a string",
                token,
                "write a string in single quotes",
            )


def _known_names(connection: sqlite3.Connection, statement: Statement) -> set[str]:
    objects = {row[0].lower() for row in connection.execute("SELECT name FROM sqlite_schema")}
    mentioned = {token.value.lower() for token in statement.tokens if token.is_name}
    known = objects | {"rowid", "oid", "_rowid_", "main", "temp", "new", "old", "excluded", "key", "value"}
    for name in sorted(objects & mentioned):
        for row in connection.execute("SELECT name, type FROM pragma_table_xinfo(?)", (name,)):
            known.update((row[0].lower(), row[1].lower()))
    return known | {row[1].lower() for row in connection.execute("PRAGMA collation_list")}


def _own_names(statement: Statement) -> set[str]:
    """Names that the statement gives: after AS, after CONSTRAINT, before `AS (`, and a table's or column's alias."""
    found: set[str] = set()
    tokens = statement.tokens
    for place, token in enumerate(tokens):
        before: Token | None = tokens[place - 1] if place else None
        after = [one.text.upper() for one in tokens[place + 1 : place + 3]]
        if (before is not None and before.is_word("AS", "CONSTRAINT", "SAVEPOINT")) or after == ["AS", "("]:
            found.add(token.value.lower())
    return found
