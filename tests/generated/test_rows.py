"""Row classes: dataclasses to everybody who asks, without importing dataclasses."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ragkernel
from ragkernel.generated import _rows, models
from tests.generated.samples import START

ROW = models.Setting(1, "theme", "dark", 1, START, START)


def test_equal_by_value_and_unhashable() -> None:
    """Rows are equal when their class and columns are, and cannot be hashed."""
    assert dataclasses.replace(ROW) == ROW
    assert dataclasses.replace(ROW, value="light") != ROW
    assert models.KernelState("a", "b") != models.NewKernelState(key="a", value="b")
    with pytest.raises(TypeError, match="unhashable"):
        hash(ROW)


def test_slotted_and_mutable() -> None:
    """A column can be set, another attribute cannot."""
    row: Any = dataclasses.replace(ROW)
    row.value = "light"
    assert row.value == "light"
    with pytest.raises(AttributeError):
        row.unknown = 1


def test_dataclasses_take_it_for_a_dataclass() -> None:
    """is_dataclass, fields, asdict, astuple and replace work, on insert forms with their defaults too."""
    assert dataclasses.is_dataclass(models.Setting)
    assert [field.name for field in dataclasses.fields(ROW)] == list(models.Setting.__slots__)
    assert dataclasses.asdict(ROW)["value"] == "dark"
    assert dataclasses.astuple(ROW)[:3] == (1, "theme", "dark")
    defaults = {field.name: field.default for field in dataclasses.fields(models.NewSetting)}
    assert defaults["schema_version"] == 1
    assert defaults["key"] is dataclasses.MISSING
    form = dataclasses.replace(models.NewSetting(key="a", value="b"), value="c")
    assert (form.key, form.value, form.schema_version) == ("a", "c", 1)


def test_copies_and_pickles() -> None:
    """Rows, insert forms and UNSET survive copy and pickle."""
    for one in (ROW, models.NewSetting(key="a", value="b")):
        assert copy.copy(one) == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one
    assert pickle.loads(pickle.dumps(_rows.UNSET)) is _rows.UNSET
    if sys.version_info >= (3, 13):
        assert copy.replace(ROW, value="light").value == "light"


def test_match_and_repr() -> None:
    """A row matches by position, and its repr names its columns."""
    match ROW:
        case models.Setting(1, key, value):
            assert (key, value) == ("theme", "dark")
        case _:
            pytest.fail("no match")
    assert repr(models.KernelState("a", "b")) == "KernelState(key='a', value='b')"


def test_importing_is_cheap() -> None:
    """Importing the models brings in neither dataclasses nor a module of queries; one of those comes with its use."""
    home = str(Path(ragkernel.__file__).parent.parent)
    code = (  # without site, which an editable install and coverage make load more
        f"import sys; sys.path.insert(0, {home!r}); from ragkernel.generated import models, queries; "
        "loaded = [n for n in sys.modules if n.startswith('ragkernel.generated.queries.')]; "
        "assert 'dataclasses' not in sys.modules and not loaded, loaded; "
        "queries.settings.get; assert 'ragkernel.generated.queries.settings' in sys.modules; "
        "assert 'settings' in dir(queries); assert 'dataclasses' not in sys.modules; "
        "import dataclasses; assert len(dataclasses.fields(models.Setting)) == 6"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_an_unknown_module_is_an_attribute_error() -> None:
    """queries has the attributes it says it has."""
    from ragkernel.generated import queries

    with pytest.raises(AttributeError, match="nothing"):
        queries.nothing  # noqa: B018
