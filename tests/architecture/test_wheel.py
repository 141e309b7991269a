"""The wheel as users get it: complete, free of dependencies, and working where nothing else is at hand."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email import message_from_string
from typing import TYPE_CHECKING

import pytest

from .sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SESSION = """
import sys
sys.path.insert(0, sys.argv[1])
import ragkernel
from ragkernel import queries
config = ragkernel.SqlConfig.test(sys.argv[2])
with ragkernel.open(config.app_db_path, config) as service:
    with service.write() as conn:
        queries.settings.insert(conn, key="theme", value="dark")
    service.events.append(("document", "1"), [ragkernel.NewEvent(type="Added", data={"pages": 3})])
    with service.read() as conn:
        assert queries.settings.get_by_key(conn, key="theme").value == "dark"
        assert queries.settings.count(conn) == 1
    assert [event.event_type for event in service.events.read(("document", "1"))] == ["Added"]
    backup, = service.backup_databases()
    assert service.health_check().status == "ok", service.health_check().reasons
assert ragkernel.__file__.startswith(sys.argv[1])
foreign = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"ragkernel", "__main__"}
assert not foreign, foreign
print(backup.path)
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("dist")
    built = subprocess.run(
        [ROOT / ".ci" / "wheel", sys.executable, folder], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's files and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """This Python without site-packages, environment variables and the present folder, warnings as errors."""
    command = [sys.executable, "-I", "-S", "-W", "error", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_wheel_holds_every_file(site: Path) -> None:
    """Each file of the two packages is in it, type marker, SQL and templates included."""
    for folder, package in (("ragkernel", "ragkernel"), ("codegen", "ragkernel_codegen")):
        files = {path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*") if path.is_file()}
        expected = {file for file in files if "__pycache__" not in file.parts}
        assert {path.relative_to(site / package) for path in (site / package).rglob("*") if path.is_file()} == expected
    assert (site / "ragkernel" / "py.typed").exists()
    assert list((site / "ragkernel" / "sql" / "queries").glob("*.sql"))
    assert list((site / "ragkernel" / "sql" / "migrations").glob("*/0*.up.sql"))
    assert list((site / "ragkernel_codegen" / "templates").rglob("*.j2"))


def test_the_wheel_puts_two_names_into_site_packages(site: Path) -> None:
    """No top-level codegen, tests or bench is left in anyone's environment."""
    names = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"ragkernel", "ragkernel_codegen"}


def test_the_wheel_pulls_in_nothing(site: Path) -> None:
    """Every requirement belongs to an extra; the licence and the command are there."""
    (info,) = site.glob("*.dist-info")
    metadata = message_from_string((info / "METADATA").read_text(encoding="utf-8"))
    requirements = metadata.get_all("Requires-Dist", [])
    assert requirements
    assert all("extra ==" in requirement for requirement in requirements)
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert (info / "licenses" / "LICENSE").exists()
    assert "ragkernel = ragkernel.__main__:main" in (info / "entry_points.txt").read_text(encoding="utf-8")


def test_the_wheel_works_with_nothing_but_its_own_files(site: Path, tmp_path: Path) -> None:
    """Opening, writing, reading, an event, a backup and health, without site-packages or any foreign module."""
    done = run("-c", SESSION, site, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (tmp_path / "backups").exists()


def test_the_command_of_the_wheel_runs(site: Path) -> None:
    """`ragkernel --version` and --help answer with nothing but the wheel's files on the path."""
    program = "import sys; sys.path.insert(0, sys.argv.pop(1)); from ragkernel.cli import main; sys.exit(main())"
    for argument in ("--version", "--help"):
        done = run("-c", program, site, argument)
        assert (done.returncode, done.stderr) == (0, "")
        assert "ragkernel" in done.stdout


def test_the_installed_generator_finds_its_templates(site: Path, tmp_path: Path) -> None:
    """Under its installed name the generator makes the same files as in the sources."""
    schema, queries = ROOT / "schema.sql", ROOT / "ragkernel" / "sql" / "queries"
    program = (
        "import runpy, sys\n"
        "sys.path.insert(0, sys.argv.pop(1))\n"
        "runpy.run_module('ragkernel_codegen', alter_sys=True, run_name='__main__')"
    )
    arguments = ["--schema", schema, "--queries", queries, "--out", tmp_path / "out", "--runtime", "ragkernel"]
    command = [sys.executable, "-c", program, site, *arguments]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    generated = ROOT / "ragkernel" / "generated"
    for path in generated.rglob("*.py"):
        assert (tmp_path / "out" / path.relative_to(generated)).read_bytes() == path.read_bytes()
