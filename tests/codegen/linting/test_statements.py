"""Lint looks at every statement that generated code can issue, those included that are joined when it runs."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from codegen.linting.statements import _term, of_order, statements
from ragkernel.generated import _rows

from .looking import analysis_of

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT, y INTEGER NOT NULL, z TEXT);
CREATE INDEX a1 ON a (x, y DESC);
CREATE INDEX a2 ON a (y DESC);
CREATE INDEX a3 ON a (z DESC, x);
CREATE TABLE b (k TEXT NOT NULL PRIMARY KEY, x TEXT);
CREATE INDEX b1 ON b (x);
CREATE TABLE c (k TEXT NOT NULL, l INTEGER NOT NULL, PRIMARY KEY (k, l DESC)) WITHOUT ROWID;
CREATE TABLE d (x TEXT, y TEXT);
CREATE INDEX d1 ON d (x, y);
"""


def test_reading_along_an_order(tmp_path: Path) -> None:
    """For each order of each table, what lint knows is what the generated Order joins, for every place there can be."""
    number = 0
    with analysis_of(tmp_path, SCHEMA) as analysis:
        for module in analysis.package.modules:
            selects = {constant.name: constant.sql for constant in module.constants}
            for made in module.orders:
                number += 1
                terms = tuple(
                    _rows.Term(
                        term.sql,
                        descending=term.descending,
                        nullable=term.nullable,
                        bound=term.bound,
                        values=term.values,
                    )
                    for term in map(_term, made.terms)
                )
                order = _rows.Order(selects[made.select], made.where, terms, made.positions)
                expected = {order._sql(0, "", backwards) for backwards in (False, True)}
                for values in product((None, 1), repeat=sum(term.values for term in terms)):
                    for backwards in (False, True):
                        if order.simple:
                            down = terms[0].descending is not backwards
                            expected.add(order._sql(0, "<" if down else ">", backwards))
                            continue
                        for depth, beyond, _ in order._ranges(values, backwards):
                            expected.add(order._sql(depth, beyond, backwards))
                found = dict(of_order(made, selects[made.select]))
                assert set(found.values()) == expected, made.name
    assert number >= 8


def test_all_statements_have_names_of_their_own_and_are_valid(tmp_path: Path) -> None:
    """No two statements of a module have one name, and SQLite prepares each."""
    with analysis_of(tmp_path, SCHEMA) as analysis:
        for module in analysis.package.modules:
            found = list(statements(module))
            assert len(dict(found)) == len(found)
            for _, sql in found:
                analysis.connection.execute(f"EXPLAIN {sql}", (None,) * sql.count("?"))
