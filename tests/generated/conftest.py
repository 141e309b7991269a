"""A connection with the whole schema, as the generated functions take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ragkernel.generated import schema
from tests.generated.support import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def conn() -> Iterator[Connection]:
    connection = Connection()
    for part in schema.PARTS:
        for statement in schema.DDL[part]:
            connection.raw.execute(statement)
    yield connection
    connection.close()
