"""`python -m codegen lint`: exit codes, what is printed, the file of plans; and this project itself."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from codegen.__main__ import main
from codegen.linting.rules import RULES
from codegen.pipeline import Source, analyse

ROOT = Path(__file__).parents[3]
CLEAN = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL);\nCREATE INDEX i ON t (a);\n"
DOUBTFUL = CLEAN + "CREATE INDEX j ON t (a);\n"
QUERY = "-- name: of_a :many\nSELECT * FROM t WHERE a = :a;\n"


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.sql"
    path.write_text(CLEAN)
    return path


def test_exit_codes(schema: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 without findings, 1 with one, 2 for input that cannot be read or wrong usage."""
    assert main(["lint", "--schema", str(schema)]) == 0
    assert capsys.readouterr().out == "lint: 0 findings, 0 accepted with a reason\n"
    schema.write_text(DOUBTFUL)
    assert main(["lint", "--schema", str(schema)]) == 1
    assert capsys.readouterr().out == (
        f"{schema}:3:0: duplicate-index: the index j repeats the index i (a) (hint: drop j)\n"
        "lint: 1 finding, 0 accepted with a reason\n"
    )
    schema.write_text("CREATE TABLE t (")
    assert main(["lint", "--schema", str(schema)]) == 2
    for wrong in (
        ["--plans", "x"],
        ["--schema", str(tmp_path / "no.sql")],
        ["--schema", str(schema), "--update-plans"],
    ):
        with pytest.raises(SystemExit) as caught:
            main(["lint", *wrong])
        assert caught.value.code == 2


def test_json(schema: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints findings, remarks and what was accepted as objects."""
    schema.write_text(
        DOUBTFUL.replace("CREATE INDEX j", "-- lint: accept duplicate-index: to be tried out\nCREATE INDEX j")
        + "CREATE TABLE u (a TEXT PRIMARY KEY); CREATE TABLE v (id INTEGER PRIMARY KEY AUTOINCREMENT);"
    )
    assert main(["lint", "--json", "--schema", str(schema)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {name: [one["rule"] for one in those] for name, those in told.items()} == {
        "findings": ["nullable-key"],
        "remarks": ["autoincrement"],
        "accepted": ["duplicate-index"],
    }
    assert told["findings"][0]["object"] == "u"
    assert told["findings"][0]["line"] == 5


def test_remarks_are_told_when_asked_for_and_fail_nothing(schema: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A remark is no finding: it is printed with --remarks, and the exit code is 0."""
    schema.write_text("CREATE TABLE v (id INTEGER PRIMARY KEY AUTOINCREMENT);")
    assert main(["lint", "--schema", str(schema)]) == 0
    assert "autoincrement" not in capsys.readouterr().out
    assert main(["lint", "--remarks", "--schema", str(schema)]) == 0
    assert "autoincrement: v.id has AUTOINCREMENT" in capsys.readouterr().out


def test_plans(schema: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--update-plans writes the file; with it a plan that changes is a finding until the file is written anew."""
    queries, plans = tmp_path / "t.sql", tmp_path / "plans.txt"
    queries.write_text(QUERY)
    asked = ["lint", "--schema", str(schema), "--queries", str(queries), "--plans", str(plans)]
    assert main(asked) == 2
    assert "write it with --update-plans" in capsys.readouterr().err
    assert main([*asked, "--update-plans"]) == 0
    written = plans.read_bytes()
    assert main(asked) == 0
    schema.write_text(CLEAN.replace("INDEX i ON t (a)", "INDEX k ON t (a)"))
    assert main(asked) == 1
    assert "plan-changed: the plan of t.of_a" in capsys.readouterr().out
    assert plans.read_bytes() == written
    assert main([*asked, "--update-plans"]) == 0
    assert main(asked) == 0


def test_on_another_sqlite_plans_warn_only(schema: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the file names another version, differences are a line on stderr and no finding."""
    plans = tmp_path / "plans.txt"
    asked = ["lint", "--schema", str(schema), "--plans", str(plans)]
    assert main([*asked, "--update-plans"]) == 0
    plans.write_text(plans.read_text().replace(sqlite3.sqlite_version, "3.37.0", 1).replace("SEARCH t", "SCAN t"))
    capsys.readouterr()
    assert main(asked) == 0
    told = capsys.readouterr().err
    assert f"has the plans of SQLite 3.37.0, this is {sqlite3.sqlite_version}" in told
    assert re.search(r"[1-9]\d* plans differ, which is no finding", told)


def test_migrations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a folder of migrations a finding stands where the last of them says it, and is accepted there."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_table.sql").write_text("CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE t (a TEXT NOT NULL);\n")
    (folder / "2_index.sql").write_text("CREATE INDEX i ON t (a);\n\nCREATE INDEX j ON t (a);\n")
    (folder / "3_key.sql").write_text("\nALTER TABLE t ADD COLUMN b INTEGER REFERENCES p (id);\n")
    assert main(["lint", "--schema", str(folder)]) == 1
    found = [line.split(": ")[:2] for line in capsys.readouterr().out.splitlines()[:-1]]
    assert found == [
        [f"{folder}/2_index.sql:3:0", "duplicate-index"],
        [f"{folder}/3_key.sql:2:0", "unindexed-foreign-key"],
    ]
    for name, line, rule in (
        ("2_index.sql", "CREATE INDEX j", "duplicate-index"),
        ("3_key.sql", "ALTER", "unindexed-foreign-key"),
    ):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace(line, f"-- lint: accept {rule}: here it is meant\n{line}"))
    assert main(["lint", "--schema", str(folder)]) == 0


