"""Query files → named queries. A query is a statement under a comment line `-- name: NAME :KIND`; sqlc's files are read
as they stand (see `sqlc`). NAME becomes a function in lower case with underscores.

    :one            a row or None; just the row where the statement always gives one
    :many           a list of rows
    :iter           rows, streamed
    :exec           nothing
    :execrows       how many rows changed
    :execlastid     the rowid of the row that was inserted
    :execresult     both: (rows changed, rowid of the last row that this connection inserted)
    :batch          run once a row of an iterable, all or nothing; how many rows changed. Several parameters come as
                    objects of a class of their own, a single one by itself. sqlc's :batchexec and :copyfrom mean it

The comment lines below the name are the docstring, but for annotations:

    -- @param NAME: TYPE        the type of a parameter, written `:NAME` in the statement
    -- @column NAME: TYPE       the type of a result column
    -- @group NAME: ITEM        ITEM is embedded by sqlc.embed(ITEM), or a result column: rows that are equal in all the
                                rest become one, whose attribute NAME is the list of their ITEMs. What an outer join
                                leaves out is in no list
    -- @order NAME: TERMS       one more order that the caller may choose (see `variants`, also for `-- @if NAME`)

TYPE is int, float, str, bytes, bool, datetime or json, or a type of the configuration, with `| None` where NULL may
stand; of a parameter also `list[TYPE]`, one JSON array for `json_each(:NAME)`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .. import naming
from ..errors import GenerationError, Note
from ..inference import Inference, infer, view_columns
from ..reading.quoting import refuse_double_quoted
from ..reading.tokens import PARAMETER, Statement, Token, split, syntax_error_token
from ..tables.abilities import abilities
from . import embeds, query_comments, sqlc, variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..reading.catalog import Catalog, Table
    from ..types.typemap import Type
    from .embeds import Embedded
    from .query_comments import Comment, Group
    from .sqlc import Rewritten
    from .variants import Variants

_STATEMENTS = ("SELECT", "WITH", "VALUES", "INSERT", "REPLACE", "UPDATE", "DELETE")
_SCHEMA = ("sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema")
_ROWS = ("one", "many", "iter")


@dataclass(slots=True)
class Query:
    """A named query, prepared by SQLite.

    statement: with all optional parts, as SQLite gets it. writes: it needs a Writer. tables: what it touches, views
    included, as SQLite's authorizer reports it. inference: what it gives and takes in every variant, annotations not
    applied. nullable, lists: the parameters of sqlc.narg and sqlc.slice. blobs: the lists of BLOBs, each with the
    parameter for the BLOB that holds them all.
    """

    module: str
    comment: Comment
    statement: Statement
    nullable: frozenset[str]
    lists: frozenset[str]
    variants: Variants
    embedded: tuple[Embedded, ...] = ()
    writes: bool = False
    tables: tuple[str, ...] = ()
    blobs: dict[str, str] = field(default_factory=dict)
    inference: Inference = field(default_factory=lambda: Inference((), (), one_row=False, sources={}))

    @property
    def name(self) -> str:
        return self.comment.name

    @property
    def kind(self) -> str:
        return self.comment.kind

    @property
    def token(self) -> Token:
        """Its name line."""
        return self.comment.token

    @property
    def doc(self) -> tuple[str, ...]:
        return self.comment.doc

    @property
    def group(self) -> Group | None:
        return self.comment.groups[0] if self.comment.groups else None

    def error(self, message: str, token: Token | None = None, hint: str = "") -> GenerationError:
        """An error at `token`, or at the query's name."""
        return self.statement.error(message, token or self.token, hint)

    def doubt(self, message: str, token: Token | None = None, hint: str = "") -> Note:
        """A note with the place of `token`, or of the query's name."""
        place = token or self.token
        return Note(message, self.statement.file, place.line, place.column, hint)

    @property
    def row_class(self) -> str:
        """The name of its row class, where it needs one of its own."""
        return naming.class_name(self.module) + naming.camel(self.name)

    @property
    def parameters(self) -> dict[str, Token]:
        """The parameters in order of first appearance, each with that token."""
        return _parameters(self.statement)


