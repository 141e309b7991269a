"""A package generated for a schema, imported, and a database in memory that holds the schema."""

from __future__ import annotations

import importlib
import inspect
import re
import sqlite3
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from codegen import output, pipeline
from codegen.render import render

from .annotations import evaluated, names_of, parameters
from .guesses import Pool, pool_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from codegen.reading.catalog import Catalog, Table

_MISSING = re.compile(r"no such (function|collation sequence): (.+)$")
_ATTEMPTS = 100  # missing functions and collations of one schema


@dataclass
class TableCode:
    """A table, view or virtual table with the module that was generated for it. `columns`: column → attribute."""

    table: Table
    module: ModuleType
    pool: Pool
    columns: dict[str, str]
    known: dict[str, dict[str, tuple[Any, bool]]] = field(default_factory=dict)

    @cached_property
    def attributes(self) -> dict[str, str]:
        """Attribute → column."""
        return {attribute: column for column, attribute in self.columns.items()}

    @cached_property
    def names(self) -> dict[str, Any]:
        return names_of(self.module)

    @cached_property
    def row_class(self) -> Any:
        """The class of its rows, as `list_all` says."""
        result = evaluated(inspect.signature(self.module.list_all).return_annotation, self.names)
        return result.__args__[0]

    @cached_property
    def row_types(self) -> dict[str, Any]:
        """The annotation of each attribute of a row."""
        names = names_of(sys.modules[self.row_class.__module__])
        return {name: evaluated(text, names) for name, text in self.row_class.__annotations__.items()}

    def has(self, name: str) -> bool:
        return hasattr(self.module, name)

    def parameters(self, name: str) -> dict[str, tuple[Any, bool]]:
        """The keyword parameters of a function of the module: the type of each, and whether it may be left out."""
        if name not in self.known:
            self.known[name] = parameters(getattr(self.module, name), self.names)
        return self.known[name]

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The attributes by which `get` finds a row, none without `get`."""
        return tuple(self.parameters("get")) if self.has("get") else ()

    def key_of(self, row: Any) -> dict[str, Any]:
        """The arguments by which `get` finds a row."""
        return {name: getattr(row, name) for name in self.key}

    def stored(self, conn: Any, row: Any) -> Any:
        """The row as it is stored now; itself where nothing can find it: a key that is NULL, or no key at all."""
        key = self.key_of(row)
        return self.module.get(conn, **key) if key and None not in key.values() else row

    @cached_property
    def form(self) -> Any:
        """The insert form, None where the module has none."""
        return self.names.get(f"New{self.row_class.__name__}")


@dataclass
class Built:
    """A generated package, imported. conn: its own WriteConnection over `raw`. missing: what the database needed and
    did not have (functions, collations)."""

    name: str
    folder: Path
    catalog: Catalog
    root: ModuleType
    raw: sqlite3.Connection
    conn: Any
    tables: dict[str, TableCode]
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def failure(self) -> Any:
        """The base of every error that generated code raises."""
        return self.root.errors.SqlError

    def close(self) -> None:
        self.raw.close()


def build(name: str, schemas: tuple[Path, ...], folder: Path) -> Built:
    """Generate `folder`/`name`, import it and build its schema in memory. Raises what any of these raises."""
    notes: list[str] = []
    source = pipeline.Source(schemas=schemas, package=name)
    with pipeline.analyse(source, lambda note: notes.append(str(note))) as analysis:
        catalog, package = analysis.catalog, analysis.package
        output.write(render(package), pipeline.package_folder(folder, name))
    root = _imported(name, folder)
    raw = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1024)
    built = Built(name, folder / name, catalog, root, raw, root.WriteConnection(raw), {}, notes)
    try:
        for statements in root.schema.DDL.values():
            for statement in statements:
                provided(built, statement)
        raw.execute("PRAGMA foreign_keys = ON")
        for module in package.modules:
            relation = catalog.relation(module.table) if module.table else None
            if relation is not None:
                columns = {one.column: one.attribute for one in module.decoders[0].fields}
                code = importlib.import_module(f"{name}.queries.{module.name}")
                built.tables[relation.name] = TableCode(relation, code, _pool(catalog, relation), columns)
        _provide_functions(built)
    except BaseException:
        raw.close()
        raise
    return built


def _imported(name: str, folder: Path) -> ModuleType:
    for known in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
        del sys.modules[known]
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        root = importlib.import_module(name)
        for path in sorted((folder / name).rglob("*.py")):
            dotted = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
            importlib.import_module(dotted)
        return root
    finally:
        sys.path.remove(str(folder))


def _pool(catalog: Catalog, table: Table) -> Pool:
    triggers = [one.sql for one in catalog.triggers if one.table.lower() == table.name.lower()]
    return pool_of([column.name for column in table.columns], table.sql, *triggers)


def provided(built: Built, sql: str) -> None:
    """Run a statement; a function or a collation that it lacks is given to the connection, as an application would."""
    for _ in range(_ATTEMPTS):
        try:
            built.raw.execute(sql)
            return
        except sqlite3.OperationalError as error:
            found = _MISSING.search(str(error))
            if found is None:
                raise
            kind, name = found.groups()
            if kind == "function":
                name = name.removesuffix("()")
                built.raw.create_function(name, -1, lambda *_: 1, deterministic=True)
            else:
                built.raw.create_collation(name, lambda left, right: (left > right) - (left < right))
            built.missing.append(f"{kind} {name}")
    raise AssertionError(f"more than {_ATTEMPTS} functions and collations are missing")


def _provide_functions(built: Built) -> None:
    """Functions of DEFAULTs, CHECKs and triggers are looked for by SQLite only when a statement needs them."""
    for table in built.catalog.tables:
        quoted = '"' + table.name.replace('"', '""') + '"'
        column = next((one for one in table.columns if not one.generated), None)
        wanted = [f"EXPLAIN INSERT INTO {quoted} DEFAULT VALUES", f"EXPLAIN DELETE FROM {quoted}"]
        if column is not None:
            name = '"' + column.name.replace('"', '""') + '"'
            wanted.append(f"EXPLAIN UPDATE {quoted} SET {name} = {name}")
        for sql in wanted:
            try:
                provided(built, sql)
            except sqlite3.Error as error:
                built.notes.append(f"{table.name}: {error}")
