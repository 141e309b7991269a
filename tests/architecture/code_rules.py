"""What may stand where, each rule with its reason and with a source text that breaks it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from .rule import Example, Rule, in_core, in_runtime, in_service

if TYPE_CHECKING:
    from .rule import Offences
    from .sources import Source


def connect_stands_in_one_file(source: Source) -> Offences:
    if in_runtime(source) and str(source.path) != "ragkernel/core/connection.py":
        for node in source.nodes:
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("sqlite3.connect", "sqlite3.dbapi2"):
                yield node.lineno, ast.unparse(node)
        for line, name in source.imports:
            if name.startswith(("sqlite3.connect", "sqlite3.dbapi2")):
                yield line, name


TRANSACTION = re.compile(
    r"\s*(BEGIN|COMMIT|END TRANSACTION|ROLLBACK|(?i:BEGIN\s+(IMMEDIATE|DEFERRED|EXCLUSIVE|TRANSACTION))"
    r"|(?i:ROLLBACK\s+TO\b)[^;]*|(SAVEPOINT|RELEASE)\s+[^;]+)\s*;?\s*"
)


def transactions_stand_in_core(source: Source) -> Offences:
    if in_runtime(source) and source.room != "ragkernel.core":
        for line, text in source.strings:
            if TRANSACTION.fullmatch(text):
                yield line, text


PRAGMA = re.compile(r"\s*PRAGMA\s+(\w+\s*\.\s*)?[\w{]|.*\bpragma_\w+\s*(\(|$)", re.IGNORECASE | re.DOTALL)


def pragmas_stand_in_one_file(source: Source) -> Offences:
    if in_runtime(source) and str(source.path) != "ragkernel/core/pragmas.py":
        for line, text in source.strings:
            if PRAGMA.match(text):
                yield line, text


SQL = re.compile(
    r"\s*(SELECT\s|VACUUM\b|REINDEX\b|ANALYZE\b|EXPLAIN\s|(?i:select\s.*\sfrom\s|insert\s+(or\s+\w+\s+)?into\s"
    r"|replace\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s*\("
    r"|(create|drop|alter)\s+(temp\w*\s+|unique\s+|virtual\s+)?(table|index|view|trigger)\s|attach\s.*\sas\s))",
    re.DOTALL,
)
SQL_ROOMS = ("ragkernel.core", "ragkernel.generated", "ragkernel.__init__")


def sql_stands_below_the_services(source: Source) -> Offences:
    if in_runtime(source) and source.room not in SQL_ROOMS:
        for line, text in source.strings:
            if SQL.match(text):
                yield line, text


BANNED_NAMES = {
    "executescript": "commits first",
    "set_trace_callback": "its texts hold bound values",
    "register_adapter": "changes every connection of the process",
    "register_converter": "changes every connection of the process",
}
BANNED_KEYWORDS = {
    "detect_types": "its converters crash on aware datetimes",
    "autocommit": "begins a transaction at connect",
}


def banned_parts_of_sqlite3(source: Source) -> Offences:
    if not in_runtime(source):
        return
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and node.attr in BANNED_NAMES:
            yield node.lineno, f"{node.attr}: {BANNED_NAMES[node.attr]}"
        elif isinstance(node, ast.keyword) and node.arg in BANNED_KEYWORDS:
            yield node.lineno, f"{node.arg}: {BANNED_KEYWORDS[node.arg]}"
        elif isinstance(node, ast.Call) and ast.unparse(node).endswith(".commit()"):  # the writer's own takes a timeout
            yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.withitem):
            name = ast.unparse(node.context_expr)
            if re.fullmatch(r"(.*[._])?(conn|connection|raw)", name):
                yield node.context_expr.lineno, f"with {name}"
    for line, name in source.imports:
        if name.rpartition(".")[2] in BANNED_NAMES and name.startswith("sqlite3"):
            yield line, name


def no_call_at_import(source: Source) -> Offences:
    if in_runtime(source) and source.path.name != "__main__.py":
        for node in source.tree.body:
            if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
                yield node.lineno, ast.unparse(node)


LONGEST_FILE, LONGEST_FUNCTION = 450, 70


def files_and_functions_stay_short(source: Source) -> Offences:
    if source.room == "ragkernel.generated":
        return
    lines = source.text.count("\n")
    if lines > LONGEST_FILE:
        yield lines, f"{lines} lines, {LONGEST_FILE} are allowed"
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield node.lineno, f"{node.name}: {length} lines, {LONGEST_FUNCTION} are allowed"


def tests_never_sleep(source: Source) -> Offences:
    if source.path.parts[0] != "tests" or "architecture" in source.path.parts:
        return
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("time.sleep", "asyncio.sleep"):
            yield node.lineno, ast.unparse(node)
    for line, name in source.imports:
        if name == "time.sleep":
            yield line, name
    for line, text in source.strings:
        if "time.sleep(" in text:
            yield line, "time.sleep in the program of a child"


# Put together here, so that this file does not break its own rule.
WORDS = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
UNFINISHED = re.compile(rf"\b({'|'.join(WORDS)})\b")


def unfinished(text: str) -> Offences:
    for number, line in enumerate(text.splitlines(), 1):
        if UNFINISHED.search(line):
            yield number, line.strip()


def nothing_is_left_for_later(source: Source) -> Offences:
    yield from unfinished(source.text)


def every_module_says_what_it_is(source: Source) -> Offences:
    if source.text.strip() and not ast.get_docstring(source.tree):
        yield 1, "no docstring"


def every_test_states_its_rule(source: Source) -> Offences:
    if source.path.parts[0] == "tests":
        for node in source.nodes:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node):
                yield node.lineno, node.name


RULES = (
    Rule(
        "one place that connects",
        "only there is a connection given its settings and read back",
        connect_stands_in_one_file,
        (in_service("import sqlite3\nc = sqlite3.connect('a')"), in_core("from sqlite3 import connect")),
    ),
    Rule(
        "transactions in core",
        "only the writer knows whether a transaction is open, doomed or somebody else's",
        transactions_stand_in_core,
        (
            in_service("conn.execute('BEGIN IMMEDIATE')"),
            in_service("x = 'begin immediate;'"),
            in_service("x = 'COMMIT'"),
            Example("ragkernel/generated/queries/tools.py", "x = f'SAVEPOINT {name}'"),
            in_service("x = 'rollback to s'"),
        ),
    ),
    Rule(
        "PRAGMAs in one file",
        "a misspelt PRAGMA is silently without effect: each is set and read back in one place",
        pragmas_stand_in_one_file,
        (
            in_core("x = 'PRAGMA synchronous = FULL'"),
            in_core("x = f'pragma {name}'"),
            in_service("x = 'SELECT * FROM pragma_table_info(?)'"),
        ),
    ),
    Rule(
        "no SQL above the generated code",
        "the kernel's own statements are named queries like any user's, so another dialect is another back end",
        sql_stands_below_the_services,
        (
            in_service("x = 'SELECT 1'"),
            in_service("x = f'delete from {table}'"),
            Example("ragkernel/operations/health.py", "x = 'UPDATE t SET a = 1'"),
            Example("ragkernel/ingest.py", "x = '''\n WITH a AS (SELECT 1) SELECT * FROM a'''"),
            Example("ragkernel/cli.py", "x = 'VACUUM'"),
        ),
    ),
    Rule(
        "banned parts of sqlite3",
        "each of them does something behind the kernel's back",
        banned_parts_of_sqlite3,
        (
            in_core("conn.executescript('x')"),
            in_core("sqlite3.connect(p, detect_types=1)"),
            in_core("sqlite3.connect(p, autocommit=False)"),
            in_core("conn.set_trace_callback(print)"),
            in_core("conn.commit()"),
            in_core("with conn:\n    pass"),
            in_core("with self._raw:\n    pass"),
            in_core("sqlite3.register_adapter(int, str)"),
            in_core("from sqlite3 import register_converter"),
        ),
    ),
    Rule(
        "no side effects at import",
        "importing the library must do nothing but define things",
        no_call_at_import,
        (in_service("print('hello')"), in_service("import os\nos.register_at_fork(before=f)")),
    ),
    Rule(
        "short files and functions",
        "one concept a file, one step a function",
        files_and_functions_stay_short,
        (
            in_service("x = 1\n" * (LONGEST_FILE + 1)),
            Example("tests/test_a.py", "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION),
        ),
    ),
    Rule(
        "tests never sleep",
        "a sleep is too short on a busy machine and too long on every other: use barriers, events, conditions",
        tests_never_sleep,
        (
            Example("tests/core/test_a.py", "import time\ntime.sleep(1)"),
            Example("tests/core/test_a.py", "from time import sleep"),
            Example("tests/core/test_a.py", "child = 'import time; time.sleep(9)'"),
        ),
    ),
    Rule(
        "nothing is left for later",
        "an unfinished place belongs into an issue, where somebody finds it",
        nothing_is_left_for_later,
        (in_service(f"# {WORDS[0]}: finish"), Example("codegen/ir.py", f"x = 1  # {WORDS[1]}")),
    ),
    Rule(
        "modules say what they are",
        "a reader starts at the first line",
        every_module_says_what_it_is,
        (in_service("x = 1"),),
    ),
    Rule(
        "tests state their rule",
        "a test that fails must say what is no longer true",
        every_test_states_its_rule,
        (Example("tests/test_a.py", '"""a"""\ndef test_a() -> None:\n    assert True'),),
    ),
)
