"""Scripts → a `:memory:` database with their schema, and where each object of it stands.

What defines the schema is run, statement by statement: CREATE, ALTER, DROP. What dumps and migrations hold beside it is
not: data has no influence on a schema. Statements that need what comes later wait for the end.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .definitions import split_list, text_of
from .stubs import stand_in
from .tokens import COMMAND, DATA, STRING, Statement, Token, folded, split, syntax_error_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..errors import Note
    from .sources import Script

DEFAULT_PART = "main"
_IGNORED = (
    *("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA"),
    *("ANALYZE", "REINDEX", "VACUUM", "ATTACH", "DETACH", "EXPLAIN"),
    *("INSERT", "UPDATE", "DELETE", "REPLACE", "SELECT", "WITH", "VALUES"),
)
_SCHEMA_TABLES = ("sqlite_master", "sqlite_schema")
_ROWS = "SELECT rowid, type, name, tbl_name FROM main.sqlite_schema"
_ADDED = f"{_ROWS} WHERE rowid > ? AND sql NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_TEMPORARY = "SELECT type, name FROM temp.sqlite_temp_schema WHERE sql NOT NULL"
# Functions that change the schema when they are called (SpatiaLite, cr-sqlite, loaded extensions).
_CHANGING = ("load_extension", "addgeometrycolumn", "recovergeometrycolumn", "initspatialmetadata", "crsql_as_crr")
_NEEDS = ("no such table: ", "no such column: ")


@dataclass(slots=True)
class Placed:
    """Where an object stands. statement: the one that made it. part: of the schema. columns: by lower-case name, where
    an ALTER TABLE said a column last."""

    statement: Statement
    part: str
    columns: dict[str, tuple[Statement, Token]] = field(default_factory=dict)


@dataclass(slots=True)
class Loaded:
    """The database, and where each row of its sqlite_schema stands, by rowid. statements: those that were run.
    temporary: the TEMP objects by kind and name. missing: what could not be made for want of its module or database, by
    lower-case name."""

    connection: sqlite3.Connection
    placed: dict[int, Placed] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    temporary: dict[tuple[str, str], Statement] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    originals: dict[str, str] = field(default_factory=dict)


def load(connection: sqlite3.Connection, scripts: Sequence[Script], note: Callable[[Note], None]) -> Loaded:
    """Run the scripts in the empty database `connection`. Raises GenerationError for what SQLite refuses.

    note: told of what is not run, left out, or stood in for.
    """
    loader = _Loader(Loaded(connection), note)
    for script in scripts:
        part = DEFAULT_PART
        for statement in split(script.text, script.name, skip_data=True):
            part = next((name for token in reversed(statement.above) if (name := part_name(token))), part)
            loader.run(statement, part)
    loader.run_waiting()
    return loader.loaded


def part_name(token: Token) -> str | None:
    """The name in a comment `-- part: NAME`."""
    words = token.text[2:].split()
    return words[1] if token.text.startswith("--") and len(words) == 2 and words[0] == "part:" else None


class _Loader:
    def __init__(self, loaded: Loaded, note: Callable[[Note], None]) -> None:
        self.loaded = loaded
        self.connection = loaded.connection
        self.note = note
        self.waiting: list[tuple[Statement, str]] = []
        self.tried: set[str] = set()

    def run(self, statement: Statement, part: str) -> None:
        """Run a statement if it defines the schema."""
        first = statement.tokens[0]
        if first.kind == COMMAND:
            self.note(statement.note(f"a command of the sqlite3 shell is not run: {first.text}", rule="not-run"))
        elif first.is_word("INSERT", "REPLACE") and (virtual := _dumped_virtual_table(statement)):
            self._define(virtual, part)
        elif first.is_word("PRAGMA") and any(token.is_word("LEGACY_ALTER_TABLE") for token in statement.tokens[1:4]):
            self.connection.execute(statement.sql)
        elif first.kind == DATA:
            pass
        elif first.is_word(*_IGNORED):
            called = [token for token in statement.tokens if token.kind == "word" and token.text.lower() in _CHANGING]
            if first.is_word("SELECT") and called:
                message = f"{called[0].text}() is not called: what it adds to the schema is unknown here"
                self.note(statement.note(message, called[0], rule="not-run"))
        else:
            self._define(statement, part)

    def run_waiting(self) -> None:
        """Run what named something that came later, in any order that works."""
        while self.waiting:
            before, self.waiting = self.waiting, []
            for statement, part in before:
                self._define(statement, part)
            if len(self.waiting) == len(before):
                statement, part = self.waiting[0]
                self.waiting = self.waiting[1:]
                self._define(statement, part, final=True)

    def _define(self, statement: Statement, part: str, *, final: bool = False) -> None:
        creates = statement.tokens[0].is_word("CREATE")
        last = self.connection.execute("SELECT max(rowid) FROM main.sqlite_schema").fetchone()[0] or 0
        altered = None if creates else self._altered(statement)
        if not self._run(statement, part, final):
            return
        self.loaded.statements.append(statement)
        if creates:
            added = self.connection.execute(_ADDED, (last,)).fetchall()
            self.loaded.placed.update((row[0], Placed(statement, part)) for row in added)
        else:
            self._follow(statement, altered)
        temporary = self.loaded.temporary
        if temporary or any(token.is_word("TEMP", "TEMPORARY") for token in statement.tokens[1:2]):
            now = self.connection.execute(_TEMPORARY).fetchall()
            self.loaded.temporary = {key: temporary.get(key, statement) for key in now}

    def _run(self, statement: Statement, part: str, final: bool) -> bool:
        """Run it, with stand-ins where it needs them; whether it ran. Raises GenerationError."""
        legacy = self.connection.execute("PRAGMA legacy_alter_table").fetchone()[0]
        sql: str | None = statement.sql
        self.tried = set()
        try:
            while sql is not None:
                try:
                    self.connection.execute(sql)
                    return True
                except sqlite3.Error as error:
                    sql = self._next(statement, part, error, final)
        finally:
            self.connection.execute(f"PRAGMA legacy_alter_table = {legacy}")
        return False

    def _next(self, statement: Statement, part: str, error: sqlite3.Error, final: bool) -> str | None:
        """What to try after an error; None to go on without the statement. Raises where the error stands."""
        if told_stand_in(self.connection, statement, error, self.note, self.tried):
            return statement.sql
        message, first = str(error), statement.tokens[0]
        token = syntax_error_token(self.connection, statement, error)
        if "tokenizer: " in message and (plain := _without_tokenizer(statement)) is not None:
            missing = message.rsplit("tokenizer: ", 1)[-1]
            told = f"the tokenizer {missing} is not in the generator's SQLite: a stand-in is used"
            self.note(statement.note(told, token, rule="stand-in"))
            self.loaded.originals[folded(_created(statement).value)] = statement.sql
            return plain
        if "no such module" in message:
            name = _created(statement)
            self.loaded.missing.add(folded(name.value))
            hint = "the generator needs this module in its own SQLite"
            self.note(statement.note(f"the virtual table {name.value} is left out: {message}", token, hint, "left-out"))
        elif message.startswith("object name reserved for internal use: sqlite_"):
            pass  # A dump lists sqlite_sequence and sqlite_stat1, which SQLite makes by itself.
        elif message.endswith(" already exists") and self._is_shadow(_created(statement).value):
            pass  # A dump lists what a virtual table makes by itself.
        elif message.startswith("unknown database "):
            token = next((one for one in statement.tokens if one.same_name(message.split()[2])), None)
            self.loaded.missing.add(folded(_created(statement).value))
            self.note(statement.note(f"it is left out: {message}", token, "an attached database", "left-out"))
        elif first.is_word("DROP") and message.startswith("no such"):
            self.note(statement.note(f"nothing to drop: {message}", token, rule="not-run"))
        elif first.is_word("ALTER") and message.startswith("error in ") and not self._legacy():
            # A view or trigger names a table that is gone for the moment: https://www.sqlite.org/lang_altertable.html
            self.connection.execute("PRAGMA legacy_alter_table = ON")
            return statement.sql
        elif message.startswith(_NEEDS) and self._missing(message):
            hint = "it needs what was left out"
            self.note(statement.note(f"it is left out: {message}", token, hint, "left-out"))
        elif message.startswith(_NEEDS) and not final:
            self.waiting.append((statement, part))
        else:
            raise statement.error(message, token) from None
        return None

    def _legacy(self) -> bool:
        return bool(self.connection.execute("PRAGMA legacy_alter_table").fetchone()[0])

    def _missing(self, message: str) -> bool:
        return folded(message.rsplit(": ", 1)[-1].removeprefix("main.")) in self.loaded.missing

    def _is_shadow(self, name: str) -> bool:
        kinds = "SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow' AND lower(name) = ?"
        return self.connection.execute(kinds, (folded(name),)).fetchone() is not None

    def _altered(self, statement: Statement) -> int | None:
        """The rowid of the table that an ALTER TABLE is about, before it runs."""
        if not statement.tokens[0].is_word("ALTER") or len(statement.tokens) < 4:
            return None
        name = statement.tokens[4 if statement.tokens[3].text == "." and len(statement.tokens) > 4 else 2].value
        row = self.connection.execute(
            "SELECT rowid FROM main.sqlite_schema WHERE type = 'table' AND lower(name) = ?", (folded(name),)
        ).fetchone()
        return row[0] if row else None

    def _follow(self, statement: Statement, altered: int | None) -> None:
        """Keep the places right after an ALTER or a DROP."""
        left = {row[0] for row in self.connection.execute(_ROWS)}
        for rowid in [rowid for rowid in self.loaded.placed if rowid not in left]:
            del self.loaded.placed[rowid]
        placed = self.loaded.placed.get(altered or 0)
        if placed is None:
            return
        rest = list(statement.tokens[5 if statement.tokens[3].text == "." else 3 :])
        if rest[0].is_word("ADD"):
            token = rest[2] if rest[1].is_word("COLUMN") and len(rest) > 2 else rest[1]
            placed.columns[folded(token.value)] = (statement, token)
        elif rest[0].is_word("RENAME") and not (rest[1].is_word("TO") and len(rest) == 3):
            placed.columns.pop(folded(rest[-3].value), None)
            placed.columns[folded(rest[-1].value)] = (statement, rest[-1])


def _created(statement: Statement) -> Token:
    """The name of what a CREATE makes."""
    tokens = list(statement.tokens)
    place = 1
    while place < len(tokens) and tokens[place].is_word("TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL"):
        place += 1
    place += 1
    if [token.text.upper() for token in tokens[place : place + 3]] == ["IF", "NOT", "EXISTS"]:
        place += 3
    if place + 2 < len(tokens) and tokens[place + 1].text == ".":
        place += 2
    return tokens[min(place, len(tokens) - 1)]


def _dumped_virtual_table(statement: Statement) -> Statement | None:
    """The CREATE VIRTUAL TABLE that `.dump` writes as a row: INSERT INTO sqlite_schema(…) VALUES(…,'CREATE …')."""
    tokens = statement.tokens
    if len(tokens) < 8 or not any(tokens[2].same_name(name) for name in _SCHEMA_TABLES):
        return None
    last = tokens[-2] if tokens[-1].text == ")" else None
    if last is None or last.kind != STRING or not last.value.upper().startswith("CREATE VIRTUAL TABLE"):
        return None
    made = next(split(last.value, statement.file))
    moved = [Token(token.kind, token.text, token.start, last.line, last.column) for token in made.tokens]
    return Statement(statement.file, made.sql, made.start, moved, statement.above)


def _without_tokenizer(statement: Statement) -> str | None:
    """The CREATE VIRTUAL TABLE without its `tokenize=…`; None where it has none."""
    tokens = statement.tokens
    opening = next((place for place, token in enumerate(tokens) if token.text == "("), len(tokens))
    items = split_list(tokens, opening) if opening < len(tokens) else []
    kept = [item for item in items if item and not item[0].is_word("TOKENIZE")]
    if len(kept) == len(items):
        return None
    arguments = ", ".join(text_of(item, statement.sql, statement.start) for item in kept)
    return f"{statement.sql[: tokens[opening].end - statement.start]}{arguments})"


def told_stand_in(
    connection: sqlite3.Connection,
    statement: Statement,
    error: sqlite3.Error,
    note: Callable[[Note], None],
    tried: set[str],
) -> bool:
    """Whether a stand-in could be made for what the error says is missing; `note` is told of it."""
    what = stand_in(connection, error, tried)
    if what is not None:
        token = syntax_error_token(connection, statement, error)
        message = f"{what} is not in the generator's SQLite: a stand-in is used"
        note(statement.note(message, token, rule="stand-in"))
    return what is not None
