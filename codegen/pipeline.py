"""Read this first. The generator is four steps, each pure but the last:

introspect   schema.sql → Catalog               SQLite parses; tokens add what PRAGMAs do not tell
             queries/*.sql → named queries      prepared by SQLite, types inferred or annotated
transform    Catalog + queries → Package        every decision about the output is made here
render       Package → {path: text}             templates print it
output       {path: text} → files               the only writer; or the comparison of --check
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import output
from .errors import GenerationError
from .introspect import read_schema
from .named_queries import read_queries
from .render import render
from .transform import transform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .catalog import LeftOut


@dataclass(frozen=True, slots=True)
class Source:
    """What goes in. schema: the file of CREATE statements. queries: the folder of named queries, if any. runtime: the
    package whose leaves `connections`, `errors` and `clock` the output imports."""

    schema: Path
    queries: Path | None = None
    runtime: str = "ragkernel"


def _print_note(note: LeftOut) -> None:
    print(note, file=sys.stderr)


def generate(source: Source, note: Callable[[LeftOut], None] = _print_note) -> dict[str, str]:
    """The text of each generated file by its path under the output folder. Raises GenerationError; writes nothing.

    note: called for each object of the schema that no code is generated for; without it a line on stderr.
    """
    catalog, connection = read_schema(_text(source.schema), str(source.schema))
    try:
        files = sorted(source.queries.glob("*.sql")) if source.queries else []
        queries = read_queries(connection, catalog, [(path.stem, str(path), _text(path)) for path in files])
    finally:
        connection.close()
    package = transform(catalog, queries, source.runtime)
    for one in catalog.left_out:
        note(one)
    return render(package)


def write(source: Source, out: Path) -> list[str]:
    """Generate into the folder `out`; the paths that changed."""
    return output.write(generate(source), out)


def check(source: Source, out: Path) -> list[output.Difference]:
    """How the folder `out` differs from what would be generated."""
    return output.check(generate(source), out)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise GenerationError(error.strerror or "cannot be read", file=str(path)) from None
    except UnicodeDecodeError:
        raise GenerationError("not UTF-8 text", file=str(path)) from None
