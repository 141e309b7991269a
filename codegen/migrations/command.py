"""`python -m codegen diff`: the next migration from the differences, or with --check whether there are any.

Exit codes: 0 nothing differs, or the migration is written; 1 --check found differences; 2 wrong usage or wrong input, a
migration that would lose data without --allow-loss among it.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import GenerationError
from . import compare, fillers, folders, renames, writing
from .building import Application, Built, build
from .planning import Plan, plan
from .trial import TrialFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .folders import History

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

_ANNOTATIONS = """comments in the schema that are heeded:
  -- renamed from: OLD        above a table, or on a column's line: the table or column keeps its rows
  -- backfill: EXPRESSION     on a column's line: what rows that are there already get, in a new column or in place of
                              NULL in one that becomes NOT NULL; it may name the table's old columns
                              (those that are renamed, by their new names)

example: ragkernel-gen diff --schema schema.sql --migrations migrations --name add_tags"""


@dataclass(frozen=True, slots=True)
class Options:
    """schemas: the files of schema.sql. folder: of the migrations. ordered: the order of columns counts."""

    schemas: tuple[Path, ...]
    folder: Path
    parts: tuple[str, ...] = ()
    name: str = ""
    allow_loss: bool = False
    check: bool = False
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration to be written: where, its two texts, the differences that it ends."""

    history: History
    changes: tuple[str, ...]
    up: Plan
    down: Plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code."""
    options = _options(arguments)
    try:
        return check(options) if options.check else write(options)
    except (GenerationError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _options(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="ragkernel-gen diff",
        description="Write the next migration, up and down, from what differs between the migrations and the schema.",
        epilog=_ANNOTATIONS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--schema", type=Path, nargs="+", required=True, help="files or folders of CREATE statements")
    parser.add_argument("--migrations", type=Path, required=True, help="folder of NNNN_name.up.sql and .down.sql")
    parser.add_argument("--part", nargs="+", default=[], help="parts of the schema, each with a folder of its own")
    parser.add_argument("--name", default="", help="what the migration does, as in add_tags")
    parser.add_argument("--allow-loss", action="store_true", help="write it also if data can be lost or rows refused")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the migrations differ")
    parser.add_argument("--any-column-order", action="store_true", help="columns in another order are no difference")
    given = parser.parse_args(arguments)
    if not given.check and not _NAME.fullmatch(given.name):
        parser.error("--name is needed: letters, digits, _ and -")
    return Options(
        tuple(given.schema), given.migrations, tuple(given.part), given.name, given.allow_loss, given.check,
        not given.any_column_order,
    )  # fmt: skip


def check(options: Options) -> int:
    """Print each difference; 1 where there is one."""
    found = 0
    for history in folders.read(options.schemas, options.folder, options.parts):
        application = Application()
        for source, target in _both(application, history):
            if not _equal(source, target, options):
                for change in _changes(source, target, options):
                    found += 1
                    print(f"{history.folder}: {change}")
    if found:
        print(f"{found} differences between the migrations and the schema: write one with `diff`", file=sys.stderr)
    return 1 if found else 0


def write(options: Options) -> int:
    """Write a migration for each part that differs and print its paths."""
    return put(options, list(migrations(options)))


def put(options: Options, found: Sequence[Migration]) -> int:
    """Write these migrations under the next numbers."""
    if not found:
        print("the migrations build the schema: nothing to write", file=sys.stderr)
    number, digits = folders.next_number(options.folder)
    for one in found:
        for loss in one.up.lost:
            print(f"{one.history.folder}: {loss.kind}: {loss.what}", file=sys.stderr)
    title = options.name.replace("_", " ").replace("-", " ")
    for place, one in enumerate(found):
        stem = f"{number + place:0{digits}}_{options.name}"
        up = writing.render(f"{title[:1].upper()}{title[1:]}.", one.changes, one.up, down=False)
        down = writing.render(f"Undoes {number + place}, {title}.", (), one.down, down=True)
        for path in writing.write(one.history.folder, stem, up, down):
            print(path)
    return 0


def migrations(options: Options) -> Iterator[Migration]:
    """The migrations that are missing. Raises GenerationError where one would lose data and that is not allowed."""
    for history in folders.read(options.schemas, options.folder, options.parts):
        application = Application()
        for source, target in _both(application, history):
            if not _equal(source, target, options):
                yield _migration(application, history, source, target, options)


def _migration(application: Application, history: History, source: Built, target: Built, options: Options) -> Migration:
    folders.writable(history)
    renamed = renames.find(source.schema, target)
    changes = tuple(_changes(source, target, options))
    try:
        up = plan(application, source, target, renamed, fillers.annotated(target), ordered=options.ordered)
        filler = fillers.made_up(target.connection)
        down = plan(application, target, source, renamed.reversed(), filler, ordered=options.ordered)
    except TrialFailed as error:
        message = f"no migration can be written: {error} in `{' '.join(error.sql.split())}`"
        raise GenerationError(message, file=str(options.schemas[0]), hint="write this one by hand") from None
    if up.lost and not options.allow_loss:
        first = up.lost[0]
        place = target.places.get(first.table)
        message = "; ".join(f"{one.kind}: {one.what}" for one in up.lost)
        hint = "--allow-loss writes the migration; a rename is said by `-- renamed from: OLD`"
        if place is None:
            raise GenerationError(message, file=str(options.schemas[0]), hint=hint)
        raise place.error(message, hint, first.column)
    return Migration(history, changes, up, down)


def _both(application: Application, history: History) -> Iterator[tuple[Built, Built]]:
    """What is and what is wanted, open while the caller looks at it."""
    source = build(application, folders.before(history))
    try:
        target = build(application, folders.after(history))
        try:
            yield source, target
        finally:
            target.connection.close()
    finally:
        source.connection.close()


def _equal(source: Built, target: Built, options: Options) -> bool:
    return source.schema.meaning(ordered=options.ordered) == target.schema.meaning(ordered=options.ordered)


def _changes(source: Built, target: Built, options: Options) -> list[str]:
    renamed = renames.find(source.schema, target)
    return compare.differences(source.schema, target.schema, renamed, ordered=options.ordered)


if __name__ == "__main__":
    sys.exit(main())
