"""`sqlc.embed(item)` → the columns of a table of FROM, each under a name by which the result tells whose it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import naming, sqltext
from ..reading.tokens import folded
from .rewriting import Edit, between, rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..errors import GenerationError
    from ..inference import Inference
    from ..reading.catalog import Table
    from ..reading.tokens import Statement, Token
    from .sqlc import Embed


@dataclass(frozen=True, slots=True)
class Embedded:
    """An embedded item. attribute: of the result. nullable: an outer join may leave it out as a whole. columns: what
    its columns are called in the result, in the order of the row class. marker: the result column that is NULL if and
    only if the item is left out, "" where it is never. added: the marker is no column of the row class. sure: what its
    columns that are NOT NULL in the table are called in the result."""

    attribute: str
    item: str
    table: Table
    nullable: bool
    columns: tuple[str, ...]
    marker: str
    added: bool
    sure: tuple[str, ...]
    token: Token


def as_stars(statement: Statement, embeds: Sequence[Embed]) -> Statement:
    """The statement with `item.*` for each embed, for SQLite to say what the items are. Raises GenerationError for an
    embed that gives no result column."""
    for embed in embeds:
        _check_place(statement, embed)
    stars = [(one, f"{sqltext.quote(one.item)}.*") for one in embeds]
    return rewrite(statement, [between(statement, one.first, _alias(statement, one)[1], star) for one, star in stars])


def unknown(statement: Statement, embeds: Sequence[Embed], error: GenerationError) -> GenerationError | None:
    """What SQLite's error about the statement with stars means, if it stands at an embed."""
    place = (error.line, error.column)
    return next((_unknown(statement, one) for one in embeds if (one.first.line, one.first.column) == place), None)


def _unknown(statement: Statement, embed: Embed) -> GenerationError:
    hint = "name what stands in FROM: its alias, where it has one"
    return statement.error(f"{embed.item} is no table or alias of this statement's FROM", embed.first, hint)


def expand(
    statement: Statement,
    embeds: Sequence[Embed],
    inference: Inference,
    seen: Callable[[Table], Table],
) -> tuple[Statement, tuple[Embedded, ...]]:
    """The statement with the columns of each embed spelled out. inference: of the statement with stars. seen: a table
    with the columns of its row class, those of a view NOT NULL where they are. Raises GenerationError for an item that
    is no table of the outermost FROM."""
    found: list[Embedded] = []
    edits: list[Edit] = []
    for embed in embeds:
        source = inference.sources.get(folded(embed.item)) or inference.sources.get(embed.item.lower())
        if source is None:
            raise _unknown(statement, embed)
        if source.table is None:
            hint = "embed a table or a view, or select the columns one by one"
            raise statement.error(
                f"{embed.item} is neither a table nor a view, and has no row class", embed.first, hint
            )
        table = seen(source.table)
        columns = [column.name for column in table.columns]
        marker = _marker(table) if source.nullable else ""
        if marker is None:
            hint = "select its columns one by one"
            raise statement.error(f"nothing tells whether a row of {embed.item} is there", embed.first, hint)
        alias, last = _alias(statement, embed)
        item = sqltext.quote(embed.item)
        again = sum(folded(one.item) == folded(embed.item) for one in found) + 1
        owner = embed.item if again == 1 else f"{embed.item}:{again}"
        written = columns if not marker or marker in columns else [*columns, marker]
        text = ", ".join(f"{item}.{sqltext.quote(name)} AS {_quoted(f'{owner}.{name}')}" for name in written)
        edits.append(between(statement, embed.first, last, text))
        found.append(
            Embedded(
                naming.attribute(alias or naming.singular(naming.snake(embed.item))),
                embed.item,
                source.table,
                source.nullable,
                tuple(f"{owner}.{name}" for name in columns),
                f"{owner}.{marker}" if marker else "",
                bool(marker) and marker not in columns,
                tuple(f"{owner}.{column.name}" for column in table.columns if column.not_null),
                embed.first,
            )
        )
    return rewrite(statement, edits), tuple(found)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _check_place(statement: Statement, embed: Embed) -> None:
    """An embed stands in the result list of the outermost SELECT, which is no compound."""
    depth, inside, right = 0, False, False
    for token in statement.tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.is_word("SELECT"):
            inside = True
        elif depth == 0 and token.is_word("FROM"):
            inside = False
        elif depth == 0 and token.is_word("UNION", "INTERSECT", "EXCEPT"):
            raise statement.error(
                "sqlc.embed stands in a compound SELECT", embed.first, "select the columns one by one"
            )
        if token is embed.first:
            right = inside and depth == 0
    if not right:
        hint = "it stands in the result list of the outermost SELECT"
        raise statement.error(
            f"sqlc.embed({embed.item}) stands where it cannot give a result column", embed.first, hint
        )


def settled(embed: Embedded, inference: Inference) -> Embedded:
    """The embed, which may be left out also where no outer join says so: an aggregate over no rows gives one row of
    NULLs. inference: of the statement with the columns spelled out."""
    if embed.nullable:
        return embed
    unsure = {one.name for one in inference.columns if one.type is None or one.type.nullable}
    missing = next((name for name in embed.sure if name in unsure), "")
    return replace(embed, nullable=True, marker=missing) if missing else embed


def _marker(table: Table) -> str | None:
    """A column that is never NULL in a row of the table; the rowid where no other is. None where there is none."""
    if table.rowid_column is not None:
        return table.rowid_column
    return next((column.name for column in table.columns if column.not_null), table.rowid)


def _alias(statement: Statement, embed: Embed) -> tuple[str, Token]:
    """The name behind AS, if any, and the last token of the item."""
    after = list(statement.tokens).index(embed.last) + 1
    rest = statement.tokens[after : after + 2]
    if len(rest) == 2 and rest[0].is_word("AS") and rest[1].is_name:
        return rest[1].value, rest[1]
    return "", embed.last
