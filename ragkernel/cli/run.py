"""From the words of a command line to an exit code: 0 ok, 1 failed, 2 wrong usage or configuration, 130 interrupted."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import ragkernel
from ragkernel.errors import ConfigurationError, NotFound, SqlError

from . import output
from .parser import UsageError, build

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

OK, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. arguments: sys.argv without the program's name where None.

    Prints to standard output and standard error and never raises: every error is one line, or one JSON document.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in words
    if sys.stdout is None:  # `>&-`: nothing is begun whose result nobody can read
        output.complain("ragkernel: standard output is closed Hint: to print nothing, redirect it to /dev/null")
        return FAILED
    try:
        return _run(words)
    except BrokenPipeError:  # the reader of our output has left (`| head`)
        _forget_output()
        return OK
    except KeyboardInterrupt as error:
        told = str(error) or "interrupted"
        return _end(as_json, INTERRUPTED, {"type": "Interrupted", "message": told, "hint": ""}, told)
    except SqlError as error:
        wrong = isinstance(error, ConfigurationError | NotFound)
        facts = {name: getattr(error, name) for name in ("message", "operation", "path", "code", "code_name", "hint")}
        return _end(as_json, WRONG if wrong else FAILED, {"type": type(error).__name__, **facts}, str(error))
    except UsageError as error:
        facts = {"type": "UsageError", "message": error.message, "hint": error.hint}
        return _end(as_json, WRONG, facts, f"{error.message} Hint: {error.hint}")
    except OSError as error:
        told = f"{error.strerror or type(error).__name__}: {error.filename or 'standard output'}"
        if error.filename is None:  # what is left in its buffer would fail again at exit
            _forget_output()
            output.complain(f"ragkernel: {told}")
            return FAILED
        return _end(as_json, FAILED, {"type": type(error).__name__, "message": told, "hint": ""}, told)
    except Exception as error:
        told = f"internal error: {type(error).__name__} at {_place(error)}"
        hint = "this is a bug in ragkernel; please report this line"
        return _end(as_json, FAILED, {"type": "InternalError", "message": told, "hint": hint}, f"{told} Hint: {hint}")


def _run(words: list[str]) -> int:
    parser = build()
    try:
        args = parser.parse_args(words)
    except SystemExit as end:  # --help was printed
        sys.stdout.flush()
        return int(end.code or OK)
    if args.version:
        outcome = _version()
    elif args.command is None:
        raise UsageError("which command?", "ragkernel --help lists them")
    else:
        outcome = _command(args.command)(args)
    output.emit(outcome, as_json=getattr(args, "json", False))
    return outcome.exit_code


def _command(name: str) -> Callable[[argparse.Namespace], output.Outcome]:
    """The function behind a command; its modules are imported when one is run, so that --help is quick."""
    from . import bases, lists, questions, tasks

    commands = {
        "ingest": tasks.ingest,
        "migrate": tasks.migrate,
        "backup": tasks.backup,
        "restore": tasks.restore,
        "info": questions.info,
        "status": questions.status,
        "health": questions.health,
        "show": questions.show,
        "list": lists.list_rows,
        "kb": bases.kb,
    }
    return commands[name]


def _version() -> output.Outcome:
    import platform
    import sqlite3

    data = {"ragkernel": ragkernel.__version__, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    return output.Outcome(data, f"ragkernel {data['ragkernel']} (Python {data['python']}, SQLite {data['sqlite']})")


def _end(as_json: bool, exit_code: int, error: dict[str, Any], line: str) -> int:
    """Tell of an error and give its exit code."""
    try:
        if as_json:
            output.print_json({"error": {**error, "exit_code": exit_code}})
        else:
            output.complain(f"ragkernel: {line}")
    except BrokenPipeError:
        _forget_output()
    return exit_code


def _forget_output() -> None:
    """Let the interpreter's own flush at exit go nowhere instead of into the closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _place(error: BaseException) -> str:
    """Where an unexpected error was raised, without the text of the line."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "an unknown place"
