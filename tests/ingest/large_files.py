"""Large files pass through flat memory: `python -m tests.ingest.large_files [MEGABYTES]`, 500 unless told otherwise.

Makes a file of each shape in a temporary folder, reads and splits it, and prints how far the memory in use grew beyond
what it was before, as Linux counts it. Exit code 1 where that is more than LIMIT_MIB.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from ragkernel.chunking import split
from ragkernel.sources import SourceFile, SourceText, read

LIMIT_MIB = 64.0
BLOCK_BYTES = 10**6
SHAPES = {
    "lines": (b"Some words in one of a great many lines.\n" * 500 + b"\n# A heading\n\n") * 48,
    "one line": b"word " * 200_000,
    "white space": b" " * BLOCK_BYTES,
    "one word": b"a" * BLOCK_BYTES,
}


def peak_mib() -> float:
    """The most memory that this process has had in use."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def grown_by(path: Path, block: bytes, megabytes: int) -> float:
    """Write blocks to `path`, read and split it, and return how many MiB that took."""
    with path.open("wb") as stream:
        for _ in range(megabytes * BLOCK_BYTES // len(block) + 1):
            stream.write(block)
        stream.write(b"\nend\n")
    before = peak_mib()
    source = read(SourceFile(path.name, str(path), path.stat().st_size), lambda facts: False)
    assert isinstance(source, SourceText), source
    assert source.large
    last = ""
    for chunk in split(source.pieces(), language=source.language):
        last = chunk.content
    assert last.endswith("end"), "the text was not read to its end"
    path.unlink()
    return peak_mib() - before


def main(megabytes: int, limit_mib: float = LIMIT_MIB) -> int:
    """Run every shape; the exit code."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for shape, block in SHAPES.items():
            begun = time.monotonic()
            grown = grown_by(Path(folder) / "large.md", block, megabytes)
            worst = max(worst, grown)
            print(f"{shape}: {megabytes} MB in {time.monotonic() - begun:.1f} s, grown by {grown:.1f} MiB", flush=True)
    return int(worst > limit_mib)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
