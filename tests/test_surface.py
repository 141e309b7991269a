"""The public surface: complete, documented, and cheap to import."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ragkernel

# What is loaded on first use alone, because it costs more than the kernel itself.
LAZY = (
    "argparse",
    "ast",
    "asyncio",
    "concurrent.futures",
    "ctypes",
    "dataclasses",
    "difflib",
    "importlib.resources",
    "inspect",
    "logging",
    "multiprocessing",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "tomllib",
    "unittest",
    "urllib",
    "xml",
)


def loaded_after(program: str) -> set[str]:
    """The names of the modules that a fresh interpreter without site-packages has loaded after the program."""
    home = str(Path(ragkernel.__file__).parents[1])
    text = f"import sys; sys.path.insert(0, {home!r})\n{program}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", text], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_library_loads_nothing_heavy() -> None:
    """`import ragkernel` leaves heavy modules of the standard library, and SQLite itself, for their first use."""
    loaded = loaded_after("import ragkernel")
    assert "ragkernel" in loaded
    assert sorted(loaded & {*LAZY, "sqlite3", "pathlib", "json"}) == []


def test_naming_everything_public_loads_nothing_heavy() -> None:
    """Also with models, queries and the service loaded, what only some calls need is not there."""
    used = {"ingest", "IngestReport", "DatabaseHealthMetrics"}  # whoever names these is about to need more
    names = [name for name in ragkernel.__all__ if name not in used]
    loaded = loaded_after(f"import ragkernel\nfor name in {names}: getattr(ragkernel, name)")
    assert "ragkernel.generated.models" in loaded
    assert sorted(loaded & set(LAZY)) == []


def test_opening_and_writing_loads_nothing_heavy(tmp_path: Path) -> None:
    """A service that opens, migrates, writes and reads gets along without them."""
    program = (
        "import ragkernel\n"
        f"with ragkernel.open({str(tmp_path / 'a.db')!r}) as service:\n"
        "    with service.write() as conn:\n"
        "        ragkernel.queries.settings.insert(conn, key='a', value='b')\n"
        "    with service.read() as conn:\n"
        "        ragkernel.queries.settings.list_all(conn)\n"
    )
    allowed = {"urllib"}  # pathlib, for the paths of the configuration, brings it on Python 3.11 and 3.12
    assert sorted(loaded_after(program) & set(LAZY) - allowed) == []


def test_the_surface_is_sorted_and_complete() -> None:
    """__all__ is in order, every name in it is there, dir() shows it, and an unknown one is an AttributeError."""
    assert list(ragkernel.__all__) == sorted(ragkernel.__all__)
    assert all(hasattr(ragkernel, name) for name in ragkernel.__all__)
    assert set(ragkernel.__all__) <= set(dir(ragkernel))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = ragkernel.no_such_name


@pytest.mark.parametrize("name", ragkernel.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    """Each public name, and each public method of a public class, says in its own words what it promises."""
    value: Any = getattr(ragkernel, name)
    assert inspect.getdoc(value), name
    if isinstance(value, ModuleType) or not inspect.isclass(value):
        return
    for attribute, member in vars(value).items():
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        function = function.fget if isinstance(function, property) else function
        if not attribute.startswith("_") and inspect.isfunction(function):
            assert function.__doc__, f"{name}.{attribute}"


def test_every_error_is_within_reach() -> None:
    """ragkernel.errors holds the whole tree, so that a caller catches what the documentation names."""
    assert ragkernel.errors.UniqueViolation.__mro__[-4] is ragkernel.SqlError
