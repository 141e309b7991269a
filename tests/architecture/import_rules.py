"""Who may import whom, each rule with its reason and with a source text that breaks it."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

from .rule import Example, Rule, in_core, in_runtime, in_service

if TYPE_CHECKING:
    from .rule import Offences
    from .sources import Source

# From the ground up: a file imports from its own room and from rooms of a lower rank, never sideways.
RANKS = {
    "ragkernel.errors": 0,
    "ragkernel.clock": 1,
    "ragkernel.connections": 1,
    "ragkernel.config_rules": 1,
    "ragkernel.config": 2,
    "ragkernel.generated": 3,
    "ragkernel.core": 4,
    "ragkernel.operations": 5,
    "ragkernel.events": 5,
    "ragkernel.state": 6,
    "ragkernel.logs": 6,
    "ragkernel.knowledge": 6,
    "ragkernel.service": 7,
    "ragkernel.outline": 8,
    "ragkernel.markup": 8,
    "ragkernel.chunking": 9,
    "ragkernel.aio": 10,
    "ragkernel.sources": 9,
    "ragkernel.ingestion": 10,
    "ragkernel.archive": 10,
    "ragkernel.cli": 11,
    "ragkernel.__main__": 12,
    "ragkernel.__init__": 13,
}
LEAVES = {"errors": set[str](), "clock": {"errors"}, "connections": {"errors"}, "config_rules": {"errors"}}
LEAVES |= {"config": {"errors", "config_rules"}}

# The names of the public surface that stand for no room of their own; the application's side imports them from there.
SURFACE_USERS = {"ragkernel.archive", "ragkernel.cli", "ragkernel.ingestion", "ragkernel.__main__"}


def room_of(name: str) -> str:
    """The room that the dotted name of an import leads to; `ragkernel` itself for a name of the public surface."""
    parts = name.split(".")
    if parts[0] != "ragkernel":
        return parts[0]
    room = ".".join(parts[:2])
    return room if room in RANKS else "ragkernel"


def known_room(source: Source) -> Offences:
    if in_runtime(source) and source.room not in RANKS:
        yield 1, f"{source.room} has no place in RANKS"


def runtime_never_imports_the_generator(source: Source) -> Offences:
    if in_runtime(source):
        for line, name in source.imports:
            if name.split(".")[0] in ("codegen", "ragkernel_codegen", "jinja2"):
                yield line, name


def generator_never_imports_the_runtime(source: Source) -> Offences:
    if source.path.parts[0] == "codegen":
        for line, name in source.imports:
            if name.split(".")[0] == "ragkernel":
                yield line, name


def generator_imports_itself_relatively(source: Source) -> Offences:
    if source.path.parts[0] == "codegen":
        for node in source.nodes:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                if name.split(".")[0] in ("codegen", "ragkernel_codegen"):
                    yield getattr(node, "lineno", 1), name


def runtime_is_standard_library_only(source: Source) -> Offences:
    if in_runtime(source):
        for line, name in source.imports:
            if name.split(".")[0] not in sys.stdlib_module_names | {"ragkernel"}:
                yield line, name


def generated_imports_the_leaves_alone(source: Source) -> Offences:
    if source.room == "ragkernel.generated":
        allowed = {"ragkernel.generated", "ragkernel.connections", "ragkernel.errors", "ragkernel.clock"}
        for line, name in source.imports:
            if name.split(".")[0] == "ragkernel" and room_of(name) not in allowed:
                yield line, name


def leaves_import_errors_alone(source: Source) -> Offences:
    own = source.room.removeprefix("ragkernel.")
    if in_runtime(source) and own in LEAVES:
        for line, name in source.imports:
            if name.startswith("ragkernel") and room_of(name).removeprefix("ragkernel.") not in LEAVES[own]:
                yield line, name


def imports_go_down(source: Source) -> Offences:
    if in_runtime(source) and source.room in RANKS and source.room != "ragkernel.__init__":
        for line, name in source.imports:
            room = room_of(name)
            if name.split(".")[0] != "ragkernel" or room == source.room:
                continue
            if room == "ragkernel":
                if source.room not in SURFACE_USERS:
                    yield line, f"{name}: the public surface"
            elif RANKS[room] >= RANKS[source.room]:
                yield line, f"{name}: {room} does not stand below {source.room}"


def core_knows_no_rows(source: Source) -> Offences:
    if source.room == "ragkernel.core":
        for line, name in source.imports:
            if name.startswith(("ragkernel.generated.models", "ragkernel.generated.queries")):
                yield line, name


RULES = (
    Rule(
        "known room",
        "a new room needs a place in the order of imports",
        known_room,
        (Example("ragkernel/misc.py", "x = 1"),),
    ),
    Rule(
        "no generator at run time",
        "users install the runtime without Jinja2",
        runtime_never_imports_the_generator,
        (
            in_service("import jinja2"),
            in_service("def f():\n    from codegen.ir import Table"),
            in_service("import ragkernel_codegen.pipeline"),
        ),
    ),
    Rule(
        "no runtime in the generator",
        "the generator makes the runtime's code and must run when that code is broken or missing",
        generator_never_imports_the_runtime,
        (
            Example("codegen/ir.py", "from ragkernel.errors import SqlError"),
            Example("codegen/ir.py", "import ragkernel"),
        ),
    ),
    Rule(
        "relative imports in the generator",
        "it is installed under another name than its folder's",
        generator_imports_itself_relatively,
        (Example("codegen/ir.py", "from codegen.naming import x"), Example("codegen/ir.py", "import codegen.naming")),
    ),
    Rule(
        "standard library only",
        "the runtime has no dependencies",
        runtime_is_standard_library_only,
        (in_service("import numpy"), in_service("from attrs import define"), in_service("import tests.conftest")),
    ),
    Rule(
        "generated code stands on the leaves",
        "it must be usable without the rest of the runtime",
        generated_imports_the_leaves_alone,
        (
            Example("ragkernel/generated/models.py", "from ragkernel.core.lease import ReadConnection"),
            Example("ragkernel/generated/queries/tools.py", "from ...config import SqlConfig"),
            Example("ragkernel/generated/queries/tools.py", "import ragkernel"),
        ),
    ),
    Rule(
        "leaves",
        "what everything imports imports nothing that could import it back",
        leaves_import_errors_alone,
        (
            Example("ragkernel/clock.py", "from ragkernel.connections import Reader"),
            Example("ragkernel/errors.py", "import ragkernel"),
            Example("ragkernel/config.py", "from .clock import utc_now"),
        ),
    ),
    Rule(
        "imports go down",
        "rooms that import each other cannot be read, tested or replaced one at a time",
        imports_go_down,
        (
            in_core("from ragkernel.service import SqlService"),
            in_core("from ..operations import backup"),
            in_core("from ragkernel import open"),
            Example("ragkernel/events/store.py", "from ragkernel.operations.state import note"),
            in_service("import ragkernel.cli"),
        ),
    ),
    Rule(
        "core knows no rows",
        "migrations run against yesterday's tables, so nothing below them may know today's",
        core_knows_no_rows,
        (
            in_core("from ragkernel.generated import models"),
            in_core("from ragkernel.generated.queries.settings import get"),
        ),
    ),
)
