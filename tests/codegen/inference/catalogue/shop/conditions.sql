-- expect: email str
SELECT email FROM customers WHERE email IS NOT NULL;
-- expect: email str
SELECT email FROM customers WHERE email NOTNULL AND age IS NULL;
-- expect: email str
SELECT email FROM customers WHERE NOT (email IS NULL);
-- expect: email str?
SELECT email FROM customers WHERE email IS NOT NULL OR age = 3;
-- expect: email str
SELECT email FROM customers WHERE email = 'a' OR email = 'b' OR email LIKE 'c%';
-- expect: email str
-- params: email str
SELECT email FROM customers WHERE email = :email;
-- expect: email str?
-- params: email str?
SELECT email FROM customers WHERE email IS :email;
-- expect: age int
-- params: low int, high int
SELECT age FROM customers WHERE age BETWEEN :low AND :high;
-- expect: age int
SELECT age FROM customers WHERE age IN (1, 2, 3);
-- expect: age int
SELECT age FROM customers WHERE age NOT IN (1, 2, 3);
-- expect: age int?
SELECT age FROM customers WHERE age NOT IN (SELECT quantity FROM lines);
-- expect: age int
SELECT age FROM customers WHERE age IN (SELECT quantity FROM lines);
-- expect: age int
SELECT age FROM customers WHERE age;
-- expect: age int
SELECT age FROM customers WHERE NOT age;
-- expect: email str
SELECT email FROM customers WHERE lower(email) = 'a';
-- expect: age int, credit float
SELECT age, credit FROM customers WHERE age + credit > 2;
-- expect: age int?
SELECT age FROM customers WHERE coalesce(age, 3) = 3;
-- expect: age int?
SELECT age FROM customers WHERE CASE WHEN age > 3 THEN 0 ELSE 1 END;
-- expect: age int
SELECT age FROM customers WHERE age IS 3;
-- expect: age int?
SELECT age FROM customers WHERE age IS NOT 3;
-- expect: l str
SELECT lower(email) AS l FROM customers WHERE email IS NOT NULL;
-- expect: l str
SELECT lower(email) AS l FROM customers WHERE lower(email) IS NOT NULL;
-- expect: email str, note str
SELECT c.email, o.note FROM customers AS c, orders AS o WHERE c.email = o.note;
-- expect: left_at datetime
SELECT left_at FROM customers WHERE left_at < CURRENT_TIMESTAMP;
-- expect: referrer_id int
SELECT referrer_id FROM orders AS o WHERE EXISTS (SELECT 1 FROM customers AS c WHERE c.id = o.referrer_id);
-- expect: referrer_id int?
SELECT referrer_id FROM orders AS o WHERE NOT EXISTS (SELECT 1 FROM customers AS c WHERE c.id = o.referrer_id);
-- expect: age int, credit float
SELECT age, credit FROM customers WHERE (age, credit) = (1, 2.0);
-- expect: age int, credit float?
SELECT age, credit FROM customers WHERE (age, credit) < (1, 2.0);
-- expect: age int
SELECT age FROM customers WHERE age <> 3 AND credit IS NULL;
-- expect: d float
SELECT discount AS d FROM lines WHERE d > 0.5;
-- expect: a int
SELECT CASE WHEN age IS NOT NULL THEN age ELSE -1 END AS a FROM customers;
-- expect: a int
SELECT CASE WHEN age IS NULL THEN -1 ELSE age END AS a FROM customers;
-- expect: a int?
SELECT CASE WHEN age > 3 THEN age END AS a FROM customers;
-- expect: a int?
SELECT CASE WHEN age > 3 THEN 1 ELSE age END AS a FROM customers;
-- expect: a str
SELECT CASE tier WHEN 'gold' THEN 'rich' ELSE 'poor' END AS a FROM customers;
-- expect: a str?
SELECT CASE WHEN email IS NOT NULL OR name = 'x' THEN email ELSE name END AS a FROM customers;
-- expect: a str
SELECT CASE WHEN email IS NULL OR age IS NULL THEN name ELSE email || age END AS a FROM customers;
-- expect: a str
SELECT iif(email IS NULL, name, email) AS a FROM customers;
-- expect: a number
SELECT CASE WHEN active THEN id ELSE 0.5 END AS a FROM customers;
-- expect: a json_scalar
SELECT CASE WHEN active THEN id ELSE name END AS a FROM customers;
-- expect: n str?
SELECT CASE WHEN c.id IS NOT NULL THEN c.name END AS n FROM orders AS o LEFT JOIN customers AS c ON c.id = o.referrer_id;
-- expect: n str
SELECT CASE WHEN c.id IS NOT NULL THEN c.name ELSE 'none' END AS n FROM orders AS o LEFT JOIN customers AS c ON c.id = o.referrer_id;
-- expect: age int
SELECT age FROM customers WHERE age > (SELECT avg(age) FROM customers);
-- expect: age int
SELECT age FROM (SELECT age FROM customers WHERE age IS NOT NULL);
-- expect: age int
SELECT age FROM (SELECT age, name FROM customers) WHERE age > 3;
-- expect: email str
SELECT email FROM customers WHERE email GLOB 'a*' AND 1;
-- expect: email str
SELECT email FROM customers WHERE length(email) BETWEEN 1 AND 3;
-- expect: email str
SELECT email FROM customers WHERE (email COLLATE NOCASE) = 'A';
-- expect: age int?
SELECT age FROM customers WHERE ifnull(age > 3, 1);
-- expect: age int
SELECT age FROM customers WHERE NOT (age IS NULL OR age = 3);
-- expect: age int?
SELECT age FROM customers WHERE NOT (age IS NULL AND credit IS NULL);
-- expect: age int
SELECT age FROM customers WHERE age BETWEEN id AND credit;
-- expect: credit float
SELECT credit FROM customers WHERE id BETWEEN 0 AND credit;
-- expect: age int
SELECT age FROM customers WHERE likely(age = 3);
-- expect: age int
SELECT age FROM customers WHERE age IS TRUE;
-- expect: a int, b int, c int?
SELECT age IS NOT NULL AND age > 2 AS a, age IS NULL OR age > 2 AS b, age IS NULL AND credit > 2 AS c FROM customers;
-- expect: email str?, age int, note str?
-- params: name str, age int?, note str
INSERT INTO customers (name, tier, active, joined_at, age) VALUES (:name, 'gold', 1, CURRENT_TIMESTAMP, coalesce(:age, 0)) RETURNING email, age, nullif(:note, '') AS note;
