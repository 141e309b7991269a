"""Golden cases: a folder with schema.sql (or a folder schema/) and queries/, and either expected/ or error.txt.

`python -m tests.codegen.test_cases` writes the expectations anew; read the difference before committing it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.errors import GenerationError
from codegen.pipeline import Source, generate

CASES = Path(__file__).parent / "cases"
# The support modules are the same for every schema.
SHARED = ("_rows.py", "_values.py", "__init__.py", "queries/__init__.py")


def source(case: Path) -> Source:
    """What a case is generated from: strict, with the runtime's leaves."""
    queries = (case / "queries",) if (case / "queries").is_dir() else ()
    schema = case / ("schema" if (case / "schema").is_dir() else "schema.sql")
    return Source((schema,), queries, runtime="ragkernel", strict=True)


def outcome(case: Path) -> tuple[dict[str, str], str]:
    """The generated files but the shared ones, or the error, with the case's folder left out of it."""
    try:
        files = generate(source(case))
    except GenerationError as error:
        return {}, str(error).replace(f"{case}/", "") + "\n"
    return {path: text for path, text in files.items() if path not in SHARED}, ""


@pytest.mark.parametrize("case", sorted(path for path in CASES.iterdir() if path.is_dir()), ids=lambda path: path.name)
def test_case(case: Path) -> None:
    """The outcome of a case is the one on file."""
    files, error = outcome(case)
    if (case / "error.txt").exists():
        assert error == (case / "error.txt").read_text()
        return
    assert error == ""
    expected = case / "expected"
    assert files == {
        path.relative_to(expected).as_posix().removesuffix(".txt"): path.read_text()
        for path in sorted(expected.rglob("*.txt"))
    }


def rewrite() -> None:
    """Write what each case gives today as its expectation."""
    for case in sorted(path for path in CASES.iterdir() if path.is_dir()):
        files, error = outcome(case)
        for old in [*case.glob("error.txt"), *case.glob("expected/**/*.txt")]:
            old.unlink()
        if error:
            (case / "error.txt").write_text(error)
        for path, text in files.items():
            target = case / "expected" / f"{path}.txt"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)


if __name__ == "__main__":
    rewrite()
