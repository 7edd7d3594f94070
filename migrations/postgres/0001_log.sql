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

-- Subject keys, wrapped by the deployment's master key; `wrapped` is null once destroyed.
--
-- A destroyed key must be gone from the files, and PostgreSQL leaves old row versions in their
-- pages until others overwrite them. So the table is cut into small parts, and the part a key was
-- in is written anew (see subject_keys_scrub): the file with the old bytes ceases to exist.
create table subject_keys (
    subject    text collate "C" not null primary key,
    wrapped    bytea,
    created_at timestamptz not null,
    erased_at  timestamptz,
    scrubbed   boolean     not null default false, -- the part has been written anew since erased_at
    check ((wrapped is null) = (erased_at is not null))
) partition by hash (subject);

do $$
begin
    for part in 0..63 loop
        execute format('create table subject_keys_%s partition of subject_keys '
                       'for values with (modulus 64, remainder %s)', lpad(part::text, 2, '0'), part);
    end loop;
end $$;

-- Statistics hold samples of a column's values; these values must be nowhere else.
alter table subject_keys alter column wrapped set statistics 0;

-- Writes the part which holds an erased subject anew, unless that has been done. TRUNCATE gives the
-- part a new file whoever still looks at the old rows, which VACUUM FULL would keep for them.
create function subject_keys_scrub(p_subject text) returns void language plpgsql as $$
declare
    part     regclass;
    subjects text[];
    keys     bytea[];
    created  timestamptz[];
    erased   timestamptz[];
begin
    perform set_config('lock_timeout', '5s', true);
    -- One at a time: two of them would each hold what the other needs.
    perform pg_advisory_xact_lock(7736199442030981);
    select tableoid::regclass into part from subject_keys
        where subject = p_subject and erased_at is not null and not scrubbed;
    if part is null then
        return;
    end if;
    execute format('lock table only %s in access exclusive mode', part);
    execute format('select array_agg(subject), array_agg(wrapped), array_agg(created_at), array_agg(erased_at) from %s',
                   part) into subjects, keys, created, erased;
    execute format('truncate %s', part);
    execute format('insert into %s (subject, wrapped, created_at, erased_at, scrubbed) '
                   'select s, w, c, e, e is not null from unnest($1, $2, $3, $4) as live(s, w, c, e)', part)
        using subjects, keys, created, erased;
end $$;

-- Appends a batch behind the head: all of it, or nothing.
--
-- The head's row is locked first; every later statement then sees all that was appended before
-- (one statement that waits for the lock and checks with the snapshot from before the wait would
-- not). The writer says up to which head it knows the log (p_known_head), which versions its batch
-- rests on (p_base_*), and which of these it has only been told (p_check_*).
--
-- written: the batch stands at head + 1 and on; else a base does not hold.
-- streams, versions: where streams stand which others have written to since p_known_head, and (if
-- not written) the streams of p_check_* that differ; null if p_known_head is too old to tell.
create function log_append(
    p_known_head bigint, p_now timestamptz,
    p_base_streams text[], p_base_versions bigint[],
    p_check_streams text[], p_check_versions bigint[],
    p_streams text[], p_versions bigint[], p_event_ids uuid[], p_types text[], p_schema_versions int[],
    p_domains text[], p_data jsonb[], p_meta jsonb[],
    p_commands uuid[], p_command_last bigint[], p_occurred_at timestamptz[],
    out head bigint, out written boolean, out streams text[], out versions bigint[]
) language plpgsql as $$
declare
    v_recorded_at timestamptz;
    v_streams     text[];
    v_versions    bigint[];
begin
    select h.position, greatest(h.recorded_at, p_now) into head, v_recorded_at
        from log_head h where h.log = 'main' for update;
    written := false;
    streams := '{}';
    versions := '{}';

    if head <> p_known_head then
        if head < p_known_head or head - p_known_head > 10000 then
            streams := null;
            return;
        end if;
        select array_agg(m.stream_id), array_agg(m.version) into streams, versions
            from (select e.stream_id, max(e.version) as version
                  from events e where e.position > p_known_head and e.position <= head
                  group by e.stream_id) m;
        if exists (select from unnest(streams, versions) as m(stream_id, version)
                   join unnest(p_base_streams, p_base_versions) as b(stream_id, version) using (stream_id)
                   where m.version <> b.version) then
            return;
        end if;
    end if;

    if cardinality(p_check_streams) > 0 then
        select array_agg(c.stream_id), array_agg(c.actual) into v_streams, v_versions
            from (select t.stream_id, t.version,
                         coalesce((select e.version from events e where e.stream_id = t.stream_id
                                   order by e.version desc limit 1), 0) as actual
                  from unnest(p_check_streams, p_check_versions) as t(stream_id, version)) c
            where c.actual <> c.version;
        if v_streams is not null then
            streams := streams || v_streams;
            versions := versions || v_versions;
            return;
        end if;
    end if;

    insert into events (position, stream_id, version, event_id, type, schema_version, domain, data, meta,
                        command_id, command_last, occurred_at, recorded_at)
        select head + n, s, v, i, t, sv, d, data, meta, c, head + 1 + l, o, v_recorded_at
        from unnest(p_streams, p_versions, p_event_ids, p_types, p_schema_versions, p_domains, p_data, p_meta,
                    p_commands, p_command_last, p_occurred_at) with ordinality
             as r(s, v, i, t, sv, d, data, meta, c, l, o, n);
    update log_head h set position = head + cardinality(p_streams), recorded_at = v_recorded_at where h.log = 'main';
    perform pg_notify('wac_log', (head + cardinality(p_streams))::text);
    written := true;
end $$;
