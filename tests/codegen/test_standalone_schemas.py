"""Schemas for which standalone output is made a little otherwise, and what makes it a package to install."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from codegen.pipeline import Source, generate, write

if TYPE_CHECKING:
    from pathlib import Path


def test_a_schema_that_has_texts_in_double_quotes_works(tmp_path: Path) -> None:
    """Where the schema itself takes words in double quotes for texts they stay allowed, and all of it works."""
    schema = (
        'CREATE TABLE t (id INTEGER PRIMARY KEY, state TEXT CHECK (state <> "gone"));\n'
        'CREATE VIEW here AS SELECT id FROM t WHERE state = "here";\n'
        'CREATE TRIGGER moved AFTER INSERT ON t BEGIN UPDATE t SET state = "here" WHERE id = NEW.id; END;\n'
    )
    (tmp_path / "quotes.sql").write_text(schema)
    notes: list[object] = []
    write(Source((tmp_path / "quotes.sql",), package="double_quotes"), tmp_path, notes.append)
    assert notes
    sys.path.insert(0, str(tmp_path))
    try:
        package = importlib.import_module("double_quotes")
        with package.connect(":memory:") as db:
            db.create()
            with db.write() as conn:
                package.queries.t.insert(conn, state="away")
                assert package.queries.here.count(conn) == 1
    finally:
        sys.path.remove(str(tmp_path))


def test_it_says_that_it_is_typed(tmp_path: Path) -> None:
    """Standalone output has a py.typed, so that type checkers read it where it is installed (PEP 561)."""
    (tmp_path / "s.sql").write_text("CREATE TABLE t (id INTEGER PRIMARY KEY);")
    assert "py.typed" in generate(Source((tmp_path / "s.sql",)))
    assert "py.typed" not in generate(Source((tmp_path / "s.sql",), runtime="ragkernel"))
