"""The comment above a statement → its name, kind, documentation and annotations: `named_queries` tells their words."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .. import naming
from ..types.typemap import WORDS, Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..reading.tokens import Statement, Token

KINDS = ("one", "many", "iter", "exec", "execrows", "execlastid", "execresult", "batch")
# sqlc's own kinds that mean one of ours, and those that cannot be had, with what to write instead.
_SAME = {"batchexec": "batch", "copyfrom": "batch"}
_INSTEAD = {"batchone": "write :one and call it once a row", "batchmany": "write :many and call it once a row"}
_ANNOTATIONS = ("@param", "@column", "@group", "@order")
_IGNORED = ("@sqlc-vet-disable", "lint:")


@dataclass(slots=True)
class Annotation:
    """A type given in a comment. many: it is that of the items of a list. used: whether the query has what it names."""

    type: Type
    token: Token
    many: bool = False
    used: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """`@group attribute: item`: the rows that differ in this item alone become one, which has a list of them."""

    attribute: str
    item: str
    token: Token


@dataclass(frozen=True, slots=True)
class Order:
    """`@order name: terms`: one more order that the caller can choose."""

    name: str
    terms: str
    token: Token


@dataclass(slots=True)
class Comment:
    """What the comment above a statement says. token: its name line."""

    name: str
    kind: str
    token: Token
    doc: tuple[str, ...] = ()
    params: dict[str, Annotation] = field(default_factory=dict)
    columns: dict[str, Annotation] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)


def read(statement: Statement, types: Mapping[str, Type]) -> Comment:
    """The comment of a statement. types: the user's own types by name. Raises GenerationError."""
    found: Comment | None = None
    annotations: list[tuple[Token, str]] = []
    doc: list[str] = []
    for token, text in _lines(statement):
        if text.startswith("name:"):
            if found is not None:
                raise statement.error("a second name for one statement", token, "is a `;` missing before it?")
            found = _named(statement, token, text.removeprefix("name:").split())
            doc = []
        elif text.startswith(_IGNORED):
            continue
        elif text.startswith("@"):
            annotations.append((token, text))
        else:
            doc.append(text)
    if found is None:
        raise statement.error("a statement without a name", hint="write `-- name: some_name :many` above it")
    for token, text in annotations:
        _annotate(statement, token, text, found, types)
    while doc and not doc[-1]:
        doc.pop()
    while doc and not doc[0]:
        doc.pop(0)
    found.doc = tuple(doc) or (f"The named query {found.name}.",)
    return found


def _lines(statement: Statement) -> Iterator[tuple[Token, str]]:
    """The lines of the comments above a statement without their marks."""
    for token in statement.above:
        if token.text.startswith("--"):
            yield token, token.text.removeprefix("--").strip()
            continue
        for line in token.text.removeprefix("/*").removesuffix("*/").strip().split("\n"):
            yield token, line.strip().removeprefix("* ").strip()


def _named(statement: Statement, token: Token, words: list[str]) -> Comment:
    if len(words) < 2 or not words[1].startswith(":"):
        raise statement.error("a name line is `-- name: some_name :kind`", token)
    if len(words) > 2:
        raise statement.error(f"{words[2]} stands behind the kind {words[1]}", token, "a query has one kind")
    given, kind = words[0], words[1][1:]
    kind = _SAME.get(kind, kind)
    if kind in _INSTEAD:
        raise statement.error(f"the kind :{kind} is not supported", token, _INSTEAD[kind])
    if kind not in KINDS:
        raise statement.error(f"unknown kind :{kind}", token, f"the kinds are {', '.join(':' + one for one in KINDS)}")
    name = naming.snake(given)
    if not given.isidentifier() or given.startswith("_") or name == "column":
        raise statement.error(f"{given} is no name for a function", token, "use letters, digits and underscores")
    return Comment(name + "_" if keyword.iskeyword(name) else name, kind, token)


def _annotate(statement: Statement, token: Token, text: str, comment: Comment, types: Mapping[str, Type]) -> None:
    word, _, rest = text.partition(" ")
    if word in ("@if", "@end"):
        raise statement.error(f"{word} stands inside a statement", token, "write it before the semicolon")
    if word not in _ANNOTATIONS:
        raise statement.error(f"unknown annotation {word}", token, f"there are {', '.join(_ANNOTATIONS)}")
    name, colon, value = (part.strip() for part in rest.partition(":"))
    if word in ("@group", "@order"):
        if not (name.isidentifier() and colon and value):
            shape = "@group name: item" if word == "@group" else "@order name: terms"
            raise statement.error(f"an annotation is `{shape}`", token, "the name is that of an attribute or an order")
        if word == "@group":
            comment.groups.append(Group(name, value, token))
        else:
            comment.orders.append(Order(name, value, token))
        return
    target = comment.params if word == "@param" else comment.columns
    if name in target:
        raise statement.error(f"{name} is annotated twice", token)
    kind, many = _type(value, types)
    if not (name and colon) or kind is None or (many and word == "@column"):
        known = ", ".join([*WORDS, *types])
        lists = ", a parameter `list[…]` of one" if word == "@param" else ""
        raise statement.error(
            f"an annotation is `{word} name: type`", token, f"types are {known}, each also with `| None`{lists}"
        )
    target[name] = Annotation(kind, token, many)


def _type(text: str, types: Mapping[str, Type]) -> tuple[Type | None, bool]:
    """The type that an annotation names, and whether it is a list of it."""
    words, bar, none = (part.strip() for part in text.partition("|"))
    if bar and none != "None":
        return None, False
    many = words.startswith("list[") and words.endswith("]")
    if many:
        words = words[5:-1].strip()
    if words in types:
        return replace(types[words], nullable=bool(bar)), many
    return (Type(WORDS[words], bool(bar)) if words in WORDS else None), many
