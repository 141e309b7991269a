"""The command `ragkernel`: what the library does, from a terminal or a script.

`parser` says what can be typed, `run` settles the configuration and turns every end into an exit code, the commands
stand in `tasks` (they change something) and `questions` (they only read), `output` prints. None has logic of its own.
"""

from __future__ import annotations

from .run import main

__all__ = ["main"]
