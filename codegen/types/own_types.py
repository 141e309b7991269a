"""Classes of the application's own: what the generated `_types.py` is printed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .typemap import ANNOTATIONS, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .typemap import OwnType


def printed(types: Sequence[OwnType]) -> dict[str, Any]:
    """The facts of the template: import lines, and for each type its names and the expressions of its functions."""
    places = [place for one in types for place in (one.python, one.encode, one.decode)]
    modules: dict[str, str] = {}
    for module in sorted({module for module, _ in places if module}):
        alias, number = f"_{module.replace('.', '_')}", 2
        while alias in modules.values():
            alias, number = f"_{module.replace('.', '_')}_{number}", number + 1
        modules[module] = alias
    imports = [f"import {module} as {alias}" for module, alias in modules.items()]
    if any(name.startswith(".") for _, name in places):
        imports.insert(0, "from operator import attrgetter")

    def expression(place: tuple[str, str]) -> str:
        module, name = place
        if name.startswith("."):
            return f"attrgetter({quoted(name[1:])})"
        return f"{modules[module]}.{name}" if module else name

    stored = {one.name: ANNOTATIONS[one.stored][0] for one in types}
    checked = ["from datetime import datetime"] if "datetime" in stored.values() else []
    checked += ["", "from ._values import JsonValue"] if "JsonValue" in stored.values() else []
    rows = [
        {
            "alias": one.alias,
            "codec": one.codec,
            "stored": stored[one.name],
            "python": expression(one.python),
            "encode": expression(one.encode),
            "decode": expression(one.decode),
        }
        for one in types
    ]
    return {"imports": imports, "checked": checked, "types": rows}
