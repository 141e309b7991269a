"""Which names a knowledge base can have."""

from __future__ import annotations

import re

from ragkernel.errors import ConfigurationError

_NAME_CHARS = 200
_LIKE_A_VERSION = re.compile(r"@\d+\Z")


def check_name(name: str, operation: str) -> None:
    """Refuse a name that cannot stand in a line of text, or that would be read as NAME@VERSION.

    operation: what was to be done, for the error. Raises ConfigurationError.
    """
    if type(name) is not str or not name.strip() or len(name) > _NAME_CHARS or not name.isprintable():
        raise ConfigurationError(
            f"the name of a knowledge base is 1 to {_NAME_CHARS} printable characters",
            operation=operation,
            hint="for example handbook",
        )
    if _LIKE_A_VERSION.search(name):
        raise ConfigurationError(
            "the name of a knowledge base does not end in @ and digits, because that means a version",
            operation=operation,
            hint="for example handbook-2 instead of handbook@2",
        )
