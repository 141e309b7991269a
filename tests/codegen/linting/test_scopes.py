"""What a statement reads under which names, and whether it has conditions, as its tokens tell."""

from __future__ import annotations

import pytest

from codegen.linting.scopes import scopes
from codegen.reading.tokens import tokenize

WHERE, LIMIT = "where", "limit"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", [("", "")]),
        ("SELECT * FROM t", [("t", "")]),
        ('SELECT * FROM main.T AS "X y" WHERE 1 LIMIT 2', [("x y=t", "where limit")]),
        ("SELECT * FROM a, b c LEFT JOIN d ON d.x IN (1, 2) AND f(d.y, 3)", [("a c=b d", "")]),
        ("SELECT * FROM (a JOIN b USING (x)) CROSS JOIN c", [("a b c", "")]),
        ("SELECT * FROM (SELECT x FROM b WHERE x) AS s ORDER BY x, y", [("", ""), ("b", "where")]),
        ("SELECT (SELECT x FROM a LIMIT 1), y FROM b WHERE z", [("b", "where"), ("a", "limit")]),
        ("SELECT * FROM a WHERE x IN (SELECT y FROM b)", [("a", "where"), ("b", "")]),
        ("WITH c AS (SELECT * FROM a WHERE x) SELECT * FROM c", [("c", ""), ("a", "where")]),
        ("SELECT * FROM a WHERE x UNION ALL SELECT * FROM b", [("a", "where"), ("b", "")]),
        ("UPDATE t SET x = 1, y = 2 WHERE z", [("t", "where")]),
        ("UPDATE t SET x = o.x FROM other AS o WHERE o.id = t.id", [("t o=other", "where")]),
        ("DELETE FROM t AS x WHERE y", [("x=t", "where")]),
        ("INSERT INTO t (x, y) SELECT a, b FROM s WHERE c", [("s", "where")]),
        ("SELECT * FROM t INDEXED BY i WHERE x", [("t", "where")]),
        ("SELECT * FROM t -- WHERE\n", [("t", "")]),
        ("SELECT * FROM t NOT INDEXED, u WHERE x", [("t u", "where")]),
        ("UPDATE OR IGNORE t AS u SET x = 1", [("u=t", "")]),
        ("INSERT INTO t SELECT * FROM s WHERE true ON CONFLICT DO UPDATE SET x = 1", [("s", "")]),
        ("SELECT count(*) FILTER (WHERE x) FROM t", [("t", "")]),
        ("SELECT x FROM t WHERE 1 = x", [("t", "where")]),
        ("SELECT x IS DISTINCT FROM y, z FROM t", [("t", "")]),
    ],
)
def test_scopes(sql: str, expected: list[tuple[str, str]]) -> None:
    """Each SELECT has its own tables, conditions and limit; a function's arguments and a list are no tables."""
    found = [
        (
            " ".join(name if name == table else f"{name}={table}" for name, table in scope.items.items()),
            " ".join(word for word, there in ((WHERE, scope.where), (LIMIT, scope.limit)) if there),
        )
        for scope in scopes(tokenize(sql, ""))
    ]
    assert found == expected
