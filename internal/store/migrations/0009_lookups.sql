-- Rows are looked up one by one by = any(array[...]), which PostgreSQL cannot turn into going through an index in its order. It does
-- that while it believes tables to be small, or a task to have few steps, and keeps such plans. What also runs where joins go by
-- hash and scans are allowed looks rows up in lateral queries, without scans.

-- Ends one attempt, which a worker reports, and whose handler succeeded or failed for good. No row: the attempt is over.
create or replace function tasker.end_attempt(
  p_task uuid, p_step int, p_attempt int, p_succeeded boolean, p_result text, p_outcome text, p_exec_ms int,
  p_worker int, p_handlers int[], p_budget int,
  out what smallint, out task_uuid uuid, out step_no int, out attempt int, out crashes int, out forgiven int,
  out handler_id int, out name text, out inputs text, out checkpoint text)
returns setof record language plpgsql as $$
#variable_conflict use_column
declare
  v_sink boolean;
  v_children int[];
  v_lease boolean := false;
  v_kid tasker.step_state;
  v_priority int;
  v_task tasker.task_state;
  v_failed int;
begin
  update tasker.workflow_steps s set
    state = case when p_succeeded then 'complete'::tasker.step_state else 'error' end,
    result = coalesce(p_result::jsonb, s.result),
    outcome = p_outcome::jsonb,
    worker_id = null
  where s.task_uuid = p_task and s.step_no = p_step and s.attempt = p_attempt and s.state = 'in_progress'
  returning s.sink, s.children into v_sink, v_children;
  if not found then
    return;
  end if;
  insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, exec_ms, path, detail)
  values (p_task, p_step, p_attempt, p_worker, p_exec_ms,
    case when p_succeeded then '{in_progress,enqueued_for_orchestration,complete}'::tasker.step_state[]
      else '{in_progress,enqueued_as_error_for_orchestration,error}' end,
    case when not p_succeeded then p_outcome::jsonb end);
  task_uuid := p_task;

  if p_succeeded and v_children <> '{}' then
    if p_budget > 0 then
      perform from tasker.workers where worker_id = p_worker and lease_until > clock_timestamp() and stopped_at is null;
      v_lease := found;
    end if;
    if cardinality(v_children) = 1 then
      update tasker.workflow_steps s set
        waiting_on = s.waiting_on - 1,
        state = case when s.waiting_on > 1 then 'pending'::tasker.step_state
                 when v_lease and s.handler_id = any(p_handlers) then 'in_progress'
                 else 'enqueued' end,
        attempt = s.attempt + (s.waiting_on = 1 and v_lease and s.handler_id = any(p_handlers))::int,
        worker_id = case when s.waiting_on = 1 and v_lease and s.handler_id = any(p_handlers) then p_worker end
      where s.task_uuid = p_task and s.step_no = v_children[1] and s.state = 'pending'
      returning s.step_no, s.attempt, s.crashes, s.forgiven, s.handler_id, s.priority, s.name, s.state, s.inputs::text, s.checkpoint::text
      into step_no, attempt, crashes, forgiven, handler_id, v_priority, name, v_kid, inputs, checkpoint;
      if v_kid in ('in_progress', 'enqueued') then
        insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, path)
        values (p_task, step_no, attempt, case v_kid when 'in_progress' then p_worker end,
          case v_kid when 'in_progress' then '{pending,enqueued,in_progress}'::tasker.step_state[] else '{pending,enqueued}' end);
      end if;
      if v_kid = 'in_progress' then
        what := 1;
        return next;
      elsif v_kid = 'enqueued' then
        insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no) values (handler_id, v_priority, p_task, step_no);
        perform pg_notify('tasker_ready', handler_id::text);
      end if;
    else
      return query with dec as materialized (
        select p_task as task, child, v_lease and row_number() over () <= p_budget as within
        from (select unnest(v_children) as child order by 1) c
      ), kids as (
        update tasker.workflow_steps s set
          waiting_on = s.waiting_on - 1,
          state = case when s.waiting_on > 1 then 'pending'::tasker.step_state
                   when dec.within and s.handler_id = any(p_handlers) then 'in_progress'
                   else 'enqueued' end,
          attempt = s.attempt + (s.waiting_on = 1 and dec.within and s.handler_id = any(p_handlers))::int,
          worker_id = case when s.waiting_on = 1 and dec.within and s.handler_id = any(p_handlers) then p_worker end
        from dec where s.task_uuid = any(array[dec.task]) and s.step_no = dec.child and s.state = 'pending'
        returning s.step_no, s.attempt, s.crashes, s.forgiven, s.handler_id, s.priority, s.name, s.state, s.inputs, s.checkpoint
      ), moved as (
        insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, path)
        select p_task, step_no, attempt, case state when 'in_progress' then p_worker end,
          case state when 'in_progress' then '{pending,enqueued,in_progress}'::tasker.step_state[] else '{pending,enqueued}' end
        from kids where state <> 'pending'
      ), queued as (
        insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no)
        select handler_id, priority, p_task, step_no from kids where state = 'enqueued'
        returning handler_id
      ), told as (
        select count(pg_notify('tasker_ready', q.handler_id::text)) as n from (select distinct handler_id from queued) q
      )
      select 1::smallint, p_task, step_no, attempt, crashes, forgiven, handler_id, name, inputs::text, checkpoint::text
      from kids where state = 'in_progress'
      union all
      select 4::smallint, null, n::int, 0, 0, 0, 0, '', null, null from told;
    end if;
  end if;

  if v_sink or not p_succeeded then
    update tasker.tasks t set
      sinks_left = t.sinks_left - p_succeeded::int,
      failed_steps = t.failed_steps + (not p_succeeded)::int,
      state = case when t.sinks_left = p_succeeded::int then 'complete'::tasker.task_state
               when t.failed_steps > 0 or not p_succeeded then 'blocked_by_failures'
               else t.state end,
      completed_at = case when t.sinks_left = p_succeeded::int then clock_timestamp() end
    where t.task_uuid = p_task and t.state not in ('complete', 'error', 'cancelled', 'resolved_manually')
    returning t.state, t.failed_steps into v_task, v_failed;
    if v_task = 'complete' or not p_succeeded and v_failed = 1 then
      insert into tasker.task_transitions (task_uuid, path)
      values (p_task, case v_task when 'complete' then '{steps_in_process,evaluating_results,complete}'::tasker.task_state[]
        else '{steps_in_process,evaluating_results,blocked_by_failures}' end);
      if v_task = 'complete' then
        delete from tasker.task_claims where task_uuid = p_task;
      end if;
      what := 2;
      step_no := (v_task = 'complete')::int;
      return next;
    end if;
  end if;
  what := 3;
  step_no := 1;
  return next;
