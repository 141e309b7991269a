DROP TRIGGER ticket_closed;
