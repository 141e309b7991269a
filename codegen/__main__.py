"""`python -m codegen`: generates, or with --check compares.

Exit codes: 0 done, or nothing differs; 1 --check found differences; 2 wrong usage or wrong input.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import pipeline
from .errors import GenerationError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code."""
    parser = argparse.ArgumentParser(
        prog="codegen",
        description="Generate a typed Python package from SQLite DDL and named queries.",
        epilog="example: codegen --schema schema.sql --queries ragkernel/sql/queries --out ragkernel/generated",
    )
    parser.add_argument("--schema", type=Path, required=True, help="file of CREATE statements")
    parser.add_argument("--queries", type=Path, help="folder of named queries, one file a table")
    parser.add_argument("--out", type=Path, required=True, help="output folder; the generator owns it")
    parser.add_argument("--runtime", default="ragkernel", help="package of the leaves that the output imports")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the folder is not up to date")
    options = parser.parse_args(arguments)
    if options.queries is not None and not options.queries.is_dir():
        parser.error(f"--queries: {options.queries} is not a folder")
    source = pipeline.Source(options.schema, options.queries, options.runtime)
    try:
        return _check(source, options.out) if options.check else _write(source, options.out)
    except (GenerationError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _write(source: pipeline.Source, out: Path) -> int:
    for path in pipeline.write(source, out):
        print(out / path)
    return 0


def _check(source: pipeline.Source, out: Path) -> int:
    differences = pipeline.check(source, out)
    for one in differences:
        print(f"{out / one.path}: {one.reason}")
        print(one.diff, end="")
    if differences:
        print(f"{len(differences)} generated files are not up to date: run `make gen`", file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
