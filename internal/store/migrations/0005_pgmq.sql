-- What the pgmq transport needs beside the schema pgmq. Nothing of it is at work before tasker.use_pgmq() has been called.
-- The rows stay the truth: a message tells of a row of ready_steps or step_results_queue, is sent by the transaction that
-- inserts the row, and one that is lost, late or there twice changes nothing but time.

-- How long a result has waited.
alter table tasker.step_results_queue add column queued_at timestamptz not null default clock_timestamp();

create function tasker.step_uuid(task_uuid uuid, step_no int) returns uuid immutable parallel safe language sql as $$
  select encode(overlay(uuid_send(task_uuid) placing int4send(('x' || right(task_uuid::text, 8))::bit(32)::int # (step_no + 1)) from 13), 'hex')::uuid $$;

-- The number of the step that step_uuid names; null if it can be no step of the task.
create function tasker.step_number(task_uuid uuid, step_uuid uuid) returns int immutable parallel safe language sql as $$
  select case when left(task_uuid::text, 28) = left(step_uuid::text, 28) and n.n between 1 and 2147483647 then (n.n - 1)::int end
  from (select ('x' || right(task_uuid::text, 8))::bit(32)::bigint # ('x' || right(step_uuid::text, 8))::bit(32)::bigint as n) n $$;

create function tasker.uuid_or_null(value text) returns uuid immutable parallel safe language sql as $$
  select case when value ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then value::uuid end $$;

create function tasker.bigint_or_null(value text) returns bigint immutable parallel safe language sql as $$
  select case when length(value) < 19 and translate(value, '0123456789', '') = '' and value <> '' then value::bigint end $$;

create function tasker.extract_queue_namespace(queue_name text) returns text immutable parallel safe language sql as $$
  select case when queue_name like 'orchestration%' then 'orchestration'
    else coalesce(substring(queue_name from '^worker_(.+)_queue$'), substring(queue_name from '^(.+)_queue$'), 'default') end $$;

-- A notification holds fewer than 8000 bytes: what does not fit is left out, and the listener looks into the queue.
create function tasker.pgmq_notify(queue_name text, msg_ids bigint[], message jsonb, delay_seconds int) returns void language plpgsql as $$
declare
  namespace text := tasker.extract_queue_namespace(queue_name);
  single boolean := cardinality(msg_ids) = 1;
  payload text;
begin
  if single then
    payload := json_build_object('event_type', 'message_with_payload', 'msg_id', msg_ids[1], 'queue_name', queue_name, 'namespace', namespace,
      'message', message, 'ready_at', clock_timestamp(), 'delay_seconds', delay_seconds);
  else
    payload := json_build_object('event_type', 'batch_ready', 'queue_name', queue_name, 'namespace', namespace, 'msg_ids', msg_ids,
      'message_count', cardinality(msg_ids), 'ready_at', clock_timestamp(), 'delay_seconds', delay_seconds);
  end if;
  if octet_length(payload) > 7000 and single then
    payload := json_build_object('event_type', 'message_ready', 'msg_id', msg_ids[1], 'queue_name', queue_name, 'namespace', namespace,
      'ready_at', clock_timestamp(), 'delay_seconds', delay_seconds, 'payload_omitted', true);
  elsif octet_length(payload) > 7000 then
    payload := json_build_object('event_type', 'batch_ready', 'queue_name', queue_name, 'namespace', namespace, 'msg_ids', '{}'::bigint[],
      'message_count', cardinality(msg_ids), 'ready_at', clock_timestamp(), 'delay_seconds', delay_seconds);
  end if;
  perform pg_notify(left('pgmq_message_ready.' || namespace, 63), payload), pg_notify('pgmq_message_ready', payload);
end $$;

create function tasker.pgmq_send_batch_with_notify(queue_name text, messages jsonb[], delay_seconds int default 0, headers jsonb[] default null)
returns bigint[] language plpgsql as $$
declare
  msg_ids bigint[] := array(select pgmq.send_batch(queue_name, messages, headers, clock_timestamp() + delay_seconds * interval '1 second'));
begin
  if cardinality(msg_ids) > 0 then
    perform tasker.pgmq_notify(queue_name, msg_ids, messages[1], delay_seconds);
  end if;
  return msg_ids;
end $$;

create function tasker.pgmq_send_with_notify(queue_name text, message jsonb, delay_seconds int default 0) returns bigint language sql as $$
  select (tasker.pgmq_send_batch_with_notify(queue_name, array[message], delay_seconds))[1] $$;

create function tasker.pgmq_read_specific_message(queue_name text, wanted bigint, vt_seconds int default 30)
returns table (msg_id bigint, read_ct int, enqueued_at timestamptz, vt timestamptz, message jsonb) language plpgsql as $$
begin
  return query execute format('with picked as materialized (
      select m.msg_id from pgmq.%I m where m.msg_id = $1 and m.vt <= clock_timestamp() for update skip locked)
    update pgmq.%1$I m set vt = clock_timestamp() + make_interval(secs => $2), read_ct = m.read_ct + 1 from picked p where m.msg_id = p.msg_id
    returning m.msg_id, m.read_ct, m.enqueued_at, m.vt, m.message', 'q_' || lower(queue_name)) using wanted, vt_seconds;
end $$;

create function tasker.pgmq_delete_specific_message(queue_name text, msg_id bigint) returns boolean language plpgsql as $$
begin
  return pgmq.delete(queue_name, msg_id);
end $$;

create function tasker.pgmq_extend_vt_specific_message(queue_name text, msg_id bigint, vt_seconds int) returns boolean language plpgsql as $$
begin
  return exists (select from pgmq.set_vt(queue_name, msg_id, vt_seconds));
end $$;

-- Makes a queue unless it is there, and has it vacuumed as the other small tables are. One whose messages tell of rows needs no
-- log: what a crash of the server takes is lost, and lost messages are sent again. That of a worker is read by what the worker
-- can run, the most urgent first.
create function tasker.make_queue(name text) returns void language plpgsql as $$
declare
  q text := 'q_' || lower(name);
begin
  if length(name) > 47 then
    raise exception 'the transport pgmq cannot have the queue %: its name is longer than 47 characters', name
      using hint = 'Shorten the namespace to 34 characters, or use the transport postgres.';
  end if;
  if not exists (select from pgmq.meta m where m.queue_name = name) then
    if name = 'orchestration_task_requests' then
      perform pgmq.create(name);
    else
      perform pgmq.create_unlogged(name);
    end if;
  end if;
  if name like 'worker\_%' and not exists (select from pg_indexes i where i.schemaname = 'pgmq' and i.tablename = q and i.indexdef like '%handler_id%') then
    execute format('create index on pgmq.%I (((headers ->> ''handler_id'')::int), ((headers ->> ''priority'')::int) desc, msg_id)', q);
    execute format('alter table pgmq.%I set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000)', q);
    perform pg_notify('pgmq_queue_created', jsonb_build_object('event_type', 'queue_created', 'queue_name', name,
      'namespace', tasker.extract_queue_namespace(name), 'created_at', clock_timestamp())::text);
  end if;
end $$;

-- Sends messages about ready steps. A header says which row each tells of. This runs for every batch of steps, so it does what
-- pgmq.send_batch does without the detour.
create function tasker.tell_ready() returns trigger language plpgsql as $$
declare
  r record;
  msg_ids bigint[];
begin
  for r in
    select 'worker_' || h.namespace || '_queue' as queue,
      array_agg(jsonb_object('{task_uuid,step_uuid,correlation_id}',
        array[a.task_uuid::text, tasker.step_uuid(a.task_uuid, a.step_no)::text, t.correlation_id::text])) as messages,
      array_agg(jsonb_object('{handler_id,priority,ready_id}', array[a.handler_id::text, a.priority::text, a.ready_id::text])) as headers
    from added a join tasker.handlers h on h.handler_id = a.handler_id join tasker.tasks t on t.task_uuid = a.task_uuid
    group by h.namespace
  loop
    execute format('with sent as (
        insert into pgmq.%I (vt, message, headers) select clock_timestamp(), unnest($1), unnest($2) returning msg_id
      ) select array_agg(msg_id) from sent', 'q_' || lower(r.queue))
    using r.messages, r.headers into msg_ids;
    perform tasker.pgmq_notify(r.queue, msg_ids, r.messages[1], 0);
  end loop;
  return null;
end $$;

create function tasker.tell_results() returns trigger language plpgsql as $$
begin
  perform tasker.pgmq_send_batch_with_notify('orchestration_step_results',
      array_agg(jsonb_build_object('task_uuid', a.task_uuid, 'step_uuid', tasker.step_uuid(a.task_uuid, a.step_no),
        'correlation_id', t.correlation_id)),
      0, array_agg(jsonb_build_object('result_id', a.result_id)))
  from added a join tasker.tasks t on t.task_uuid = a.task_uuid having count(*) > 0;
  return null;
end $$;

create function tasker.tell_namespaces() returns trigger language plpgsql as $$
begin
  perform tasker.make_queue('worker_' || a.namespace || '_queue') from (select distinct namespace from added order by 1) a;
  return null;
end $$;

create function tasker.pgmq_in_use() returns boolean stable language sql as $$
  select exists (select from pg_trigger where tgrelid = 'tasker.ready_steps'::regclass and tgname = 'ready_steps_told') $$;

-- When lost messages were last looked for.
create table tasker.message_sweep (swept_at timestamptz not null);
insert into tasker.message_sweep values ('-infinity');

-- Has rows told of again that have waited for longer than older_than and have no message: they are queued anew. However many
-- processes call it, it looks once in that time.
create function tasker.resend_lost(older_than interval, at_most int) returns int language plpgsql
set enable_hashjoin = on set enable_seqscan = on as $$
declare
  sent int := 0;
  n int;
  r record;
begin
  perform from tasker.message_sweep where swept_at <= clock_timestamp() - older_than for update skip locked;
  if not found then
    return 0;
  end if;
  update tasker.message_sweep set swept_at = clock_timestamp();
  for r in
    select h.namespace, array_agg(o.ready_id) as ready_ids
    from tasker.handlers h cross join lateral (
      select q.ready_id, q.ready_at from tasker.ready_steps q where q.handler_id = h.handler_id order by q.priority desc, q.ready_id limit at_most) o
    where o.ready_at <= clock_timestamp() - older_than group by h.namespace order by h.namespace
  loop
    execute format('with lost as materialized (
        select q.ctid as at from tasker.ready_steps q where q.ready_id = any($1) and not exists (
          select from pgmq.%I m where tasker.bigint_or_null(m.headers ->> ''ready_id'') = q.ready_id) for update skip locked
      ), gone as (
        delete from tasker.ready_steps q where q.ctid = any(array(select at from lost)) returning *
      )
      insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no, ready_at)
      select handler_id, priority, task_uuid, step_no, ready_at from gone order by ready_id', lower('q_worker_' || r.namespace || '_queue'))
    using r.ready_ids;
    get diagnostics n = row_count;
    sent := sent + n;
  end loop;
  -- What is hidden was taken by its row, or set aside.
  with lost as materialized (
    select q.result_id from tasker.step_results_queue q
    where q.hidden_until <= clock_timestamp() and q.queued_at <= clock_timestamp() - older_than and not exists (
      select from pgmq.q_orchestration_step_results m where tasker.bigint_or_null(m.headers ->> 'result_id') = q.result_id)
    order by q.result_id limit at_most for update skip locked
  ), gone as (
    delete from tasker.step_results_queue q using lost l where q.result_id = l.result_id returning q.*
  )
  insert into tasker.step_results_queue (task_uuid, step_no, attempt, queued_at) select task_uuid, step_no, attempt, queued_at from gone order by result_id;
  get diagnostics n = row_count;
  return sent + n;
end $$;

-- Has steps and results told of by messages from here on, and tells of those that wait already.
create function tasker.use_pgmq() returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('tasker.use_pgmq', 0));
  if tasker.pgmq_in_use() then
    return;
  end if;
  perform tasker.make_queue('orchestration_step_results'), tasker.make_queue('orchestration_task_requests');
  create or replace trigger handlers_told after insert on tasker.handlers
    referencing new table as added for each statement execute function tasker.tell_namespaces();
  perform tasker.make_queue('worker_' || h.namespace || '_queue') from (select distinct namespace from tasker.handlers order by 1) h;
  create or replace trigger ready_steps_told after insert on tasker.ready_steps
    referencing new table as added for each statement execute function tasker.tell_ready();
  create or replace trigger step_results_told after insert on tasker.step_results_queue
    referencing new table as added for each statement execute function tasker.tell_results();
  perform tasker.resend_lost(interval '0', null);
end $$;

-- Ends that. Messages about rows go, for the rows tell all that they did; requests stay.
create function tasker.leave_pgmq() returns void language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('tasker.use_pgmq', 0));
  if not tasker.pgmq_in_use() then
    return;
  end if;
  drop trigger if exists ready_steps_told on tasker.ready_steps;
  drop trigger if exists step_results_told on tasker.step_results_queue;
  drop trigger if exists handlers_told on tasker.handlers;
  perform pgmq.purge_queue(m.queue_name) from pgmq.meta m
  where m.queue_name = 'orchestration_step_results' or m.queue_name like 'worker\_%\_queue';
end $$;

-- Puts in order what others sent to a worker's queue: a message that names a ready step learns which row it tells of, one that
-- names a step that is not ready goes, and one that names no step at all is archived once it was read max_reads times.
create function tasker.sort_foreign_messages(name text, hide interval, max_reads int, out sorted int, out archived bigint[]) language plpgsql as $$
declare
  q text := 'q_' || lower(name);
begin
  execute format('with seen as materialized (
      select m.msg_id, m.read_ct, tasker.uuid_or_null(m.message ->> ''task_uuid'') as task_uuid,
        tasker.uuid_or_null(m.message ->> ''step_uuid'') as step_uuid
      from pgmq.%I m where (m.headers ->> ''handler_id'')::int is null and m.vt <= clock_timestamp() limit 500 for update skip locked
    ), named as materialized (
      select e.*, r.ready_id, r.handler_id, r.priority from seen e
      left join lateral (
        select x.ready_id, x.handler_id, x.priority from tasker.workflow_steps s
        join tasker.ready_steps x on x.handler_id = s.handler_id and x.task_uuid = s.task_uuid and x.step_no = s.step_no
        where s.task_uuid = e.task_uuid and s.step_no = tasker.step_number(e.task_uuid, e.step_uuid) and s.state = ''enqueued'' limit 1) r on true
    ), known as (
      update pgmq.%1$I m set headers = coalesce(m.headers, ''{}'') || jsonb_build_object(''handler_id'', n.handler_id, ''priority'', n.priority, ''ready_id'', n.ready_id)
      from named n where m.msg_id = n.msg_id and n.ready_id is not null returning m.msg_id
    ), late as (
      delete from pgmq.%1$I m using named n where m.msg_id = n.msg_id and n.ready_id is null and tasker.step_number(n.task_uuid, n.step_uuid) is not null
    ), strange as (
      update pgmq.%1$I m set read_ct = m.read_ct + 1, vt = clock_timestamp() + $1
      from named n where m.msg_id = n.msg_id and tasker.step_number(n.task_uuid, n.step_uuid) is null returning m.msg_id, m.read_ct
    )
    select (select count(*)::int from known), (select array_agg(msg_id) from strange where read_ct >= $2)', q)
  using hide, max_reads into sorted, archived;
  if archived is not null then
    perform pgmq.archive(name, archived);
  end if;
end $$;
