-- expect: n int
SELECT count(*) AS n FROM customers;
-- expect: n int, m int
SELECT count(email) AS n, count(DISTINCT age) AS m FROM customers;
-- expect: a int?, b float?, c float, d float?
SELECT sum(age) AS a, sum(credit) AS b, total(credit) AS c, avg(age) AS d FROM customers;
-- expect: a str?, b int?, c datetime?, d {basic|gold}?, e bool?
SELECT max(name) AS a, min(id) AS b, max(joined_at) AS c, min(tier) AS d, max(active) AS e FROM customers;
-- expect: a str?, b str?
SELECT group_concat(name) AS a, group_concat(name, '; ') AS b FROM customers;
-- expect: a str, b str
SELECT json_group_array(name) AS a, json_group_object(id, name) AS b FROM customers;
-- expect: tier {basic|gold}, n int, oldest int?, first str, mean float?
SELECT tier, count(*) AS n, max(age) AS oldest, min(name) AS first, avg(age) AS mean FROM customers GROUP BY tier;
-- expect: customer_id int, last datetime, names str, mean float, added int
SELECT customer_id, max(placed_at) AS last, group_concat(state) AS names, avg(id) AS mean, sum(id) AS added FROM orders GROUP BY customer_id;
-- expect: a int?, b int, c float
SELECT sum(id) FILTER (WHERE state = 'open') AS a, count(*) FILTER (WHERE state = 'open') AS b, total(id) FILTER (WHERE note IS NULL) AS c FROM orders GROUP BY customer_id;
-- expect: name str?, n int
SELECT name, count(*) AS n FROM customers;
-- expect: name str, n int
SELECT name, count(*) AS n FROM customers GROUP BY id;
-- expect: total number
SELECT coalesce(sum(credit), 0) AS total FROM customers;
-- expect: total float
SELECT coalesce(sum(credit), 0.0) AS total FROM customers;
-- expect: total int
SELECT coalesce(sum(quantity), 0) AS total FROM lines;
-- expect: total float?
SELECT sum(l.quantity * p.price) AS total FROM lines AS l JOIN products AS p ON p.sku = l.sku;
-- expect: order_id int, total float
SELECT l.order_id, sum(l.quantity * p.price) AS total FROM lines AS l JOIN products AS p ON p.sku = l.sku GROUP BY l.order_id;
-- expect: order_id int, total float?
SELECT l.order_id, sum(l.quantity * p.price) AS total FROM lines AS l LEFT JOIN products AS p ON p.sku = l.sku GROUP BY l.order_id;
-- expect: customer_id int, n int
-- params: least int
SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id HAVING count(*) >= :least;
-- expect: age int?, n int
SELECT age, count(*) AS n FROM customers GROUP BY age;
-- expect: age int, n int
SELECT age, count(*) AS n FROM customers WHERE age IS NOT NULL GROUP BY age;
-- expect: age int, n int
SELECT age, count(*) AS n FROM customers GROUP BY age HAVING age > 3;
-- expect: best int
SELECT max(age) AS best FROM customers GROUP BY tier HAVING max(age) IS NOT NULL;
-- expect: oldest int
SELECT max(age) AS oldest FROM customers WHERE age > 1 GROUP BY tier;
-- expect: oldest int?
SELECT max(age) AS oldest FROM customers WHERE age > 1;
-- expect: oldest int
SELECT max(age) AS oldest FROM customers HAVING max(age) > 1;
-- expect: n int, share float
SELECT count(*) AS n, 100.0 * count(*) / 7 AS share FROM orders GROUP BY state;
-- expect: share int?
SELECT sum(active) / count(*) AS share FROM customers;
-- expect: gold int?
SELECT sum(CASE WHEN tier = 'gold' THEN 1 ELSE 0 END) AS gold FROM customers;
-- expect: gold int
SELECT sum(tier = 'gold') AS gold FROM customers GROUP BY active;
-- expect: day str?, n int
SELECT date(placed_at) AS day, count(*) AS n FROM orders GROUP BY date(placed_at) ORDER BY 1;
-- expect: tier {basic|gold}, n int
SELECT tier, count(*) AS n FROM customers GROUP BY 1 ORDER BY 2 DESC;
-- expect: n int
SELECT count(*) AS n FROM (SELECT DISTINCT customer_id FROM orders);
-- expect: greatest int?
SELECT max(n) AS greatest FROM (SELECT count(*) AS n FROM orders GROUP BY customer_id);
-- expect: m float?
SELECT round(avg(price), 2) AS m FROM products;
-- expect: m str?
SELECT upper(max(title)) AS m FROM products;
-- expect: m str
SELECT 'most: ' || count(*) AS m FROM products;
-- expect: text number?
SELECT sum(name) AS text FROM customers;
-- expect: x int?, y int
SELECT (SELECT max(id) FROM orders) AS x, (SELECT count(*) FROM orders) AS y;
-- expect: name str, n int, last datetime?
SELECT c.name, (SELECT count(*) FROM orders AS o WHERE o.customer_id = c.id) AS n, (SELECT max(o.placed_at) FROM orders AS o WHERE o.customer_id = c.id) AS last FROM customers AS c;
-- expect: id int?
SELECT DISTINCT max(id) AS id FROM orders WHERE state = 'open';
-- expect: n int
-- params: tier {basic|gold}
SELECT count(*) AS n FROM customers WHERE tier = :tier;
-- expect: a float, b float
SELECT total(quantity) AS a, total(quantity) / 2 AS b FROM lines;
-- expect: id int?, n int?
SELECT c.id, (SELECT count(c.age) FROM orders) AS n FROM customers AS c;
-- expect: id int, name str
SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON EXISTS (SELECT 1 FROM lines AS l WHERE l.order_id = o.id) AND c.id = o.customer_id;
