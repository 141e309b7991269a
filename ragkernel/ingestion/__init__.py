"""The main job: a folder of text becomes the documents and chunks of a knowledge base.

`job` reads and compares, `storing` writes the version that is built, `terms` settles sizes and names, `report` counts.
Versions and runs are the room ragkernel.knowledge; finding files, headings and splitting are ragkernel.sources,
ragkernel.outline, ragkernel.chunking.
"""

from __future__ import annotations

from .job import check, ingest
from .report import IngestReport

__all__ = ["IngestReport", "check", "ingest"]
