-- expect: a scalar?, b number, c number?, d str?, e str, f float?, g int?
SELECT * FROM loose;
-- expect: id int, n int, r float?, t str, b bytes?, x scalar?
SELECT * FROM tight;
-- expect: k str?, v {1|2|3}?, w str?
SELECT * FROM keyed;
-- expect: select int, two words str?, quo"te float, from int?
SELECT * FROM "odd table";
-- expect: id int, d str?, t str, ts datetime, flag bool?
SELECT * FROM times;
-- expect: s int, w str?, f int?
SELECT "select" AS s, "two words" AS w, [from] AS f FROM "odd table" WHERE "odd table"."quo""te" > 1;
-- expect: w str
SELECT `two words` AS w FROM "odd table" WHERE "Two Words" IS NOT NULL;
-- expect: s str
SELECT 'literal' AS s FROM loose;
-- expect: x scalar?, y number, z number?
SELECT max(a) AS x, max(b) AS y, sum(c) AS z FROM loose GROUP BY d;
-- expect: x number?, y float?, z int?
SELECT sum(a) AS x, avg(a) AS y, count(a) + g AS z FROM loose GROUP BY g;
-- expect: x number?, y number, z number?
SELECT a + 1 AS x, b * 2 AS y, c / 2 AS z FROM loose;
-- expect: x scalar?, y scalar
SELECT coalesce(a, c) AS x, coalesce(a, b) AS y FROM loose;
-- expect: x str?, y str?, z int?
SELECT lower(a) AS x, a || '' AS y, length(a) AS z FROM loose;
-- expect: x int?, y number, z number?
SELECT CAST(a AS INTEGER) AS x, CAST(e AS NUMERIC) AS y, CAST(a AS DECIMAL) AS z FROM loose;
-- expect: x int, y int?
SELECT CAST(b AS BIGINT) AS x, CAST(c AS INT) AS y FROM loose;
-- expect: k str
-- params: k str
SELECT k FROM keyed WHERE k = :k;
-- expect: v {1|2|3}
-- params: v {1|2|3}
SELECT v FROM keyed WHERE v = :v;
-- expect: v {1|2|3}?
SELECT v FROM keyed UNION ALL SELECT v FROM keyed;
-- expect: v int?
SELECT v + 1 AS v FROM keyed;
-- expect: v int
SELECT coalesce(v, 9) AS v FROM keyed;
-- expect: w str
SELECT w FROM keyed WHERE w LIKE 'a%';
-- expect: rowid int, k str?
SELECT rowid, k FROM keyed;
-- expect: rowid int, r int
SELECT oid, _rowid_ AS r FROM loose;
-- expect: n int?
SELECT min(n) AS n FROM tight;
-- expect: r float?, x scalar?
SELECT max(r) AS r, max(x) AS x FROM tight;
-- expect: ts datetime?, last datetime
SELECT nullif(ts, t) AS ts, max(ts) OVER () AS last FROM times;
-- expect: ts datetime
SELECT ts FROM times UNION SELECT ts FROM times;
-- expect: flag bool
SELECT flag FROM times WHERE flag;
-- expect: flag int
SELECT coalesce(flag, 0) AS flag FROM times;
-- expect: day str?
SELECT max(d) AS day FROM times;
-- expect: f float, g int
SELECT f, g FROM loose WHERE f IS NOT NULL AND g > 0;
-- expect: x bytes?
SELECT b AS x FROM tight UNION ALL SELECT b FROM tight;
-- expect: x scalar?
SELECT b AS x FROM tight UNION ALL SELECT t FROM tight;
-- expect: x bytes?, y str
SELECT substr(b, 1, 2) AS x, substr(t, 1, 2) AS y FROM tight;
-- expect: x bytes, y bytes
SELECT zeroblob(3) AS x, randomblob(4) AS y;
-- expect:
-- params: a scalar?, b number, c number?, d str?, e str, f float?, g int?
INSERT INTO loose VALUES (:a, :b, :c, :d, :e, :f, :g);
-- expect:
-- params: id int, n int, r float?, t str, b bytes?, x scalar?
INSERT OR REPLACE INTO tight (id, n, r, t, b, x) VALUES (:id, :n, :r, :t, :b, :x);
-- expect: k str?, w str?
-- params: k str?, v {1|2|3}?
INSERT INTO keyed VALUES (:k, :v) RETURNING k, w;
-- expect:
-- params: from int?, select int
UPDATE "odd table" SET "from" = :from WHERE "select" = :select;
-- expect: id int
INSERT INTO times (t, ts) VALUES ('', CURRENT_TIMESTAMP) RETURNING id;
-- expect: t str, ts datetime, d str?
-- params: flag bool?, id int
UPDATE times SET flag = :flag WHERE id = :id RETURNING t, ts, d;
-- expect: id int
-- params: since datetime, flag bool
SELECT id FROM times WHERE ts >= :since AND flag = :flag;
-- expect: id int
-- params: since datetime, until datetime
SELECT id FROM times WHERE ts BETWEEN :since AND :until;
-- expect: x int, y str?
SELECT t.n AS x, k.k AS y FROM tight AS t LEFT JOIN keyed AS k ON k.v = t.n;
-- expect: x int, y str
SELECT t.n AS x, k.k AS y FROM tight AS t LEFT JOIN keyed AS k ON k.v = t.n WHERE k.k > '';
-- expect: x int, y str?
SELECT t.n AS x, k.k AS y FROM tight AS t LEFT JOIN keyed AS k ON k.v = t.n WHERE k.v > 0;
-- expect: d str?
SELECT d FROM loose WHERE d NOT LIKE a;
-- expect: d str
SELECT d FROM loose WHERE d NOT LIKE e;
-- expect: id int, d str?
SELECT t.id, t.d FROM times AS t JOIN keyed AS k ON t.id = 1 AND EXISTS (SELECT 1 FROM json_each(k.w) AS j WHERE j.value = t.t);
-- expect: x bytes?
SELECT substr(b, 1) AS x FROM tight WHERE b IS NOT NULL;
