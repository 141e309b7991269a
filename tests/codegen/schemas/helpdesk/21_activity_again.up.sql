CREATE VIEW ticket_activity AS SELECT t.id, t.title, t.priority, count(c.id) AS comments FROM tickets t LEFT JOIN comments c ON c.ticket_id = t.id GROUP BY t.id;
