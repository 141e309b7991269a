CREATE VIEW ticket_activity AS SELECT t.id, t.title, count(c.id) AS comments, max(c.at) AS last FROM tickets t LEFT JOIN comments c ON c.ticket_id = t.id GROUP BY t.id;
