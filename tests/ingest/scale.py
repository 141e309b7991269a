"""Ingest at scale: `python -m tests.ingest.scale [FILES] [MEGABYTES]`, 100,000 small files and a file of 500 MB.

Each is ingested into a database of its own, changed a little, and ingested again, twice: a new version, then nothing to
do. Prints what each run took, how far the memory in use had grown at its peak, and the largest -wal file. Exit code 1
where the memory grew by more than LIMIT_MIB and KIB_A_FILE for each file, or the -wal file above its limit.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import ragkernel

from .large_files import SHAPES, peak_mib

if TYPE_CHECKING:
    from ragkernel import IngestReport, SqlConfig

LIMIT_MIB = 128.0  # two page caches of 64000 KiB among them
KIB_A_FILE = 1.0  # what is remembered of each document of the version that is compared with
LOOK_EVERY = 100


def run(config: SqlConfig, folder: Path) -> tuple[IngestReport, int]:
    """Ingest a folder; the report, and the most bytes that the -wal file had."""
    wal = Path(f"{config.app_db_path}-wal")
    most = 0

    def look(report: IngestReport) -> None:
        nonlocal most
        if report.files % LOOK_EVERY == 0 or report.total_files < LOOK_EVERY:
            most = max(most, wal.stat().st_size)

    with ragkernel.open(config) as service:
        report = ragkernel.ingest(service, folder, kb="scale", progress=look)
        return report, max(most, wal.stat().st_size)


def small_files(folder: Path, count: int) -> None:
    """Write so many small files, 1000 in each folder."""
    for number in range(count):
        path = folder / f"{number // 1000:04}" / f"{number:07}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# File {number}\n\nSome words of number {number}.\n\n## More\n\nOther words.\n")


def large_file(folder: Path, megabytes: int) -> None:
    """Write one file of so many megabytes."""
    block = SHAPES["lines"]
    with (folder / "large.md").open("wb") as stream:
        for _ in range(megabytes * 10**6 // len(block) + 1):
            stream.write(block)


def measure(name: str, place: Path, texts: Path) -> bool:
    """Three runs over a folder, printed; whether they kept within the limits."""
    config = ragkernel.SqlConfig.single(place / "app_meta.db", mmap_size=0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew (proc(5))
    before = peak_mib()
    well = True
    for state in ("new", "one file more", "unchanged"):
        report, wal = run(config, texts)
        grown = peak_mib() - before
        well &= wal <= config.journal_size_limit and grown <= LIMIT_MIB + report.files * KIB_A_FILE / 1024
        well &= report.nothing_to_do == (state == "unchanged")
        print(
            f"{name}, {state}: {report.files} files, {report.chunks} chunks stored, {report.copied} documents copied,"
            f" {report.seconds:.1f} s; memory +{grown:.0f} MiB, -wal {wal / 2**20:.0f} MiB",
            flush=True,
        )
        (texts / "more.md").write_text("# More\n")
    return well


def main(files: int, megabytes: int) -> int:
    """Measure both; the exit code."""
    well = True
    for name in ("small files", "large file"):
        with tempfile.TemporaryDirectory() as folder:
            texts = Path(folder) / "texts"
            texts.mkdir()
            if name == "small files":
                small_files(texts, files)
            else:
                large_file(texts, megabytes)
            well &= measure(name, Path(folder), texts)
    return int(not well)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*(given + [100_000, 500][len(given) :])))
