-- expect: root int, size int, depth int
SELECT * FROM threads;
-- expect: root int, size int, depth int, handle str?
SELECT * FROM named_threads;
-- expect: id int, depth int, parent_id int?
-- params: root int
WITH RECURSIVE tree (id, depth, parent_id) AS (
    SELECT id, 0, parent_id FROM posts WHERE id = :root
    UNION ALL
    SELECT p.id, tree.depth + 1, p.parent_id FROM posts AS p JOIN tree ON p.parent_id = tree.id
)
SELECT * FROM tree;
-- expect: id int, path str
WITH RECURSIVE tree AS (
    SELECT id, body AS path FROM posts WHERE parent_id IS NULL
    UNION ALL
    SELECT p.id, tree.path || '/' || p.body FROM posts AS p, tree WHERE p.parent_id = tree.id
)
SELECT id, path FROM tree;
-- expect: id int?
WITH RECURSIVE up (id) AS (
    SELECT parent_id FROM posts WHERE id = 1
    UNION
    SELECT p.parent_id FROM posts AS p JOIN up ON p.id = up.id
)
SELECT id FROM up;
-- expect: id int
WITH RECURSIVE up (id) AS (
    SELECT parent_id FROM posts WHERE id = 1
    UNION
    SELECT p.parent_id FROM posts AS p JOIN up ON p.id = up.id
)
SELECT id FROM up WHERE id IS NOT NULL;
-- expect: n int
WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 10) SELECT n FROM n;
-- expect: a int, b int?
WITH RECURSIVE r (a, b) AS (SELECT 1, 1 UNION ALL SELECT a + 1, b / a FROM r WHERE a < 5) SELECT a, b FROM r;
-- expect: x number
WITH RECURSIVE r (x) AS (SELECT 1 UNION ALL SELECT x * 1.5 FROM r WHERE x < 5) SELECT x FROM r;
-- expect: handle str, n int?
WITH counts AS (SELECT author_id, count(*) AS n FROM posts GROUP BY author_id) SELECT p.handle, c.n FROM people AS p LEFT JOIN counts AS c ON c.author_id = p.id;
-- expect: author_id int, n int
WITH counts AS MATERIALIZED (SELECT author_id, count(*) AS n FROM posts WHERE author_id IS NOT NULL GROUP BY author_id) SELECT * FROM counts;
-- expect: author_id int?, n int
WITH counts AS NOT MATERIALIZED (SELECT author_id, count(*) AS n FROM posts GROUP BY author_id) SELECT * FROM counts;
-- expect: a int, b str
WITH x (a, b) AS (SELECT id, handle FROM people), y AS (SELECT * FROM x) SELECT y.a, y.b FROM y;
-- expect: id int?
SELECT id FROM people UNION ALL SELECT parent_id FROM posts;
-- expect: id int
SELECT id FROM people UNION SELECT id FROM posts;
-- expect: id int
SELECT parent_id AS id FROM posts INTERSECT SELECT id FROM people;
-- expect: id int?
SELECT parent_id AS id FROM posts EXCEPT SELECT id FROM people;
-- expect: x json_scalar
SELECT id AS x FROM people UNION SELECT handle FROM people;
-- expect: x int, y str?
SELECT id AS x, handle AS y FROM people UNION ALL SELECT id, NULL FROM posts ORDER BY x LIMIT 3;
-- expect: kind str, id int
SELECT 'post' AS kind, id FROM posts UNION ALL SELECT 'person', id FROM people;
-- expect: x int
SELECT x FROM (SELECT 1 AS x UNION SELECT 2 UNION SELECT 3);
-- expect: id int, place int, r int, d int, share float, part int
SELECT id, row_number() OVER (ORDER BY score) AS place, rank() OVER w AS r, dense_rank() OVER w AS d, percent_rank() OVER w AS share, ntile(4) OVER w AS part FROM posts WINDOW w AS (ORDER BY score DESC);
-- expect: before int?, after str?, otherwise str, third str?
SELECT lag(score) OVER w AS before, lead(body) OVER w AS after, lag(body, 1, '') OVER w AS otherwise, lag(body, 2, edited_at) OVER w AS third FROM posts WINDOW w AS (ORDER BY id);
-- expect: a str, b int?, c str, d int?
SELECT first_value(body) OVER w AS a, first_value(parent_id) OVER w AS b, last_value(body) OVER w AS c, nth_value(score, 2) OVER w AS d FROM posts WINDOW w AS (PARTITION BY author_id ORDER BY id);
-- expect: running int, mean float, n int, top int
SELECT sum(score) OVER (ORDER BY id) AS running, avg(score) OVER () AS mean, count(*) OVER (PARTITION BY author_id) AS n, max(score) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS top FROM posts;
-- expect: a int?, b int, c int?, d int?
SELECT sum(score) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS a, count(*) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS b, sum(score) FILTER (WHERE score > 1) OVER () AS c, max(score) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) AS d FROM posts;
-- expect: a int?, b str?
SELECT sum(parent_id) OVER (ORDER BY id) AS a, group_concat(body) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) AS b FROM posts;
-- expect: author_id int?, n int, place int
SELECT author_id, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM posts GROUP BY author_id;
-- expect: id int, body str
SELECT id, body FROM (SELECT id, body, row_number() OVER (PARTITION BY author_id ORDER BY score DESC) AS place FROM posts) WHERE place = 1;
-- expect: delta int?
SELECT score - lag(score) OVER (ORDER BY id) AS delta FROM posts;
-- expect: id int, author_id int?, parent_id int?, body str, score int, edited_at datetime?
-- params: ids int*
SELECT * FROM posts WHERE id IN (SELECT value FROM json_each(:ids));
-- expect: id int, handle str
-- params: handles str*
SELECT p.id, p.handle FROM people AS p JOIN json_each(:handles) AS h ON h.value = p.handle;
-- expect: value int, handle str?
-- params: ids int*
SELECT j.value, p.handle FROM json_each(:ids) AS j LEFT JOIN people AS p ON p.id = j.value;
-- expect: id int, key json_scalar?, value json_scalar?, type str, atom json_scalar?, n int, parent int?, fullkey str, path str
SELECT p.id, j.key, j.value, j.type, j.atom, j.id AS n, j.parent, j.fullkey, j.path FROM people AS p, json_tree(p.settings) AS j;
-- expect: handle str, value json_scalar?
SELECT handle, j.value FROM people LEFT JOIN json_each(people.settings, '$.list') AS j;
-- expect: value json_scalar
SELECT value FROM people, json_each(settings) WHERE value IS NOT NULL;
-- expect: title str?, body str?
-- params: query str
SELECT * FROM search WHERE search MATCH :query ORDER BY rank;
-- expect: rowid int, rank float, weight float, s str?, h str?
-- params: query str
SELECT rowid, rank, bm25(search) AS weight, snippet(search, 0, '[', ']', '…', 8) AS s, highlight(search, 1, '<', '>') AS h FROM search WHERE search MATCH :query;
-- expect: id int, title str?
-- params: query str
SELECT p.id, s.title FROM search AS s JOIN posts AS p ON p.id = s.rowid WHERE s.search MATCH :query;
-- expect: rank float?
SELECT rank FROM search;
-- expect: rowid int, rank float
-- params: query str
SELECT s.rowid, s.rank FROM search AS s WHERE search = :query ORDER BY s.rank;
-- expect: id int, rank float
-- params: query str
SELECT p.id, s.rank FROM search(:query) AS s JOIN posts AS p ON p.id = s.rowid;
-- expect: from str, to str?
SELECT "from", "to" FROM pragma_foreign_key_list('posts');
-- expect: id int, tags str?
SELECT p.id, (SELECT group_concat(tag) FROM tags AS t WHERE t.post_id = p.id) AS tags FROM posts AS p;
-- expect: id int, tags str?
SELECT p.id, group_concat(t.tag) AS tags FROM posts AS p LEFT JOIN tags AS t ON t.post_id = p.id GROUP BY p.id;
-- expect: id int, tags str
SELECT p.id, group_concat(t.tag) AS tags FROM posts AS p JOIN tags AS t ON t.post_id = p.id GROUP BY p.id;
-- expect: handle str, parent str?
SELECT a.handle, b.handle AS parent FROM people AS a JOIN posts AS p ON p.author_id = a.id LEFT JOIN posts AS q ON q.id = p.parent_id LEFT JOIN people AS b ON b.id = q.author_id;
-- expect: handle str, parent str
SELECT a.handle, b.handle AS parent FROM people AS a JOIN posts AS p ON p.author_id = a.id LEFT JOIN posts AS q ON q.id = p.parent_id LEFT JOIN people AS b ON b.id = q.author_id WHERE b.bio IS NOT NULL;
-- expect: id int, score int, parent_id int
SELECT q.id, q.score, p.parent_id FROM posts AS p LEFT JOIN posts AS q ON q.id = p.parent_id LEFT JOIN people AS b ON b.id = q.author_id WHERE b.handle = 'x';
-- expect: handle str, n int
SELECT handle, (SELECT count(*) FROM follows WHERE followed = people.id) AS n FROM people;
-- expect: handle str, mutual int
SELECT handle, EXISTS (SELECT 1 FROM follows AS f JOIN follows AS g ON g.follower = f.followed AND g.followed = f.follower WHERE f.follower = people.id) AS mutual FROM people;
-- expect: follower int, since str?
-- params: a int, b int
SELECT follower, since FROM follows WHERE (follower, followed) = (:a, :b);
-- expect: born str?, bio str?
SELECT born, bio FROM people;
-- expect: id int
-- params: limit int, offset int
SELECT id FROM posts ORDER BY score DESC, id LIMIT :limit OFFSET :offset;
-- expect: id int
-- params: pattern str, least int, since datetime
SELECT id FROM posts WHERE body LIKE :pattern AND score + 0 >= :least AND edited_at > :since;
-- expect: id int
-- params: author int?, text str?
SELECT id FROM posts WHERE (:author IS NULL OR author_id = :author) AND body = coalesce(:text, body);
-- expect: id int
-- params: day str, length int, n int
SELECT id FROM posts WHERE date(edited_at) = :day AND length(body) < :length GROUP BY id HAVING count(*) > :n;
-- expect: x str, n int, y float
-- params: n int, y float, x str
SELECT 'a' || :x AS x, CAST(:n AS INTEGER) AS n, CAST(:y AS REAL) AS y;
-- expect: x any
-- params: x any
SELECT :x AS x;
-- expect: id int
-- params: on bool, a str, b str, c int
SELECT id FROM posts WHERE :on AND body IN (:a, :b) AND :c < score;
-- expect: id int, handle str, bio str?, born str?, settings json
-- params: handle str, bio str?, born str?, settings json
INSERT INTO people (handle, bio, born, settings) VALUES (:handle, :bio, :born, :settings) RETURNING *;
-- expect: id int, bio str
-- params: handle str, settings json
INSERT INTO people (handle, bio, settings) VALUES (:handle, 'none', :settings) RETURNING id, coalesce(bio, '') AS bio;
-- expect: id int
-- params: handle str, bio str?, settings json
INSERT INTO people (handle, bio, settings) VALUES (:handle, :bio, :settings) ON CONFLICT (handle) DO UPDATE SET bio = excluded.bio, settings = :settings WHERE excluded.bio IS NOT bio RETURNING id;
-- expect:
-- params: tag str, author int
INSERT OR IGNORE INTO tags (post_id, tag) SELECT id, :tag FROM posts WHERE author_id = :author;
-- expect:
-- params: tags str*, post int
INSERT INTO tags (post_id, tag) SELECT :post, value FROM json_each(:tags);
-- expect: id int, edited_at datetime
-- params: body str, id int
UPDATE posts SET body = :body, edited_at = CURRENT_TIMESTAMP WHERE id = :id RETURNING id, edited_at;
-- expect: parent_id int?
-- params: parent int?, id int
UPDATE posts SET parent_id = :parent WHERE id = :id RETURNING parent_id;
-- expect: score int, author_id int
-- params: delta int, author int
UPDATE posts SET score = score + :delta WHERE author_id = :author RETURNING score, author_id;
-- expect:
-- params: bio str?
UPDATE people SET bio = coalesce(:bio, bio);
-- expect: id int, body str
UPDATE posts SET score = t.n FROM (SELECT post_id, count(*) AS n FROM tags GROUP BY post_id) AS t WHERE t.post_id = posts.id RETURNING id, body;
-- expect:
-- params: a int?, b int?, id int
UPDATE posts SET (author_id, parent_id) = (:a, :b) WHERE id = :id;
-- expect: id int, author_id int?
-- params: below int
DELETE FROM posts WHERE score < :below RETURNING id, author_id;
-- expect: author_id int
DELETE FROM posts WHERE author_id IS NOT NULL RETURNING author_id;
-- expect:
-- params: ids int*
DELETE FROM tags WHERE post_id IN (SELECT value FROM json_each(:ids));
-- expect: id int
-- params: handle str
WITH gone AS (SELECT id FROM people WHERE handle = :handle) DELETE FROM posts WHERE author_id IN (SELECT id FROM gone) RETURNING id;
-- expect: id int, settings json, theme json_scalar?
SELECT id, settings, settings ->> '$.theme' AS theme FROM people;
-- expect: name str, type str?
SELECT name, sql AS type FROM sqlite_schema WHERE name NOTNULL;
