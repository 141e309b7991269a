"""What a run of ingest has done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragkernel.sources import Skipped

SKIPPED_KEPT = 1000  # how many skipped files a report names; all are counted

_COUNTS = (
    *("files", "total_files", "added", "changed", "resumed", "unchanged", "copied", "removed", "elsewhere", "skipped"),
    *("chunks", "tokens", "size_bytes", "total_bytes", "version", "new_version"),
)
RATE_AFTER_S = 1.0  # before that the rate says nothing about what is still to come


@dataclass(slots=True)
class IngestReport:
    """What a run has done so far; when `ingest` returns it, what it did.

    files: looked at; of these added, changed (once they are stored), unchanged, skipped, and resumed: added or changed
    too, but stored by an earlier run that was interrupted. copied: documents taken over unchanged into the new version;
    removed: documents whose file is gone; elsewhere: documents of other folders, which stay. chunks, tokens: stored by
    this run. size_bytes: of the files read. total_files, total_bytes: what files and size_bytes will come to; 0 is
    unknown. seconds: since the run began. path: the file last looked at. reasons: how many files were skipped for each
    reason. skipped_files: the first SKIPPED_KEPT of them. version: the active version after the run; new_version:
    whether this run made it. pruned: how many versions were pruned.
    """

    kb_id: str
    kb_name: str
    run_id: str
    files: int = 0
    added: int = 0
    changed: int = 0
    resumed: int = 0
    unchanged: int = 0
    skipped: int = 0
    chunks: int = 0
    tokens: int = 0
    size_bytes: int = 0
    seconds: float = 0.0
    path: str = ""
    reasons: dict[str, int] = field(default_factory=dict)
    skipped_files: list[Skipped] = field(default_factory=list)
    total_files: int = 0
    total_bytes: int = 0
    copied: int = 0
    removed: int = 0
    elsewhere: int = 0
    version: int = 0
    new_version: bool = False
    pruned: int = 0

    @property
    def nothing_to_do(self) -> bool:
        """Whether the base already held every file that could be read, and no other."""
        return not (self.added or self.changed or self.resumed or self.removed or self.new_version)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the rate so far, by bytes where they are known, else by files; None while that
        cannot be said."""
        if self.total_files and self.files >= self.total_files:
            return 0.0
        done, total = (self.size_bytes, self.total_bytes) if self.total_bytes else (self.files, self.total_files)
        if self.seconds < RATE_AFTER_S or not done or not total:
            return None
        return max(0, total - done) * self.seconds / done

    @property
    def rows_per_second(self) -> float:
        """Documents and chunks stored, per second of the whole run."""
        return (self.added + self.changed + self.chunks) / self.seconds if self.seconds else 0.0

    def metrics(self) -> dict[str, Any]:
        """The counts and rates as JSON values: what the run's row keeps."""
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            "reasons": dict(self.reasons),
            "seconds": round(self.seconds, 3),
            "rows_per_second": round(self.rows_per_second, 1),
            "bytes_per_second": round(self.size_bytes / self.seconds) if self.seconds else 0,
        }

    def as_dict(self) -> dict[str, Any]:
        """The whole report as JSON values."""
        return {
            "kb_id": self.kb_id,
            "kb_name": self.kb_name,
            "run_id": self.run_id,
            "nothing_to_do": self.nothing_to_do,
            **self.metrics(),
            "pruned": self.pruned,
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left, 1),
            "skipped_files": [{"path": entry.path, "reason": entry.reason} for entry in self.skipped_files],
        }

    def skip(self, skipped: Skipped) -> None:
        """Count a file that was left out."""
        self.skipped += 1
        self.reasons[skipped.reason] = self.reasons.get(skipped.reason, 0) + 1
        if len(self.skipped_files) < SKIPPED_KEPT:
            self.skipped_files.append(skipped)
