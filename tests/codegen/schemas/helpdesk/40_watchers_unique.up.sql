CREATE UNIQUE INDEX watchers_pair ON watchers (ticket_id, user_id);
