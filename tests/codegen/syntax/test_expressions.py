"""Expressions are read as SQLite reads them: written with all parentheses they have the same value."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing

import pytest

from codegen.reading.tokens import COMMENT, tokenize
from codegen.syntax import SyntaxNotRead, parse
from codegen.syntax.nodes import Core, Expression, Result, Select
from tests.codegen.syntax.rendering import sql

_INFIX = (
    *("+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>", "=", "==", "<>", "!=", "<", "<=", ">", ">=", "AND", "OR"),
    *("IS", "IS NOT", "LIKE", "NOT LIKE", "GLOB", "IS NOT DISTINCT FROM"),
)
_ATOMS = ("0", "1", "2", "3", "-1", "1.5", "NULL", "'a'", "'1'", "''", "x'31'", "TRUE")


def expression_of(text: str) -> Expression:
    """The tree of an expression."""
    tokens = [token for token in tokenize(f"SELECT {text}", "e.sql") if token.kind != COMMENT]
    tree = parse(tokens)
    assert isinstance(tree, Select)
    core = tree.arms[0][1]
    assert isinstance(core, Core)
    (result,) = core.results
    assert isinstance(result, Result)
    assert result.expression is not None
    return result.expression


def invented(chance: random.Random, length: int) -> str:
    """Operands and operators without parentheses."""
    parts = [_operand(chance)]
    for _ in range(length):
        pick = chance.random()
        if pick < 0.75:
            parts += [chance.choice(_INFIX), _operand(chance)]
        elif pick < 0.85:
            negated = chance.choice(("", "NOT "))
            parts += [f"{negated}BETWEEN", _operand(chance), "AND", _operand(chance)]
        elif pick < 0.93:
            parts.append(chance.choice(("ISNULL", "NOTNULL", "NOT NULL", "IS NULL", "COLLATE NOCASE")))
        else:
            parts.append(f"{chance.choice(('', 'NOT '))}IN ({chance.choice(_ATOMS)}, {chance.choice(_ATOMS)})")
    return " ".join(parts)


def _operand(chance: random.Random) -> str:
    prefix = chance.choice(("", "", "", "", "NOT ", "- ", "~ ", "+ "))
    atom = chance.choice((*_ATOMS, "CASE 1 WHEN 1 THEN 2 ELSE 3 END", "CAST('2' AS INT)", "max(1, 2)"))
    return prefix + atom


@pytest.mark.parametrize("seed", range(4))
def test_precedence_is_sqlites(seed: int) -> None:
    """A chain of operators means what SQLite takes it to mean."""
    chance = random.Random(seed)
    with closing(sqlite3.connect(":memory:")) as connection:
        for _ in range(1500):
            text = invented(chance, chance.choice((1, 2, 3, 4)))
            try:
                expected = connection.execute(f"SELECT {text}").fetchone()
            except sqlite3.OperationalError:
                continue
            whole = sql(expression_of(text))
            found = connection.execute(f"SELECT {whole}").fetchone()
            assert [(type(one), one) for one in found] == [(type(one), one) for one in expected], f"{text}\n{whole}"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("NOT a = b", "(NOT (a = b))"),
        ("a = NOT b = c", "(a = (NOT (b = c)))"),
        ("a AND NOT b OR c", "((a AND (NOT b)) OR c)"),
        ("a BETWEEN b AND c AND d", "((a BETWEEN b AND c) AND d)"),
        ("a || b * c", "((a || b) * c)"),
        ("- a COLLATE NOCASE", "((- a) COLLATE NOCASE)"),
        ("a LIKE b ESCAPE 'c' = d", "((a LIKE b ESCAPE 'c') = d)"),
        ("a NOT IN (b)", "(a NOT IN (b))"),
        ("a IS NOT NULL", "(a NOTNULL)"),
        ("a IS DISTINCT FROM b", "(a IS NOT b)"),
        ("(a)", "a"),
        ("replace(a, b, c)", "replace(a, b, c)"),
        ("left(a)", "left(a)"),
        ("CASE a WHEN b THEN c END", "(CASE a WHEN b THEN c END)"),
        ("CAST(a AS DECIMAL(10, 2))", "CAST(a AS DECIMAL)"),
    ],
)
def test_trees_are_those_of_the_grammar(text: str, meaning: str) -> None:
    """An expression has the tree that SQLite's grammar gives it."""
    assert sql(expression_of(text)) == meaning


@pytest.mark.parametrize("text", ["1 +", "(1", "CASE 1", "1 2 3", "SELECT", "CAST(1)"])
def test_what_is_not_read_is_said(text: str) -> None:
    """Text that is no expression raises SyntaxNotRead."""
    with pytest.raises(SyntaxNotRead):
        expression_of(text)
