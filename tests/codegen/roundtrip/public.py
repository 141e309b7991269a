"""The round trip for schemas from elsewhere: `python -m tests.codegen.roundtrip.public --work FOLDER NAME=PLACE …`

Prints what is wrong, then the table of all. A place is a file or a folder of migrations, or several with commas between
them. Exit code 1 where a package could not be made, or a table for which SQLite accepts rows does not round-trip.
--types also runs mypy --strict over all packages.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from .report import SchemaOutcome, markdown
from .run import run

ROOT = Path(__file__).parents[3]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="public", description="Round-trip the tables of schemas from elsewhere.")
    parser.add_argument("--work", type=Path, required=True, help="folder for the packages that are generated")
    parser.add_argument("--types", action="store_true", help="also run mypy --strict over them")
    parser.add_argument("schemas", nargs="+", metavar="NAME=PLACE[,PLACE]")
    chosen = parser.parse_args(arguments)
    outcomes: list[SchemaOutcome] = []
    for one in chosen.schemas:
        name, _, places = one.partition("=")
        started = time.perf_counter()
        outcome = run(name, tuple(Path(place) for place in places.split(",")), chosen.work)
        outcomes.append(outcome)
        print(f"{name}: {time.perf_counter() - started:.1f} s, {len(outcome.problems)} problems", flush=True)
        for line in [*outcome.problems, *(f"wide: {name}.{wide}" for wide in outcome.wide)]:
            print(f"    {line}")
    print(markdown(outcomes))
    wrong = any(one.problems for one in outcomes)
    if chosen.types:
        wrong = bool(mypy(chosen.work)) or wrong
    return int(wrong)


def mypy(folder: Path) -> str:
    """What mypy --strict says against the packages of a folder, "" for nothing."""
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / ".mypy_cache")]
    command += ["--config-file", "", "--python-version", "3.11"]
    packages = sorted(str(path.parent.name) for path in folder.glob("*/__init__.py"))
    found = subprocess.run(
        [*command, *(word for name in packages for word in ("-p", name))], capture_output=True, text=True, cwd=folder
    )
    print(found.stdout)
    return found.stdout + found.stderr if found.returncode else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
