"""A package generated for a test from a schema, importable while the test runs."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from codegen.__main__ import main
from tests.generated.support import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def made_package(folder: Path, name: str, schema: str) -> Iterator[Path]:
    """The folder of the package `name` over ragkernel's leaves, made in `folder`, which is on the path meanwhile."""
    (folder / "schema.sql").write_text(schema)
    out = folder / name
    assert main(["--schema", str(folder / "schema.sql"), "--out", str(out), "--runtime", "ragkernel"]) == 0
    sys.path.insert(0, str(folder))
    try:
        yield out
    finally:
        sys.path.remove(str(folder))


@contextmanager
def database_of(name: str) -> Iterator[Connection]:
    """A connection to a database in memory that holds the package's schema."""
    connection = Connection()
    try:
        for statement in importlib.import_module(f"{name}.schema").DDL["main"]:
            connection.raw.execute(statement)
        yield connection
    finally:
        connection.close()
