"""Read this first. The generator is four steps, each pure but the last:

introspect   schema → Catalog                   SQLite parses; tokens add what PRAGMAs do not tell
             query files → named queries        prepared by SQLite, types inferred or annotated
transform    Catalog + queries → Package        every decision about the output is made here
render       Package → {path: text}             templates print it
output       {path: text} → files               the only writer; or the comparison of --check
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from . import output
from .inference import view_columns
from .named.named_queries import read_queries
from .overrides import with_types
from .reading import sources
from .reading.introspect import read_schema
from .render import render
from .transform import transform
from .types.config import read_config
from .types.typemap import Type

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .errors import Note
    from .ir import Package
    from .named.named_queries import Query
    from .reading.catalog import Catalog, Table


@dataclass(frozen=True, slots=True)
class Source:
    """What goes in. schemas: files of SQL, and folders of them, in order. queries: files and folders of named queries.
    runtime: the package whose leaves `connections`, `errors` and `clock` the output imports; None for output that
    carries its own and needs the standard library only. package: the dotted name of the package, "" where the output
    folder itself is the package. strict: what looks doubtful is an error and no note. config: a TOML file of types and
    overrides."""

    schemas: tuple[Path, ...]
    queries: tuple[Path, ...] = ()
    runtime: str | None = None
    package: str = ""
    strict: bool = False
    config: Path | None = None


def _print_note(note: Note) -> None:
    print(note, file=sys.stderr)


def _refuse(note: Note) -> NoReturn:
    raise note.error()


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known before anything is printed. connection: a `:memory:` database that holds the schema; it is open
    until the `with` block of the analysis ends."""

    catalog: Catalog
    connection: sqlite3.Connection
    queries: list[Query]
    package: Package

    def __enter__(self) -> Analysis:
        return self

    def __exit__(self, *_error: object) -> None:
        self.connection.close()


def analyse(source: Source, note: Callable[[Note], None] = _print_note) -> Analysis:
    """Every step but printing. Raises GenerationError.

    note: called for each thing that looks doubtful; without it a line on stderr.
    """
    rules: set[str] = set()

    def doubt(one: Note) -> None:
        rules.add(one.rule)
        (_refuse if source.strict else note)(one)

    config = read_config(source.config)
    catalog, connection = read_schema(sources.read(source.schemas), doubt)
    try:
        catalog = with_types(catalog, config.overrides, connection, doubt)
        files = _query_files(source.queries)
        texts = [(path.stem, str(path), sources.text_of(path)) for path in files]
        queries = read_queries(connection, catalog, texts, config.types)
        views = {view.name: _types(view, catalog, connection) for view in catalog.views}
        package = transform(catalog, queries, source.runtime, doubt, views)
        own = tuple(one.own for one in config.types.values() if one.own)
        package = replace(package, types=own, double_quotes="double-quoted" in rules)
    except BaseException:
        connection.close()
        raise
    return Analysis(catalog, connection, queries, package)


def generate(source: Source, note: Callable[[Note], None] = _print_note) -> dict[str, str]:
    """The text of each generated file by its path under the package's folder; as analyse, and writes nothing."""
    with analyse(source, note) as analysis:
        return render(analysis.package)


def write(source: Source, out: Path, note: Callable[[Note], None] = _print_note) -> list[str]:
    """Generate into `package_folder(out, source.package)`; the paths that changed."""
    return output.write(generate(source, note), package_folder(out, source.package))


def check(source: Source, out: Path, note: Callable[[Note], None] = _print_note) -> list[output.Difference]:
    """How `package_folder(out, source.package)` differs from what would be generated."""
    return output.check(generate(source, note), package_folder(out, source.package))


def package_folder(out: Path, package: str) -> Path:
    """The folder of the package: below `out`, or `out` itself where its last folders are called so already."""
    names = package.split(".") if package else []
    return out if list(out.resolve().parts[-len(names) :]) == names or not names else out.joinpath(*names)


def _types(view: Table, catalog: Catalog, connection: sqlite3.Connection) -> list[Type]:
    """The types of a view's columns: by override, else inferred; what is not known can be anything."""
    given = {column.name: replace(column.type, nullable=True) for column in view.columns if column.type is not None}
    found = view_columns(view, catalog, connection)
    return [given.get(one.name) or one.type or Type("scalar", True) for one in found]


def _query_files(places: Sequence[Path]) -> list[Path]:
    """The files that are meant: those named, and the .sql files of folders in order."""
    return [file for place in places for file in (sorted(place.glob("*.sql")) if place.is_dir() else [place])]
