"""The main job: a folder of text becomes the documents and chunks of a knowledge base.

`job` reads, splits and stores; `records` keeps the base, the pipeline, the run and its events; `owner` tells whether
the process of a run is still there; `report` counts. Finding files, headings and splitting are rooms of their own:
ragkernel.sources, ragkernel.outline, ragkernel.chunking.
"""

from __future__ import annotations

from .job import check, ingest
from .report import IngestReport

__all__ = ["IngestReport", "check", "ingest"]
