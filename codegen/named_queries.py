"""Query files → named queries. A query is a statement under a comment line `-- name: NAME :KIND`.

Kinds: `:one` (a row or None), `:many` (a list), `:iter` (streamed), `:exec` (nothing), `:execrows` (rows changed).
The comment lines below the name are the docstring, but for annotations, which give or override a type:

    -- @param NAME: TYPE        a parameter, written `:NAME` in the statement
    -- @column NAME: TYPE       a result column

TYPE is int, float, str, bytes, bool, datetime or json, with `| None` where NULL may stand.
"""

from __future__ import annotations

import keyword
import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import naming
from .errors import GenerationError
from .inference import Inference, infer
from .quoting import refuse_double_quoted
from .tokens import PARAMETER, Statement, Token, split, syntax_error_token
from .typemap import WORDS, Type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .catalog import Catalog

KINDS = ("one", "many", "iter", "exec", "execrows")
_STATEMENTS = ("SELECT", "WITH", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE")


@dataclass(slots=True)
class Annotation:
    """A type given in a comment. used: whether the query has what it names."""

    type: Type
    token: Token
    used: bool = False


@dataclass(slots=True)
class Query:
    """A named query as it stands in its file, prepared by SQLite. writes: it needs a Writer. tables: what it touches,
    views included, as SQLite's authorizer reports it. inference: what it gives and takes, annotations not applied."""

    module: str
    name: str
    kind: str
    token: Token
    statement: Statement
    doc: tuple[str, ...]
    params: dict[str, Annotation] = field(default_factory=dict)
    columns: dict[str, Annotation] = field(default_factory=dict)
    writes: bool = False
    tables: tuple[str, ...] = ()
    inference: Inference = field(default_factory=lambda: Inference((), (), one_row=False, sources={}))

    def error(self, message: str, token: Token | None = None, hint: str = "") -> GenerationError:
        """An error at `token`, or at the query's name."""
        return self.statement.error(message, token or self.token, hint)

    @property
    def row_class(self) -> str:
        """The name of its row class, where it needs one of its own."""
        return naming.class_name(self.module) + naming.camel(self.name)

    @property
    def parameters(self) -> tuple[Token, ...]:
        """The parameters in order of first appearance."""
        found: dict[str, Token] = {}
        for token in self.statement.tokens:
            if token.kind == PARAMETER:
                found.setdefault(token.value, token)
        return tuple(found.values())


def read_queries(
    connection: sqlite3.Connection, catalog: Catalog, files: Iterable[tuple[str, str, str]]
) -> list[Query]:
    """The named queries of files given as (module, file name for errors, text), each prepared over the schema that
    `connection` holds. Raises GenerationError."""
    found: list[Query] = []
    for module, file, text in files:
        if not module.isidentifier() or keyword.iskeyword(module) or module.startswith("_"):
            hint = "name it after its table's module, or with letters, digits and underscores"
            raise GenerationError(f"{module} is no name for a Python module", file=file, hint=hint)
        names: dict[str, Query] = {}
        for statement in split(text, file):
            query = _parse(module, statement)
            if query.name in names:
                raise query.error(f"there is a query {query.name} in line {names[query.name].token.line} already")
            names[query.name] = query
            _prepare(connection, query)
            query.inference = infer(statement, catalog, connection)
        found += names.values()
    return found


def _parse(module: str, statement: Statement) -> Query:
    query: Query | None = None
    doc: list[str] = []
    params: dict[str, Annotation] = {}
    columns: dict[str, Annotation] = {}
    for token in statement.above:
        text = token.text.removeprefix("--").strip() if token.text.startswith("--") else ""
        if text.startswith("name:"):
            if query is not None:
                raise statement.error("a second name for one statement", token, "is a `;` missing before it?")
            query = _named(module, statement, token, text.removeprefix("name:").split())
            doc = []
        elif text.startswith(("@param ", "@column ")):
            _annotate(statement, token, text, params, columns)
        elif text.startswith("@"):
            raise statement.error(f"unknown annotation {text.split()[0]}", token, "there are @param and @column")
        elif not text.startswith("lint:"):
            doc.append(text)
    if query is None:
        raise statement.error("a statement without a name", hint="write `-- name: some_name :many` above it")
    query.doc = tuple(doc) or (f"The named query {query.name}.",)
    query.params, query.columns = params, columns
    return query


def _named(module: str, statement: Statement, token: Token, words: list[str]) -> Query:
    if len(words) != 2 or not words[1].startswith(":"):
        raise statement.error("a name line is `-- name: some_name :kind`", token)
    name, kind = words[0], words[1][1:]
    if kind not in KINDS:
        raise statement.error(f"unknown kind :{kind}", token, f"the kinds are {', '.join(':' + one for one in KINDS)}")
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower() or name.startswith("_"):
        raise statement.error(f"{name} is no name for a Python function", token, "use lower case and underscores")
    return Query(module, name, kind, token, statement, ())


def _annotate(
    statement: Statement, token: Token, text: str, params: dict[str, Annotation], columns: dict[str, Annotation]
) -> None:
    word, _, rest = text.partition(" ")
    name, colon, words = (part.strip() for part in rest.partition(":"))
    kind, bar, none = (part.strip() for part in words.partition("|"))
    if not (name and colon) or kind not in WORDS or (bar and none != "None"):
        hint = f"types are {', '.join(WORDS)}, each also with `| None`"
        raise statement.error(f"an annotation is `{word} name: type`", token, hint)
    target = params if word == "@param" else columns
    if name in target:
        raise statement.error(f"{name} is annotated twice", token)
    target[name] = Annotation(Type(WORDS[kind], bool(bar)), token)


def _prepare(connection: sqlite3.Connection, query: Query) -> None:
    """Let SQLite prepare the statement, and learn from it what the statement touches."""
    statement = query.statement
    if not statement.tokens[0].is_word(*_STATEMENTS):
        raise statement.error(f"a named query cannot be {statement.tokens[0].text}", hint="it reads or changes rows")
    for token in query.parameters:
        if token.text[0] != ":":
            raise statement.error(f"the parameter {token.text} has no name", token, "write :name")
    written: list[str] = []
    read: list[str] = []

    def authorize(action: int, first: str | None, second: str | None, base: str | None, view: str | None) -> int:
        if action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE) and first:
            written.append(first)
        elif action == sqlite3.SQLITE_READ and first:
            read.append(first)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(authorize)
    try:
        connection.execute(f"EXPLAIN {statement.sql}", {token.value: None for token in query.parameters})
    except sqlite3.Error as error:
        raise statement.error(str(error), syntax_error_token(connection, statement, error)) from None
    finally:
        connection.set_authorizer(None)
    refuse_double_quoted(connection, statement)
    query.writes = bool(written)
    query.tables = tuple(dict.fromkeys([*written, *read]))
    if query.kind == "iter" and query.writes:
        raise query.error("a statement that writes cannot be streamed", hint="use :many")
    if query.kind in ("exec", "execrows") and not query.writes:
        raise query.error("a statement that only reads needs a kind that gives its rows", hint="use :one or :many")
