-- The log: one row for each event; positions 1, 2, 3 … without gaps, in commit order.
-- Identifiers compare by bytes (collation "C"): faster, and the same order on every machine.
create table events (
    position       bigint                   not null,
    version        bigint                   not null, -- place in the stream, from 1
    occurred_at    timestamptz              not null,
    recorded_at    timestamptz              not null, -- never goes back along the log
    event_id       uuid                     not null,
    command_id     uuid,                              -- on a command's first event only
    command_last   bigint,                            -- position of that command's last event
    schema_version integer                  not null,
    stream_id      text        collate "C"  not null,
    type           text        collate "C"  not null,
    domain         text        collate "C",
    data           jsonb                    not null,
    meta           jsonb                    not null,
    constraint events_position primary key (position),
    constraint events_stream unique (stream_id, version),
    constraint events_event_id unique (event_id)
);

-- A command appends once.
create unique index events_command on events (command_id) where command_id is not null;
-- Filtered reads.
create index events_type on events (type, position);
create index events_domain on events (domain, position) where domain is not null;

create function events_refuse() returns trigger language plpgsql as $$
begin
    raise exception 'events are immutable' using errcode = 'restrict_violation';
end $$;
create trigger events_refuse before update or delete or truncate on events
    for each statement execute function events_refuse();

-- The end of the log. Whoever appends locks this row first.
create table log_head (
    log         text        primary key,
    position    bigint      not null,
    epoch       bigint      not null,
    recorded_at timestamptz not null
) with (fillfactor = 10);
insert into log_head (log, position, epoch, recorded_at) values ('main', 0, 1, 'epoch');

-- What a deployment remembers about itself.
create table store_settings (
    name  text primary key,
    value text not null
);
