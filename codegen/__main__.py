"""`python -m codegen`, installed `ragkernel-gen`: generates, or with --check compares; `lint` and `diff` are commands.

Exit codes: 0 done, or nothing differs; 1 differences or findings; 2 wrong usage or wrong input.
"""

from __future__ import annotations

import argparse
import importlib
import keyword
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import GenerationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from . import pipeline

# Command → the module whose `main(arguments) -> int` it is, imported when it is asked for.
COMMANDS = {"lint": ".linting.command", "diff": ".migrations.command"}
_EPILOG = """\
examples:
  ragkernel-gen --schema music.sql --out . --package music
  ragkernel-gen --schema migrations/ --queries queries/ --out src --package shop.store
  ragkernel-gen lint --help
  ragkernel-gen diff --help
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given and given[0] in COMMANDS:
            return int(importlib.import_module(COMMANDS[given[0]], __package__).main(given[1:]))
        return _generate(given)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("jinja2", "markupsafe"):
            raise
        print("the generator needs jinja2: run `pip install 'ragkernel[gen]'`", file=sys.stderr)
        return 2
    except (GenerationError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def parser() -> argparse.ArgumentParser:
    """The options of generation."""
    made = argparse.ArgumentParser(
        prog="ragkernel-gen",
        description="Generate a typed Python package from SQLite DDL and named queries.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    several = "SQL files, or folders of them (ordered migrations)"
    made.add_argument("--schema", type=Path, nargs="+", action="extend", required=True, metavar="PATH", help=several)
    queries = "files of named queries, or folders of them"
    made.add_argument("--queries", type=Path, nargs="+", action="extend", default=[], metavar="PATH", help=queries)
    made.add_argument("--out", type=Path, required=True, help="output folder; the generator owns the package's folder")
    name = "dotted name of the package, made below --out; without it --out itself is the package"
    made.add_argument("--package", type=_package, metavar="NAME", help=name)
    runtime = "import the runtime from this package (ragkernel); without it the output needs the standard library only"
    made.add_argument("--runtime", type=_package, metavar="NAME", help=runtime)
    made.add_argument("--config", type=Path, metavar="FILE", help="TOML file of types of your own and of overrides")
    made.add_argument("--strict", action="store_true", help="what is a note otherwise is an error")
    made.add_argument("--check", action="store_true", help="write nothing; fail if the folder is not up to date")
    return made


def _package(text: str) -> str:
    names = text.split(".")
    if not all(name.isidentifier() and not keyword.iskeyword(name) for name in names):
        raise argparse.ArgumentTypeError(f"{text!r} is no name for a Python package")
    return text


def _generate(given: Sequence[str]) -> int:
    from . import pipeline

    usage = parser()
    options = usage.parse_args(given)
    for place in options.queries:
        if not place.exists():
            usage.error(f"--queries: there is no {place}")
    source = pipeline.Source(
        schemas=tuple(options.schema),
        queries=tuple(options.queries),
        runtime=options.runtime,
        package=options.package or "",
        strict=options.strict,
        config=options.config,
    )
    return _check(source, options.out) if options.check else _write(source, options.out)


def _write(source: pipeline.Source, out: Path) -> int:
    from . import pipeline

    folder = pipeline.package_folder(out, source.package)
    for path in pipeline.write(source, out):
        print(folder / path)
    return 0


def _check(source: pipeline.Source, out: Path) -> int:
    from . import pipeline

    folder = pipeline.package_folder(out, source.package)
    differences = pipeline.check(source, out)
    for one in differences:
        print(f"{folder / one.path}: {one.reason}")
        print(one.diff, end="")
    if differences:
        again = "run `make gen`" if source.runtime == "ragkernel" else "generate again, without --check"
        print(f"{len(differences)} generated files are not up to date: {again}", file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
