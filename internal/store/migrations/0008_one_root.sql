-- Most tasks start with one step, for which scalars do what several roots, or none, need sets of rows for.
alter function tasker.create_task rename to create_task_of_roots;

-- Makes a task that starts at once. No row: its identity exists.
create function tasker.create_task(
  p_task uuid, p_template int, p_priority int, p_identity_hash bytea, p_correlation_id uuid, p_parent_correlation_id uuid,
  p_initiator text, p_source_system text, p_reason text, p_tags text[], p_context text, p_requested_at timestamptz,
  p_worker int, p_handlers int[], p_budget int,
  out what smallint, out task_uuid uuid, out step_no int, out attempt int, out crashes int, out forgiven int,
  out handler_id int, out name text, out inputs text, out checkpoint text)
returns setof record language plpgsql as $$
#variable_conflict use_column
declare
  v_roots int;
  v_sinks int;
  v_lease boolean := false;
begin
  select t.root_count, t.sink_count into v_roots, v_sinks from tasker.task_templates t where t.template_id = p_template;
  if v_roots is distinct from 1 then
    return query select * from tasker.create_task_of_roots(p_task, p_template, p_priority, p_identity_hash, p_correlation_id,
      p_parent_correlation_id, p_initiator, p_source_system, p_reason, p_tags, p_context, p_requested_at, p_worker, p_handlers,
      p_budget);
    return;
  end if;
  insert into tasker.tasks (task_uuid, template_id, priority, state, sinks_left, identity_hash, correlation_id,
    parent_correlation_id, initiator, source_system, reason, tags, context, requested_at)
  values (p_task, p_template, p_priority, 'steps_in_process', v_sinks, p_identity_hash, p_correlation_id, p_parent_correlation_id,
    p_initiator, p_source_system, p_reason, coalesce(p_tags, '{}'), p_context::jsonb, p_requested_at)
  on conflict (identity_hash) do nothing;
  if not found then
    return;
  end if;
  insert into tasker.task_transitions (task_uuid, path)
  values (p_task, '{pending,initializing,enqueuing_steps,steps_in_process}');

  select ts.step_no, ts.handler_id, ts.name into step_no, handler_id, name
  from tasker.template_steps ts where ts.template_id = p_template and ts.initial and ts.waiting_on = 0;
  if p_budget > 0 and handler_id = any(p_handlers) then
    perform from tasker.workers where worker_id = p_worker and lease_until > clock_timestamp() and stopped_at is null;
    v_lease := found;
  end if;
  insert into tasker.workflow_steps (task_uuid, step_no, state, waiting_on, attempt, worker_id, handler_id, priority, sink, name,
    children)
  select p_task, ts.step_no,
    case when ts.waiting_on > 0 then 'pending'::tasker.step_state when v_lease then 'in_progress' else 'enqueued' end,
    ts.waiting_on, (ts.waiting_on = 0 and v_lease)::int, case when ts.waiting_on = 0 and v_lease then p_worker end, ts.handler_id,
    p_priority, ts.sink, ts.name, ts.children
  from tasker.template_steps ts where ts.template_id = p_template and ts.initial;
  insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, path)
  values (p_task, step_no, v_lease::int, case when v_lease then p_worker end,
    case when v_lease then '{pending,enqueued,in_progress}'::tasker.step_state[] else '{pending,enqueued}' end);
  if v_lease then
    insert into tasker.task_claims (worker_id, task_uuid) values (p_worker, p_task);
    what := 1;
    task_uuid := p_task;
    attempt := 1;
    crashes := 0;
    forgiven := 0;
    return next;
  else
    insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no) values (handler_id, p_priority, p_task, step_no);
    perform pg_notify('tasker_ready', handler_id::text);
  end if;
  what := 3;
  step_no := 1;
  return next;
end $$;
