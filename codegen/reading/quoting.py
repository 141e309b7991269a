"""Finds double-quoted string literals: where no such name exists SQLite takes `"x"` for the string 'x', silently
(https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted).

SQLite itself is asked: a name in backticks is always a name. A statement that works as it is written and fails with
`x` in the place of "x" has a string there.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from .stubs import stand_in
from .tokens import NAME, PARAMETER, Statement, Token
from .usable import trial

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from .loading import Loaded
    from .usable import Row

HINT = "write a string in single quotes"


def message(token: Token) -> str:
    """What is said about a double-quoted string literal."""
    return f"{token.text} names no table, column or alias: SQLite would take it for a string"


def refuse_double_quoted(connection: sqlite3.Connection, statement: Statement) -> None:
    """Raise GenerationError for a double-quoted string literal in a query over the schema in `connection`."""
    given = {token.value: None for token in statement.tokens if token.kind == PARAMETER}
    for token in _strings(statement, lambda sql: _works(connection, [f"EXPLAIN {sql}"], given)):
        raise statement.error(message(token), token, HINT)


def double_quoted(loaded: Loaded, rows: Iterable[Row]) -> list[tuple[Statement, Token]]:
    """The double-quoted string literals of a schema. rows: of its views and triggers that work.

    The schema is built once more with every double quote replaced; only what fails then is looked at by the token.
    """
    if not any(_double_quotes(statement) for statement in loaded.statements):
        return []
    mirror = sqlite3.connect(":memory:", isolation_level=None)
    try:
        found = [(one, token) for one in loaded.statements for token in _mirrored(mirror, one)]
        for row in rows:
            statement = loaded.placed[row[0]].statement
            if row[1] in ("view", "trigger") and _double_quotes(statement):
                found += [(statement, token) for token in _used(mirror, row, statement)]
    finally:
        mirror.close()
    return found


def _mirrored(mirror: sqlite3.Connection, statement: Statement) -> list[Token]:
    """Build the statement in the mirror; its strings."""
    strings = _defaults(statement)
    if not _works(mirror, [_rewritten(statement, strings)], keep=True):
        strings += _strings(statement, lambda sql: _works(mirror, [sql]))
        if not _works(mirror, [_rewritten(statement, strings)], keep=True):
            # As in loading: a rename while a view names what is gone for the moment.
            mirror.execute("PRAGMA legacy_alter_table = ON")
            _works(mirror, [statement.sql], keep=True)
            mirror.execute("PRAGMA legacy_alter_table = OFF")
    return strings


def _used(mirror: sqlite3.Connection, row: Row, statement: Statement) -> Sequence[Token]:
    """The strings of a view or trigger, whose names SQLite looks up only when it is used."""
    tries = trial(mirror, row, statement.tokens)
    if not tries or _works(mirror, [tries]):
        return []
    drop = f'DROP {row[1]} main."{row[2].replace(chr(34), chr(34) * 2)}"'
    return _strings(statement, lambda sql: _works(mirror, [drop, sql, tries]))


def _strings(statement: Statement, works: Callable[[str], bool]) -> Sequence[Token]:
    """The tokens without which the statement works, and with which as names it does not."""
    quotes = _double_quotes(statement)
    if not quotes or works(_rewritten(statement)) or not works(statement.sql):
        return []
    return [
        token
        for token in quotes
        if not works(_rewritten(statement, [other for other in quotes if other is not token]))
    ]  # fmt: skip


def _works(
    connection: sqlite3.Connection,
    statements: Sequence[str],
    given: dict[str, None] | None = None,
    *,
    keep: bool = False,
) -> bool:
    """Whether the statements run, with stand-ins for what is missing. Without `keep` they leave nothing behind."""
    tried: set[str] = set()
    while True:
        connection.execute("SAVEPOINT quoting")
        try:
            for sql in statements:
                connection.execute(sql, given or {})
        except sqlite3.Error as error:
            connection.execute("ROLLBACK TO quoting")
            if stand_in(connection, error, tried) is None:
                return False
        else:
            if not keep:
                connection.execute("ROLLBACK TO quoting")
            return True
        finally:
            connection.execute("RELEASE quoting")


def _double_quotes(statement: Statement) -> list[Token]:
    """The tokens in double quotes that can be meant for a name or a string."""
    tokens = statement.tokens
    if len(tokens) > 1 and tokens[1].is_word("VIRTUAL"):
        return []  # its module reads its arguments by rules of its own
    return [
        token
        for place, token in enumerate(tokens)
        # RAISE(ABORT, "…") takes a name as its message, and since 3.47 any expression.
        if token.kind == NAME and token.text[0] == '"' and not (place > 3 and tokens[place - 4].is_word("RAISE"))
    ]


def _defaults(statement: Statement) -> list[Token]:
    """Names behind DEFAULT: SQLite takes any of them for a string, whatever its quotes."""
    return [
        token
        for place, token in enumerate(statement.tokens)
        if token.kind == NAME and place > 1 and statement.tokens[place - 1].is_word("DEFAULT")
    ]


def _rewritten(statement: Statement, kept: Collection[Token] = ()) -> str:
    """The statement with backticks for double quotes but in the tokens `kept`."""
    parts, end = [], 0
    for token in _double_quotes(statement):
        if token not in kept:
            start = token.start - statement.start
            parts += [statement.sql[end:start], "`" + token.value.replace("`", "``") + "`"]
            end = start + len(token.text)
    return "".join([*parts, statement.sql[end:]])
