"""`python -m ragkernel`, and the script `ragkernel`: the command line.

This file and ragkernel/__init__.py hold nothing that an older Python cannot parse, so that it can be told.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command; its exit code, 2 on a Python that is too old."""
    if sys.version_info < (3, 11):  # noqa: UP036
        told = "ragkernel: Python 3.11 or newer is needed; this is {}.{}, {}\n"
        sys.stderr.write(told.format(*sys.version_info[:2], sys.executable))
        return 2
    from ragkernel.cli import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())