def test_a_lint_comment_documents_nothing(schema: Path, tmp_path: Path) -> None:
    """What is said to lint does not get into the documentation of a table or of a query."""
    accept = "-- lint: accept full-scan: it is small"
    schema.write_text(f"-- What t is.\n{accept}\n{CLEAN}")
    (tmp_path / "q.sql").write_text(f"-- name: of_a :many\n-- Those of a.\n{accept}\nSELECT * FROM t WHERE a = :a;\n")
    with analyse(Source((schema,), (tmp_path / "q.sql",))) as analysis:
        assert analysis.catalog.tables[0].doc == "What t is."
        assert analysis.queries[0].doc == ("Those of a.",)


def test_on_another_sqlite_an_acceptance_of_plans_may_be_unused(
    schema: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comment that accepts a plan of the SQLite that the file names is no finding where the plan is better."""
    plans = tmp_path / "plans.txt"
    schema.write_text(f"-- lint: accept full-scan: on old ones\n{CLEAN}")
    asked = ["lint", "--schema", str(schema), "--plans", str(plans)]
    assert main([*asked, "--update-plans"]) == 1
    assert "accept-unused" in capsys.readouterr().out
    plans.write_text(plans.read_text().replace(sqlite3.sqlite_version, "3.37.0", 1))
    assert main(asked) == 0


def test_rules_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """--rules prints every rule with its reason; it needs no schema."""
    assert main(["lint", "--rules"]) == 0
    told = capsys.readouterr().out
    for rule in RULES:
        assert f"  {rule.name}" in told
        assert rule.reason in told
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what this project lints."""
    shutil.copy(ROOT / "schema.sql", tmp_path)
    shutil.copytree(ROOT / "ragkernel/sql/queries", tmp_path / "queries")
    return tmp_path


def lint_project(project: Path) -> int:
    return main(["lint", "--schema", str(project / "schema.sql"), "--queries", str(project / "queries")])


def test_this_project_is_clean(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The project's own schema and queries have no finding that is not accepted with a reason."""
    assert lint_project(project) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("file", "added", "rule"),
    [
        ("schema.sql", "CREATE INDEX again ON documents (kb_id);", "duplicate-index"),
        ("schema.sql", "CREATE TABLE loose (id TEXT PRIMARY KEY);", "nullable-key"),
        ("queries/documents.sql", "-- name: a :many\nSELECT id FROM documents WHERE title = :title;", "full-scan"),
        (
            "queries/documents.sql",
            "-- name: a :many\n-- lint: accept full-scan: why\nSELECT id FROM documents;",
            "accept-unused",
        ),
    ],
)
def test_a_finding_added_to_this_project_fails(
    project: Path, file: str, added: str, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make lint-sql`, which CI runs, fails as soon as a finding is there."""
    path = project / file
    path.write_text(f"{path.read_text()}\n{added}\n")
    assert lint_project(project) == 1
    assert f": {rule}: " in capsys.readouterr().out
