"""The catalogue against inference, and against SQLite."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from codegen.reading.tokens import PARAMETER
from tests.codegen.inference import catalogue
from tests.codegen.inference.witnesses import witness

if TYPE_CHECKING:
    from tests.codegen.inference.catalogue import Shelf

SHELVES = catalogue.shelves()
NAMES = [shelf.catalog.tables[0].name for shelf in SHELVES]


def test_the_catalogue_is_broad() -> None:
    """There are more than 200 queries."""
    assert sum(len(shelf.entries) for shelf in SHELVES) > 200


@pytest.mark.parametrize("shelf", SHELVES, ids=NAMES)
def test_every_query_is_one_that_sqlite_takes(shelf: Shelf) -> None:
    """SQLite prepares every query of the catalogue."""
    refused = []
    for entry in shelf.entries:
        given = {token.value: None for token in entry.statement.tokens if token.kind == PARAMETER}
        try:
            shelf.connection.execute(f"EXPLAIN {entry.statement.sql}", given)
        except sqlite3.Error as error:
            refused.append(f"{entry.statement.sql}: {error}")
    assert refused == []


@pytest.mark.parametrize("shelf", SHELVES, ids=NAMES)
def test_result_types_are_exact(shelf: Shelf) -> None:
    """The columns of every query are inferred as they are expected, but for those marked inexact, which are not."""
    for entry in shelf.entries:
        found = catalogue.columns(catalogue.inferred(shelf, entry))
        assert (found == entry.columns) is not bool(entry.inexact), f"{entry.place}\n{entry.statement.sql}\n{found}"


@pytest.mark.parametrize("shelf", SHELVES, ids=NAMES)
def test_parameters_are_exact(shelf: Shelf) -> None:
    """The parameters of every query are inferred as they are expected."""
    for entry in shelf.entries:
        found = catalogue.parameters(catalogue.inferred(shelf, entry))
        expected = set(filter(None, entry.parameters.split(", ")))
        assert set(filter(None, found.split(", "))) == expected, f"{entry.place}\n{entry.statement.sql}\n{found}"


def test_at_most_one_in_twenty_is_inexact() -> None:
    """At least 95 % of the catalogue is inferred exactly."""
    entries = [entry for shelf in SHELVES for entry in shelf.entries]
    assert sum(bool(entry.inexact) for entry in entries) * 20 <= len(entries)


@pytest.mark.parametrize("shelf", SHELVES, ids=NAMES)
def test_random_rows_refute_no_type(shelf: Shelf) -> None:
    """Over 150 random databases no query gives a value outside the type of its column."""
    statements = [entry.statement for entry in shelf.entries]
    assert witness(shelf.connection, shelf.catalog, statements, random.Random(4), 150) == []
