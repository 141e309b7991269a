"""The project's files as the rules see them: text, syntax tree, what a module imports, the strings it holds."""

from __future__ import annotations

import ast
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("ragkernel", "codegen", "tests", "bench")


class Source:
    """One Python file. `path` is relative to the project; line numbers count from 1."""

    def __init__(self, path: str, text: str) -> None:
        self.path = PurePosixPath(path)
        self.text = text

    def __repr__(self) -> str:
        return str(self.path)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree; raises SyntaxError for a file that is no Python."""
        return ast.parse(self.text, str(self.path))

    @property
    def package(self) -> tuple[str, ...]:
        """The package that the module's relative imports count from."""
        return self.path.parts[:-1]

    @property
    def room(self) -> str:
        """The part of the house that the file belongs to: `ragkernel.core`, `ragkernel.errors`, `codegen`."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:2]) if parts[0] == "ragkernel" else parts[0]

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree."""
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> list[tuple[int, str]]:
        """(line, dotted name) of everything imported anywhere in the file, also inside functions and for types alone.

        `from a import b` counts as `a.b`; relative imports are resolved.
        """
        found: list[tuple[int, str]] = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(node.lineno, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = list(self.package[: len(self.package) - node.level + 1]) if node.level else []
                base += node.module.split(".") if node.module else []
                found += [(node.lineno, ".".join([*base, alias.name])) for alias in node.names]
        return found

    @cached_property
    def strings(self) -> list[tuple[int, str]]:
        """(line, text) of every string but docstrings; the expressions inside an f-string read as `{}`."""
        docstrings, parts = set(), set()
        for node in self.nodes:
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                # Texts that stand alone: the docstring, and those below attributes.
                docstrings |= {id(line.value) for line in node.body if isinstance(line, ast.Expr)}
            elif isinstance(node, ast.JoinedStr):
                parts |= {id(part) for part in node.values}
        found = []
        for node in self.nodes:
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
                found.append((node.lineno, text))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | parts:
                found.append((node.lineno, node.value))
        return found


def sources() -> Iterator[Source]:
    """Every Python file of the project, in order of path."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def texts() -> Iterator[tuple[str, str]]:
    """(path, text) of the project's other files that people write."""
    patterns = ("*.sql", "*.md", "*.toml", "Makefile", ".ci/*", "ragkernel/sql/**/*.sql", "codegen/templates/**/*.j2")
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
