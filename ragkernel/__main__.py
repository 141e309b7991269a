"""`python -m ragkernel`, and the script `ragkernel`: the command line.

This file and ragkernel/__init__.py hold nothing that an older Python cannot parse, so that it can be told.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command; its exit code, 2 on a Python that is too old, 130 for a Ctrl-C before the command began."""
    if sys.version_info < (3, 11):  # noqa: UP036
        told = "ragkernel: Python 3.11 or newer is needed; this is {}.{}, {}\n"
        sys.stderr.write(told.format(*sys.version_info[:2], sys.executable))
        return 2
    try:
        from ragkernel.cli import main as command

        exit_code = command()
    except KeyboardInterrupt:  # while modules are loaded: the command itself tells of every other one
        if "--json" in sys.argv[1:] and sys.stdout is not None:
            error = '"type": "Interrupted", "message": "interrupted", "hint": "", "exit_code": 130'
            sys.stdout.write('{"error": {%s}}\n' % error)  # noqa: UP031
        elif sys.stderr is not None:
            sys.stderr.write("ragkernel: interrupted\n")
        exit_code = 130
    if exit_code == 130:
        # Where a Ctrl-C came inside of an exec, as while a named tuple is made, Python ends the process by the signal
        # although it was caught; the next exec makes it forget that.
        exec("")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