end $$;

-- Sends messages about ready steps. A header says which row each tells of. This runs for every batch of steps, so it does what
-- pgmq.send_batch does without the detour.
create or replace function tasker.tell_ready() returns trigger language plpgsql set enable_seqscan = off as $$
declare
  r record;
  msg_ids bigint[];
begin
  for r in
    select 'worker_' || h.namespace || '_queue' as queue,
      array_agg(jsonb_object('{task_uuid,step_uuid,correlation_id}',
        array[a.task_uuid::text, tasker.step_uuid(a.task_uuid, a.step_no)::text, t.correlation_id::text])) as messages,
      array_agg(jsonb_object('{handler_id,priority,ready_id}', array[a.handler_id::text, a.priority::text, a.ready_id::text])) as headers
    from added a join tasker.handlers h on h.handler_id = a.handler_id
    cross join lateral (select k.correlation_id from tasker.tasks k where k.task_uuid = a.task_uuid offset 0) t
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

create or replace function tasker.tell_results() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  perform tasker.pgmq_send_batch_with_notify('orchestration_step_results',
      array_agg(jsonb_build_object('task_uuid', a.task_uuid, 'step_uuid', tasker.step_uuid(a.task_uuid, a.step_no),
        'correlation_id', t.correlation_id)),
      0, array_agg(jsonb_build_object('result_id', a.result_id)))
  from added a cross join lateral (select k.correlation_id from tasker.tasks k where k.task_uuid = a.task_uuid offset 0) t having count(*) > 0;
  return null;
end $$;