def read_queries(
    connection: sqlite3.Connection,
    catalog: Catalog,
    files: Iterable[tuple[str, str, str]],
    types: Mapping[str, Type] | None = None,
) -> list[Query]:
    """The named queries of files given as (name of the file without its ending, file for errors, text), each prepared
    over the schema that `connection` holds. types: the user's own types by name. Raises GenerationError."""
    found: dict[tuple[str, str], Query] = {}
    source = _Source(connection, catalog, types or {})
    for stem, file, text in files:
        module = naming.module(stem)
        for statement in split(text, file):
            query = _read(source, module, statement)
            other = found.setdefault((module, query.name), query)
            if other is not query:
                where = f"line {other.token.line}" if other.statement.file == file else other.statement.file
                raise query.error(f"there is a query {query.name} in {where} already")
    return list(found.values())


class _Source:
    """What queries are read against."""

    def __init__(self, connection: sqlite3.Connection, catalog: Catalog, types: Mapping[str, Type]) -> None:
        self.connection = connection
        self.catalog = catalog
        self.types = types
        self.able = abilities(catalog)

    def infer(self, statement: Statement, comment: Comment) -> Inference:
        annotated = {name: one.type for name, one in comment.params.items() if not one.many}
        return infer(statement, self.catalog, self.connection, annotated=annotated)

    def seen(self, table: Table) -> Table:
        """A table with the columns of its row class; those of a view NOT NULL where that is certain."""
        found = self.able[table.name].table
        if table.kind != "view":
            return found
        known = {one.name: one.type for one in view_columns(table, self.catalog, self.connection)}
        sure = {name for name, kind in known.items() if kind is not None and not kind.nullable}
        columns = tuple(replace(column, not_null=column.name in sure) for column in found.columns)
        return replace(found, columns=columns)


def _read(source: _Source, module: str, statement: Statement) -> Query:
    comment = query_comments.read(statement, source.types)
    if not statement.tokens[0].is_word(*_STATEMENTS):
        raise statement.error(f"a named query cannot be {statement.tokens[0].text}", hint="it reads or changes rows")
    rewritten = sqlc.read(statement)
    final, embedded = _final(source, rewritten, comment)
    every = variants.read(final, comment.orders)
    query = Query(
        module,
        comment,
        every.every[0].statement,
        frozenset(rewritten.nullable),
        frozenset(rewritten.lists),
        every,
        embedded,
    )
    inferences = []
    for one in every.every:
        if not one.statement.tokens:
            message = "nothing of the statement is left where its optional parts are left out"
            raise query.error(message, statement.tokens[0], "put only the part behind WHERE into lines of its own")
        written, read = _prepare(source.connection, one.statement, one.told(every.switches))
        query.writes = bool(written)
        query.tables = tuple(dict.fromkeys([*query.tables, *written, *read]))
        inferences.append(source.infer(one.statement, comment))
    query.inference = _of_all(query, inferences)
    _spell_out_blobs(source, query)
    query.embedded = tuple(embeds.settled(one, query.inference) for one in embedded)
    target = source.catalog.relation(query.tables[0]) if query.writes else None
    if query.kind == "execlastid" and target is not None and target.without_rowid:
        raise query.error(f"{target.name} is WITHOUT ROWID: a new row has no rowid", hint="use :execrows")
    _check_kind(query)
    return query


def _spell_out_blobs(source: _Source, query: Query) -> None:
    """Give each list of BLOBs a parameter more, which holds them one behind the other."""
    for one in query.inference.parameters:
        annotation = query.comment.params.get(one.name)
        many = annotation.many if annotation else one.many
        kind = annotation.type if annotation else one.type
        if many and kind is not None and kind.stored.kind == "blob":
            name = f"{one.name}_data"
            while name in query.parameters:
                name += "_"
            query.blobs[one.name] = name
    if query.blobs:
        every = tuple(
            replace(one, statement=sqlc.blob_lists(one.statement, query.blobs)) for one in query.variants.every
        )
        query.variants = replace(query.variants, every=every)
        query.statement = every[0].statement
        for variant in every:
            _prepare(source.connection, variant.statement)
        if not set(query.blobs.values()) <= set(query.parameters):
            token = query.parameters[next(iter(query.blobs))]
            hint = "write IN (SELECT value FROM json_each(:list)) or IN (sqlc.slice(list))"
            raise query.error("a list of BLOBs stands in IN only", token, hint)


