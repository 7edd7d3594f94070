-- The log: one row for each event; positions 1, 2, 3 … without gaps, in commit order.
-- Times are microseconds since 1970-01-01T00:00:00Z.
create table events (
    position       integer primary key,
    stream_id      text    not null,
    version        integer not null,        -- place in the stream, from 1
    event_id       blob    not null unique, -- 16 bytes
    type           text    not null,
    schema_version integer not null,
    domain         text,
    data           text    not null,        -- JSON object
    meta           text    not null,        -- JSON object
    command_id     blob,                    -- on a command's first event only
    command_last   integer,                 -- position of that command's last event
    occurred_at    integer not null,
    recorded_at    integer not null,        -- never goes back along the log
    unique (stream_id, version)
) strict;

-- A command appends once.
create unique index events_command on events (command_id) where command_id is not null;
-- Filtered reads; the position is part of every SQLite index.
create index events_type on events (type);
create index events_domain on events (domain) where domain is not null;

create trigger events_refuse_update before update on events
begin
    select raise(abort, 'events are immutable');
end;
create trigger events_refuse_delete before delete on events
begin
    select raise(abort, 'events are immutable');
end;

-- The end of the log.
create table log_head (
    log         text    primary key,
    position    integer not null,
    epoch       integer not null,
    recorded_at integer not null
) strict, without rowid;
insert into log_head (log, position, epoch, recorded_at) values ('main', 0, 1, 0);

-- Subject keys, wrapped by the deployment's master key; `wrapped` is null once destroyed.
create table subject_keys (
    subject    text    primary key,
    wrapped    blob,
    created_at integer not null,
    erased_at  integer,
    check ((wrapped is null) = (erased_at is not null))
) strict;

-- What a deployment remembers about itself.
create table store_settings (
    name  text primary key,
    value text not null
) strict, without rowid;
