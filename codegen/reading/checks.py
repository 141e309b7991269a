"""What the CHECKs of a table prove about each of its columns: no NULL, certain storage classes, certain values.

A CHECK passes unless it is false (https://www.sqlite.org/lang_createtable.html#check_constraints), so `x IN (…)` lets
NULL through. For each column the set of what passes is found: what AND joins passes both sides, what OR joins either.
What is not understood lets everything through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .definitions import split_list
from .tokens import NUMBER, STRING, WORD, Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .catalog import Literal

CLASSES = frozenset({"integer", "real", "text", "blob"})


@dataclass(frozen=True, slots=True)
class Passing:
    """What a CHECK lets into a column. null: NULL. classes: of the other values. values: the literals that they equal,
    None for any."""

    null: bool = True
    classes: frozenset[str] = CLASSES
    values: tuple[Literal, ...] | None = None

    def both(self, other: Passing) -> Passing:
        """What passes this and the other."""
        values = self.values if other.values is None else other.values
        if self.values is not None and other.values is not None:
            # Which of 1 and '1' are equal is the column's affinity to say: only what is alike is compared.
            alike = len({type(value) for value in (*self.values, *other.values)}) == 1
            values = tuple(value for value in self.values if value in other.values) if alike else self.values
        return Passing(self.null and other.null, self.classes & other.classes, values)

    def either(self, other: Passing) -> Passing:
        """What passes this or the other."""
        null, classes = self.null or other.null, self.classes | other.classes
        if not self.classes:
            return Passing(null, classes, other.values)
        if not other.classes:
            return Passing(null, classes, self.values)
        if self.values is None or other.values is None:
            return Passing(null, classes)
        return Passing(null, classes, tuple(dict.fromkeys(self.values + other.values)))


ANYTHING = Passing()
_NOT_NULL = Passing(null=False)
_ONLY_NULL = Passing(classes=frozenset())


def passing(check: Sequence[Token], table: str, column: str) -> Passing:
    """What the expression of a CHECK, given without comments, lets into the column."""
    check = _unwrapped(check)
    if sum(token.is_word("CASE") for token in check) != sum(token.is_word("END") for token in check):
        return ANYTHING  # END can be the bare name of a column: where the CASE ends is uncertain
    alternatives = split_words(check, "OR")
    if len(alternatives) > 1:
        found = passing(alternatives[0], table, column)
        for part in alternatives[1:]:
            found = found.either(passing(part, table, column))
        return found
    conjuncts = split_words(check, "AND")
    if len(conjuncts) > 1:
        found = ANYTHING
        for part in conjuncts:
            found = found.both(passing(part, table, column))
        return found
    if len(check) > 1 and check[0].is_word("NOT"):
        return _negated(_unwrapped(check[1:]), table, column)
    return _atom(check, table, column)


def _negated(check: Sequence[Token], table: str, column: str) -> Passing:
    """NOT of `x IS NULL` and of `x IS NOT NULL`, in all their spellings."""
    if any(token.is_word("AND", "OR") for token in check):
        return ANYTHING
    rest = _after(check, table, column)
    said = _null_test(rest) if rest is not None else None
    return ANYTHING if said is None else _ONLY_NULL if said else _NOT_NULL


def _null_test(rest: Sequence[Token]) -> bool | None:
    """Whether what follows a column says NOT NULL (True) or NULL (False); None for anything else."""
    words = tuple(token.text.upper() if token.kind == WORD else "" for token in rest)
    if words in (("IS", "NOT", "NULL"), ("NOTNULL",), ("NOT", "NULL")):
        return True
    return False if words in (("IS", "NULL"), ("ISNULL",)) else None


def _atom(check: Sequence[Token], table: str, column: str) -> Passing:
    if len(check) > 3 and check[0].is_word("TYPEOF") and check[1].text == "(":
        rest = _after(check[2:], table, column)
        if rest and rest[0].text == ")":
            return _of_classes(rest[1:])
        return ANYTHING
    rest = _after(check, table, column)
    if not rest:
        return ANYTHING
    said = _null_test(rest)
    if said is not None:
        return _NOT_NULL if said else _ONLY_NULL
    values = _values(rest)
    if values is None:
        return ANYTHING
    # IS compares NULL too: against a literal it is false.
    return Passing(not rest[0].is_word("IS"), CLASSES, tuple(dict.fromkeys(values)))


def _of_classes(rest: Sequence[Token]) -> Passing:
    """What `typeof(x)` followed by this lets through."""
    if len(rest) == 2 and rest[0].text in ("<>", "!=") and literal(rest[1:]) == "null":
        return _NOT_NULL
    values = _values(rest)
    if values is None:
        return ANYTHING
    named = {value for value in values if isinstance(value, str)}
    return Passing("null" in named, CLASSES & named)


def _values(rest: Sequence[Token]) -> list[Literal] | None:
    """The literals of `IN (…)`, `= …` or `IS …`; None for anything else, and for a list with NULL: it lets all in."""
    if len(rest) > 2 and rest[0].is_word("IN") and rest[1].text == "(" and _closes(rest, 1) == len(rest) - 1:
        found = [literal(item) for item in split_list(rest, 1)]
    elif rest and (rest[0].text in ("=", "==") or rest[0].is_word("IS")):
        found = [literal(_unwrapped(rest[1:]))]
    else:
        return None
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else None


def _after(tokens: Sequence[Token], table: str, column: str) -> Sequence[Token] | None:
    """What follows a reference to the column at the beginning of the tokens; None where they begin otherwise."""
    tokens = list(tokens)
    while len(tokens) > 2 and tokens[0].text == "(" and (end := _closes(tokens, 0)) is not None:
        # `(x) = 1` and `((x)) IN (…)`: the parentheses of a lone column.
        inner = _unwrapped(tokens[1:end])
        if len(inner) > 3 or not inner or not inner[0].is_name:
            return None
        tokens = [*inner, *tokens[end + 1 :]]
    if len(tokens) > 2 and tokens[1].text == "." and tokens[0].same_name(table):
        tokens = tokens[2:]
    # A column beside "x" in single quotes is a string here.
    if not tokens or tokens[0].kind == STRING or not tokens[0].same_name(column):
        return None
    return tokens[1:]


def literal(tokens: Sequence[Token]) -> Literal | None:
    """The text or integer that the tokens are; None for anything else."""
    sign = 1
    if len(tokens) == 2 and tokens[0].text in ("-", "+"):
        sign, tokens = (-1 if tokens[0].text == "-" else 1), tokens[1:]
        if tokens[0].kind != NUMBER:
            return None
    if len(tokens) != 1:
        return None
    if tokens[0].kind == STRING:
        return tokens[0].value
    if tokens[0].kind == NUMBER and tokens[0].text.isdecimal():
        return sign * int(tokens[0].text)
    return None


def split_words(tokens: Sequence[Token], word: str) -> list[Sequence[Token]]:
    """The parts between the bare words `word` outside parentheses and CASE; the AND of a BETWEEN parts nothing."""
    parts: list[Sequence[Token]] = []
    depth = begin = between = 0
    for place, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        depth += token.is_word("CASE") - token.is_word("END")
        if depth != 0:
            continue
        if token.is_word("BETWEEN"):
            between += 1
        elif between and token.is_word("AND"):
            between -= 1
        elif token.is_word(word):
            parts.append(tokens[begin:place])
            begin = place + 1
    return [*parts, tokens[begin:]]


def _unwrapped(tokens: Sequence[Token]) -> Sequence[Token]:
    while len(tokens) > 1 and tokens[0].text == "(" and _closes(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closes(tokens: Sequence[Token], opening: int) -> int | None:
    """The place of the parenthesis that closes the one at `opening`."""
    depth = 0
    for place in range(opening, len(tokens)):
        depth += (tokens[place].text == "(") - (tokens[place].text == ")")
        if depth == 0:
            return place
    return None