def _final(source: _Source, rewritten: Rewritten, comment: Comment) -> tuple[Statement, tuple[Embedded, ...]]:
    """The statement with the final names of its parameters, and its embeds spelled out."""
    statement = rewritten.statement
    if not rewritten.positional and not rewritten.embeds:
        return statement, ()
    stars = embeds.as_stars(statement, rewritten.embeds)
    try:
        _prepare(source.connection, stars)
    except GenerationError as error:
        raise embeds.unknown(statement, rewritten.embeds, error) or error from None
    inference = source.infer(stars, comment)
    names = sqlc.positional_names(rewritten, inference)
    expanded, embedded = embeds.expand(statement, rewritten.embeds, inference, source.seen)
    return sqlc.rename(expanded, names), embedded


def _parameters(statement: Statement) -> dict[str, Token]:
    found: dict[str, Token] = {}
    for token in statement.tokens:
        if token.kind == PARAMETER:
            found.setdefault(token.value, token)
    return found


def _prepare(connection: sqlite3.Connection, statement: Statement, hint: str = "") -> tuple[list[str], list[str]]:
    """Let SQLite prepare the statement, and learn from it what the statement writes and reads. hint: for its errors."""
    written: list[str] = []
    read: list[str] = []

    def authorize(action: int, first: str | None, second: str | None, base: str | None, view: str | None) -> int:
        if action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE) and first:
            # A table function such as json_each enters itself into the schema of the connection that first names it.
            written.extend([first] if first not in _SCHEMA else [])
        elif action == sqlite3.SQLITE_READ and first:
            read.append(first)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(authorize)
    try:
        connection.execute(f"EXPLAIN {statement.sql}", dict.fromkeys(_parameters(statement)))
    except sqlite3.Error as error:
        raise statement.error(str(error), syntax_error_token(connection, statement, error), hint) from None
    finally:
        connection.set_authorizer(None)
    refuse_double_quoted(connection, statement)
    return written, read


def _of_all(query: Query, inferences: list[Inference]) -> Inference:
    """What holds whatever the caller chooses: a column that may be NULL in one variant may be NULL."""
    first = inferences[0]
    columns = list(first.columns)
    for other in inferences[1:]:
        if [one.name for one in other.columns] != [one.name for one in columns]:
            raise query.error("its optional parts change the result columns", hint="let them stand behind FROM")
        for place, (one, again) in enumerate(zip(columns, other.columns, strict=True)):
            kind = one.type
            if kind is not None and again.type is not None and kind != again.type:
                same = replace(again.type, nullable=kind.nullable) == kind
                kind = replace(kind, nullable=True) if same else None
            elif again.type is None:
                kind = None
            columns[place] = replace(one, type=kind, origin=one.origin if one.origin == again.origin else None)
    every = {one.name: one for other in reversed(inferences) for one in other.parameters}
    parameters = tuple(every[name] for name in _parameters(query.statement))
    one_row = all(one.one_row for one in inferences)
    return Inference(tuple(columns), parameters, one_row, first.sources)


def _check_kind(query: Query) -> None:
    rows, columns = query.kind in _ROWS, query.inference.columns
    if query.kind == "iter" and query.writes:
        raise query.error("a statement that writes cannot be streamed", hint="use :many")
    if not rows and not query.writes and query.kind != "exec":
        raise query.error("a statement that only reads needs a kind that gives its rows", hint="use :one or :many")
    if rows and not columns:
        raise query.error("the statement gives no rows", hint="use :exec or :execrows, or add RETURNING")
    if not rows and columns and query.kind != "exec":
        raise query.error("the statement gives rows", hint="use :one or :many")
    if query.kind == "execlastid":
        tokens = query.statement.tokens
        if not tokens[0].is_word("INSERT", "REPLACE", "WITH") or not any(one.is_word("INTO") for one in tokens):
            raise query.error("only an INSERT has the rowid of a new row", hint="use :execrows")
        if any(one.is_word("CONFLICT") for one in tokens) and any(one.is_word("UPDATE") for one in tokens):
            hint = "add RETURNING rowid and use :one"
            raise query.error("SQLite does not tell the rowid of a row that ON CONFLICT DO UPDATE changed", hint=hint)
    if query.kind == "batch" and not query.parameters:
        raise query.error("a statement that is run once a row needs a parameter", hint="use :exec")
    if query.kind == "batch" and query.variants.switches:
        raise query.error("a statement that is run once a row has no optional parts", hint="write a query for each")
    if len(query.comment.groups) > 1:
        hint = "two lists of one row would hold every pair of their items: write two queries"
        raise query.error("a query has one @group", query.comment.groups[1].token, hint)
    if query.group is not None and query.kind not in ("one", "many"):
        raise query.error(f"a :{query.kind} has no @group", query.group.token, "use :many")
