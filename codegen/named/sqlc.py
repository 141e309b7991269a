"""What sqlc's query files say that SQLite does not know: its macros, and parameters in any of SQLite's forms
(https://www.sqlite.org/lang_expr.html#varparam), all rewritten to `:name`.

    sqlc.arg(name)      the parameter :name
    sqlc.narg(name)     the same; None may be given, for NULL
    sqlc.slice(names)   in `IN (sqlc.slice(names))`: any number of values, as one JSON array
    sqlc.embed(table)   the columns of a table or alias of FROM, as one object (see `embeds`)

`@name` and `$name` are `:name`; `?` and `?1` get the name of what they are compared with or assigned to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..reading.tokens import NAME, PARAMETER, STRING, WORD, Statement, Token
from .rewriting import Edit, between, rewrite

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from ..inference import Inference

MACROS = ("arg", "narg", "slice", "embed")


@dataclass(frozen=True, slots=True)
class Embed:
    """A `sqlc.embed(item)`; item: a name or an alias of FROM. first, last: its tokens."""

    item: str
    first: Token
    last: Token


@dataclass(slots=True)
class Rewritten:
    """A statement whose parameters are all `:name`. nullable: those of sqlc.narg. lists: those of sqlc.slice.
    positional: the names given for now to those that have none, each with its number. embeds: they are still there."""

    statement: Statement
    nullable: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    positional: dict[str, int] = field(default_factory=dict)
    embeds: list[Embed] = field(default_factory=list)


def read(statement: Statement) -> Rewritten:
    """The statement without macros but sqlc.embed. Raises GenerationError for a macro that is used as it cannot be."""
    result = Rewritten(statement)
    edits = []
    for macro, first, last, name in _macros(statement):
        if macro == "embed":
            continue
        text = f":{_parameter_name(statement, first, name)}"
        if macro == "narg":
            result.nullable.add(name)
        elif macro == "slice":
            _check_slice(statement, first, last)
            result.lists.add(name)
            text = f"SELECT value FROM json_each({text})"
        edits.append(between(statement, first, last, text))
    names = _parameter_names(statement, result)
    edits += [between(statement, token, token, f":{name}") for token, name in names if token.text != f":{name}"]
    if edits:
        result.statement = rewrite(statement, edits)
    result.embeds = [
        Embed(name, first, last) for macro, first, last, name in _macros(result.statement) if macro == "embed"
    ]
    return result


def _macros(statement: Statement) -> Iterator[tuple[str, Token, Token, str]]:
    """Each macro with its first and last token and its argument."""
    tokens = statement.tokens
    for place, token in enumerate(tokens):
        if not token.is_word("sqlc", "SQLC") or [one.text for one in tokens[place + 1 : place + 2]] != ["."]:
            continue
        call = tokens[place + 2 : place + 6]
        macro = call[0].text.lower() if call else ""
        if macro not in MACROS:
            hint = f"there are {', '.join(f'sqlc.{one}' for one in MACROS)}"
            raise statement.error(f"unknown macro sqlc.{macro}", token, hint)
        if len(call) < 4 or call[1].text != "(" or call[2].kind not in (WORD, NAME, STRING) or call[3].text != ")":
            raise statement.error(f"sqlc.{macro} takes one name", token, f"write sqlc.{macro}(name)")
        yield macro, token, call[3], call[2].value


def _parameter_name(statement: Statement, token: Token, name: str) -> str:
    if not name.replace("_", "a").isalnum() or name[0].isdigit():
        raise statement.error(f"{name} is no name for a parameter", token, "use letters, digits and underscores")
    return name


def _check_slice(statement: Statement, first: Token, last: Token) -> None:
    tokens = list(statement.tokens)
    before, after = tokens.index(first), tokens.index(last) + 1
    opened = before > 1 and tokens[before - 1].text == "(" and tokens[before - 2].is_word("IN")
    if not opened or after >= len(tokens) or tokens[after].text != ")":
        raise statement.error("sqlc.slice stands alone in the parentheses of IN", first, "write IN (sqlc.slice(name))")


def _parameter_names(statement: Statement, result: Rewritten) -> list[tuple[Token, str]]:
    """Each parameter token with its name; numbered ones get `arg1`, … for now."""
    parameters = [token for token in statement.tokens if token.kind == PARAMETER]
    taken = {name for _, _, _, name in _macros(statement)}
    taken |= {token.value for token in parameters if not _is_positional(token)}
    found = []
    largest = 0
    for token in parameters:
        if not _is_positional(token):
            found.append((token, token.value))
            continue
        number = int(token.value) if token.value else largest + 1
        largest = max(largest, number)
        name = f"arg{number}"
        while name in taken:
            name += "_"
        result.positional[name] = number
        found.append((token, name))
    return found


def _is_positional(token: Token) -> bool:
    """`?`, `?1`; and `$1`, which SQLite takes for a name."""
    return token.text[0] == "?" or token.value.isdecimal()


def positional_names(rewritten: Rewritten, inference: Inference) -> dict[str, str]:
    """What positional parameters are called in the end: by the column that each is compared with or assigned to, by
    LIMIT or OFFSET before it, else `arg1` by its number; a name that comes again gets a number."""
    tokens = rewritten.statement.tokens
    taken = {token.value for token in tokens if token.kind == PARAMETER and token.value not in rewritten.positional}
    columns = {one.name: one.column for one in inference.parameters if one.table}
    found: dict[str, str] = {}
    for temporary, number in rewritten.positional.items():
        first = next(place for place, token in enumerate(tokens) if _is(token, temporary))
        before = tokens[first - 1]
        base = columns.get(temporary, temporary)
        if before.is_word("LIMIT", "OFFSET"):
            base = before.text.lower()
        elif base == temporary or not _parameter_like(base):
            base = f"arg{number}"
        name, again = base, 2
        while name in taken:
            name, again = f"{base}_{again}", again + 1
        taken.add(name)
        found[temporary] = name
    return found


def _parameter_like(name: str) -> bool:
    return name.isascii() and name.isidentifier()


def _is(token: Token, name: str) -> bool:
    return token.kind == PARAMETER and token.value == name


def blob_lists(statement: Statement, names: Mapping[str, str]) -> Statement:
    """The statement with `json_each(:list)` over places in one BLOB, for lists of BLOBs, which JSON cannot hold.

    names: the lists, each with the parameter for the BLOB. A value is cut out of it by (start from 1, length).
    """
    tokens = statement.tokens
    edits = []
    for place, token in enumerate(tokens):
        before = tokens[max(0, place - 5) : place]
        words = [one.text.lower() for one in before]
        if _is_parameter(token, names) and words == ["select", "value", "from", "json_each", "("]:
            cut = f"substr(:{names[token.value]}, json_extract(value, '$[0]'), json_extract(value, '$[1]'))"
            edits.append(between(statement, before[1], before[1], cut))
    return rewrite(statement, edits)


def _is_parameter(token: Token, names: Container[str]) -> bool:
    return token.kind == PARAMETER and token.value in names


def rename(statement: Statement, names: Mapping[str, str]) -> Statement:
    """The statement with parameters renamed."""
    edits: Sequence[Edit] = [
        between(statement, token, token, f":{names[token.value]}")
        for token in statement.tokens
        if token.kind == PARAMETER and token.value in names and names[token.value] != token.value
    ]
    return rewrite(statement, edits) if edits else statement
