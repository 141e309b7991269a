CREATE TABLE watchers AS SELECT id AS ticket_id, user_id FROM tickets WHERE 0;
