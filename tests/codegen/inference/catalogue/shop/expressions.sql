-- expect: a int, b int, c float, d float?, e int?
SELECT id + 1 AS a, id * 2 - 3 AS b, id + 1.5 AS c, id + credit AS d, age - 1 AS e FROM customers;
-- expect: a int?, b int, c float, d float?, e int
SELECT 7 / id AS a, id / 7 AS b, id / 2.0 AS c, id / credit AS d, id % 10 AS e FROM customers;
-- expect: a str, b str?, c str
SELECT name || '!' AS a, name || email AS b, id || '' AS c FROM customers;
-- expect: a int, b int?, c int, d int
SELECT id > 3 AS a, age = 3 AS b, age IS NULL AS c, age IS 3 AS d FROM customers;
-- expect: a int, b int?, c int, d int?
SELECT name LIKE 'a%' AS a, email LIKE 'a%' AS b, id IN (1, 2) AS c, age IN (1, 2) AS d FROM customers;
-- expect: a int, b int?, c int, d int
SELECT NOT active AS a, age AND active AS b, EXISTS (SELECT 1 FROM orders) AS c, id BETWEEN 1 AND 3 AS d FROM customers;
-- expect: a int, b float, c str, d bytes?, e int?
SELECT CAST(name AS INTEGER) AS a, CAST(name AS REAL) AS b, CAST(id AS TEXT) AS c, CAST(email AS BLOB) AS d, CAST(credit AS INT) AS e FROM customers;
-- expect: a str, b str?, c int, d int?
SELECT upper(name) AS a, trim(email) AS b, length(name) AS c, instr(email, 'x') AS d FROM customers;
-- expect: a int, b int?, c float?, d float, e float?
SELECT abs(id) AS a, abs(age) AS b, abs(credit) AS c, round(id) AS d, round(credit, 1) AS e FROM customers;
-- expect: a str, b str?, c str, d str
SELECT substr(name, 1, 3) AS a, substr(email, 2) AS b, replace(name, 'a', 'b') AS c, printf('%05d', id) AS d FROM customers;
-- expect: a str, b str, c str
SELECT typeof(age) AS a, hex(email) AS b, quote(credit) AS c FROM customers;
-- expect: a str, b str, c str?, d number, e {basic|gold}
SELECT coalesce(email, name) AS a, ifnull(email, 'x') AS b, coalesce(email, NULL) AS c, coalesce(credit, age, 0) AS d, coalesce(tier, 'none') AS e FROM customers;
-- expect: a str?, b int?, c {basic|gold}?
SELECT nullif(name, '') AS a, nullif(id, 0) AS b, nullif(tier, 'basic') AS c FROM customers;
-- expect: a int, b int?, c str
SELECT max(id, 3) AS a, min(age, 3) AS b, max(name, 'x') AS c FROM customers;
-- expect: a str, b str, c str, d float, e int
SELECT CURRENT_TIMESTAMP AS a, date('now') AS b, datetime('now', '-1 day', 'start of month') AS c, julianday('now') AS d, unixepoch('now') AS e;
-- expect: a str?, b str?, c int?
-- params: shift str
SELECT date(joined_at) AS a, datetime('now', :shift) AS b, unixepoch(left_at) AS c FROM customers;
-- expect: a str, b str?
SELECT strftime('%Y-%m', 'now') AS a, strftime('%Y', joined_at) AS b FROM customers;
-- expect: a int, b float, c str, d bytes, e null, f int
SELECT 1 AS a, 1.5 AS b, 'x' AS c, x'00' AS d, NULL AS e, TRUE AS f;
-- expect: a int, b int, c int, d str
SELECT random() AS a, changes() AS b, last_insert_rowid() AS c, sqlite_version() AS d;
-- expect: a int?, b int
SELECT -age AS a, ~id AS b FROM customers;
-- expect: a float?, b float?
SELECT -credit AS a, +credit AS b FROM customers;
-- expect: a int, b int?
SELECT id << 2 AS a, age & 1 AS b FROM customers;
-- expect: a int?, b str, c str?
SELECT unicode(name) AS a, char(65) AS b, nullif(email, 'x') || 'y' AS c FROM customers;
-- expect: a float?, b float, c float?, d int
SELECT sqrt(credit) AS a, exp(id) AS b, ln(id) AS c, ceil(id) AS d FROM customers;
-- expect: title str?
SELECT (SELECT title FROM products WHERE price > 3) AS title;
-- expect: title str
SELECT coalesce((SELECT title FROM products WHERE price > 3), 'none') AS title;
-- expect: n int, s float?
SELECT (SELECT count(*) FROM lines) AS n, (SELECT sum(price) FROM products) AS s;
-- expect: n int?
SELECT (SELECT count(*) FROM lines GROUP BY sku) AS n;
-- expect: n int?
SELECT (SELECT count(*) FROM lines LIMIT 0) AS n;
-- expect: n int
SELECT (SELECT count(*) FROM lines LIMIT 1) AS n;
-- expect: one int
SELECT (SELECT 1) AS one;
-- expect: one int?
SELECT (SELECT 1 WHERE 0) AS one;
-- expect: a json_scalar?, b json_scalar?, c str?, d str?, e int?
SELECT json_extract(attributes, '$.a') AS a, attributes ->> '$.b' AS b, attributes -> '$.c' AS c, json_type(attributes, '$.d') AS d, json_array_length(attributes) AS e FROM products;
-- expect: a str, b str, c str, d str?
SELECT json_object('t', title, 'w', weight) AS a, json_array(1, NULL) AS b, json_quote(weight) AS c, json_set(attributes, '$.x', 1) AS d FROM products;
-- expect: a str?
SELECT json(attributes) AS a FROM products;
-- expect: photo bytes?, n int?, h str
SELECT photo, length(photo) AS n, hex(photo) AS h FROM products;
-- expect: id int, total float
SELECT id, CAST(id AS REAL) * 1.5 AS total FROM orders;
-- expect: day str?
SELECT substr(datetime(placed_at), 1, 10) AS day FROM orders;
-- expect: a bool, b {open|paid|sent}
SELECT c.active AS a, o.state AS b FROM orders AS o JOIN customers AS c ON c.id = o.customer_id;
-- expect: count(*) int
SELECT count(*) FROM orders;
-- expect: id + 1 int
SELECT id + 1 FROM orders;
-- expect: column1 int, column2 str?
VALUES (1, 'a'), (2, NULL);
-- expect: column1 number
VALUES (1), (2.5);
-- expect: x int
SELECT not_a_column AS x FROM (SELECT 1 AS not_a_column);
-- expect: a int?, b int
SELECT id IN (SELECT age FROM customers) AS a, id IN (SELECT id FROM orders) AS b FROM customers;
-- expect: a int?
SELECT age IN (SELECT id FROM orders) AS a FROM customers;
