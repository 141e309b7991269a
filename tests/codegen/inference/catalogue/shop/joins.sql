-- expect: id int, name str, email str?, age int?, tier {basic|gold}, active bool, credit float?, joined_at datetime, left_at datetime?
SELECT * FROM customers;
-- expect: id int, name str
-- params: id int
SELECT id, name FROM customers WHERE id = :id;
-- expect: id int, name str
SELECT o.id, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer_id;
-- expect: id int, name str?
SELECT o.id, c.name FROM orders AS o LEFT JOIN customers AS c ON c.id = o.referrer_id;
-- expect: id int?, name str
SELECT o.id, c.name FROM orders AS o RIGHT JOIN customers AS c ON c.id = o.customer_id;
-- expect: id int?, name str?
SELECT o.id, c.name FROM orders AS o FULL JOIN customers AS c ON c.id = o.customer_id;
-- expect: id int, name str
SELECT o.id, c.name FROM orders AS o, customers AS c;
-- expect: id int, name str
SELECT o.id, c.name FROM orders AS o CROSS JOIN customers AS c;
-- expect: id int, name str
SELECT o.id, c.name FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id WHERE c.id IS NOT NULL;
-- expect: id int, name str
-- params: name str
SELECT o.id, c.name FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id WHERE c.name = :name;
-- expect: id int, name str?
SELECT o.id, c.name FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id WHERE c.id IS NULL;
-- expect: id int, name str?
-- params: name str?
SELECT o.id, c.name FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id WHERE :name IS NULL OR c.name = :name;
-- expect: id int, email str
SELECT o.id, c.email FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id WHERE c.email LIKE '%@%';
-- expect: id int, sku str?, title str?
SELECT o.id, l.sku, p.title FROM orders AS o LEFT JOIN lines AS l ON l.order_id = o.id LEFT JOIN products AS p ON p.sku = l.sku;
-- expect: id int, sku str, title str
SELECT o.id, l.sku, p.title FROM orders AS o LEFT JOIN lines AS l ON l.order_id = o.id LEFT JOIN products AS p ON p.sku = l.sku WHERE p.price > 1;
-- expect: id int, sku str, title str?
SELECT o.id, l.sku, p.title FROM orders AS o LEFT JOIN lines AS l ON l.order_id = o.id LEFT JOIN products AS p ON p.sku = l.sku WHERE l.quantity > 1;
-- expect: id int, sku str, title str
SELECT o.id, l.sku, p.title FROM orders AS o LEFT JOIN lines AS l ON l.order_id = o.id JOIN products AS p ON p.sku = l.sku;
-- expect: id int, sku str?, title str?
SELECT o.id, l.sku, p.title FROM orders AS o LEFT JOIN (lines AS l JOIN products AS p ON p.sku = l.sku) ON l.order_id = o.id;
-- expect: id int, sku str, title str
SELECT o.id, l.sku, p.title FROM orders AS o LEFT JOIN (lines AS l JOIN products AS p ON p.sku = l.sku) ON l.order_id = o.id WHERE p.stock = 3;
-- expect: sku str, quantity int, title str, price float
SELECT sku, quantity, title, price FROM lines JOIN products USING (sku);
-- expect: sku str, title str?, a str, b str?
SELECT sku, title, lines.sku AS a, products.sku AS b FROM lines LEFT JOIN products USING (sku);
-- expect: sku str, quantity int?
SELECT sku, quantity FROM lines RIGHT JOIN products USING (sku);
-- expect: sku str, quantity int?, title str?
SELECT sku, quantity, title FROM lines FULL JOIN products USING (sku);
-- expect: sku str, order_id int, quantity int, discount float?, title str, price float, weight float?, stock int, photo bytes?, attributes json?
SELECT l.sku, l.order_id, l.quantity, l.discount, title, price, weight, stock, photo, attributes FROM lines AS l NATURAL JOIN products;
-- expect: order_id int, sku str, quantity int, discount float?, title str, price float, weight float?, stock int, photo bytes?, attributes json?
SELECT * FROM lines NATURAL JOIN products;
-- expect: order_id int, sku str, quantity int, discount float?, title str?, price float?, weight float?, stock int?, photo bytes?, attributes json?
SELECT * FROM lines NATURAL LEFT JOIN products;
-- expect: a int, b int
SELECT x.id AS a, y.id AS b FROM customers AS x JOIN customers AS y ON x.id < y.id;
-- expect: id int, id int?
SELECT o.id, c.id FROM orders AS o LEFT JOIN customers AS c ON c.id = o.referrer_id;
-- expect: id int, age int
SELECT o.id, c.age FROM orders AS o JOIN customers AS c ON c.id = o.customer_id AND c.age > 18;
-- expect: id int, age int?
SELECT o.id, c.age FROM orders AS o LEFT JOIN customers AS c ON c.id = o.customer_id AND c.age > 18;
-- expect: referrer_id int, name str
SELECT o.referrer_id, c.name FROM orders AS o JOIN customers AS c ON c.id = o.referrer_id;
-- expect: referrer_id int, name str
SELECT o.referrer_id, c.name FROM orders AS o LEFT JOIN customers AS c ON c.id = o.referrer_id WHERE c.active;
-- expect: id int, total float?
SELECT o.id, t.total FROM orders AS o LEFT JOIN (SELECT order_id, sum(quantity * discount) AS total FROM lines GROUP BY order_id) AS t ON t.order_id = o.id;
-- expect: id int, n int?
SELECT o.id, t.n FROM orders AS o LEFT JOIN (SELECT order_id, count(*) AS n FROM lines GROUP BY order_id) AS t ON t.order_id = o.id;
-- expect: id int, n int
SELECT o.id, coalesce(t.n, 0) AS n FROM orders AS o LEFT JOIN (SELECT order_id, count(*) AS n FROM lines GROUP BY order_id) AS t ON t.order_id = o.id;
-- expect: name str?, title str?
SELECT c.name, p.title FROM customers AS c FULL JOIN orders AS o ON o.customer_id = c.id FULL JOIN products AS p ON p.sku = o.note;
-- expect: name str, title str?
SELECT c.name, p.title FROM customers AS c FULL JOIN orders AS o ON o.customer_id = c.id FULL JOIN products AS p ON p.sku = o.note WHERE c.name <> '';
-- expect: rowid int, r int?
SELECT lines.rowid, orders.rowid AS r FROM lines LEFT JOIN orders ON orders.id = lines.order_id;
-- expect: id int, name str
SELECT "C"."ID", C.[Name] FROM Customers AS c WHERE 1 = 0;
-- expect: id int, customer_id int, total float?, items int
SELECT * FROM order_totals;
-- expect: id int, customer_id int, referrer_id int?, state {open|paid|sent}, note str, placed_at datetime
SELECT * FROM open_orders;
-- expect: order_id int, best float
SELECT * FROM best_totals;
-- expect: name str, total float?, items int?
SELECT c.name, t.total, t.items FROM customers AS c LEFT JOIN order_totals AS t ON t.customer_id = c.id;
-- expect: name str, total float
SELECT c.name, t.total FROM customers AS c JOIN order_totals AS t ON t.customer_id = c.id WHERE t.total >= 5;
