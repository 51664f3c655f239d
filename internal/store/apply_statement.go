package store

import (
	"strings"
	"text/template"
)

// The statement of [Store.ApplyOutcomes]. PostgreSQL prepares all parts of a statement at each execution, so the many batches
// in which handlers only succeed or fail for good, and which the worker itself reports, are spared the parts of all others.
var (
	applyEnds     = applyStatement(false)
	applyOutcomes = applyStatement(true)
)

func applyStatement(requeues bool) string {
	var sql strings.Builder
	if err := template.Must(template.New("").Parse(applyTemplate)).Execute(&sql, struct{ Requeues bool }{requeues}); err != nil {
		panic(err)
	}
	return sql.String()
}

const applyTemplate = `/* tasker:apply_{{if .Requeues}}outcomes{{else}}ends{{end}} */
with me as materialized (
  select from tasker.workers where worker_id = $8 and lease_until > clock_timestamp() and stopped_at is null
), inp as (
  select * from unnest($1::uuid[], $2::int[], $3::int[], $4::smallint[], $5::text[], $6::text[], $7::int[]{{if .Requeues}}, $11::int[], $12::bool[]{{end}})
    as u(task_uuid, step_no, attempt, kind, result, outcome, exec_ms{{if .Requeues}}, delay_ms, reported{{end}})
), done as (
  update tasker.workflow_steps s set
    state = case inp.kind when 1 then 'complete'::tasker.step_state
             {{- if .Requeues}} when 2 then 'waiting_for_retry' when 4 then 'enqueued' when 5 then 'enqueued' when 7 then 'enqueued'{{end}} else 'error' end,
    result = coalesce(inp.result::jsonb, s.result),
    outcome = inp.outcome::jsonb,
    worker_id = null
    {{- if .Requeues}},
    crashes = s.crashes + (inp.kind in (5, 6))::int,
    forgiven = s.forgiven + (inp.kind = 4)::int,
    run_at = case inp.kind when 2 then clock_timestamp() + inp.delay_ms * interval '1 millisecond' end{{end}}
  from inp
  where s.task_uuid = inp.task_uuid and s.step_no = inp.step_no and s.attempt = inp.attempt
    and s.state = {{if .Requeues}}case when inp.reported then case when inp.kind = 1 then 'enqueued_for_orchestration'::tasker.step_state
                   else 'enqueued_as_error_for_orchestration' end else 'in_progress' end{{else}}'in_progress'{{end}}
  returning s.task_uuid, s.step_no, s.attempt, s.children, s.sink, s.state, inp.kind, inp.exec_ms, inp.outcome
    {{- if .Requeues}}, s.handler_id, s.priority, s.run_at, inp.reported{{end}}
), dec as materialized (
  select task_uuid, child, n, row_number() over () <= $10 and exists (select from me) as within from (
    select d.task_uuid, c.child, count(*)::int as n
    from done d cross join lateral unnest(d.children) as c(child)
    where d.kind = 1 group by 1, 2 order by 1, 2) g
), kids as (
  update tasker.workflow_steps s set
    waiting_on = s.waiting_on - dec.n,
    state = case when s.waiting_on > dec.n then 'pending'::tasker.step_state
             when dec.within and s.handler_id = any($9::int[]) then 'in_progress'
             else 'enqueued' end,
    attempt = s.attempt + (s.waiting_on = dec.n and dec.within and s.handler_id = any($9::int[]))::int,
    worker_id = case when s.waiting_on = dec.n and dec.within and s.handler_id = any($9::int[]) then $8::int end
  from dec
  where s.task_uuid = dec.task_uuid and s.step_no = dec.child and s.state = 'pending'
  returning s.task_uuid, s.step_no, s.attempt, s.crashes, s.forgiven, s.handler_id, s.priority, s.name, s.state, s.inputs,
    s.checkpoint
), queued as (
  insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no)
  select handler_id, priority, task_uuid, step_no from kids where state = 'enqueued'
  {{- if .Requeues}}
  union all
  select handler_id, priority, task_uuid, step_no from done where state = 'enqueued'{{end}}
  returning handler_id
{{- if .Requeues}}
), timed as (
  insert into tasker.step_timers (run_at, task_uuid, step_no, attempt)
  select run_at, task_uuid, step_no, attempt from done where kind = 2
{{- end}}
), moved as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, exec_ms, path, detail)
  select task_uuid, step_no, attempt, $8, exec_ms,
    {{if .Requeues}}case when reported then case kind
       when 1 then '{enqueued_for_orchestration,complete}'::tasker.step_state[]
       when 2 then '{enqueued_as_error_for_orchestration,waiting_for_retry}'
       when 7 then '{enqueued_as_error_for_orchestration,waiting_for_retry,pending,enqueued}'
       else '{enqueued_as_error_for_orchestration,error}' end
     else case kind
       when 1 then '{in_progress,enqueued_for_orchestration,complete}'::tasker.step_state[]
       when 2 then '{in_progress,enqueued_as_error_for_orchestration,waiting_for_retry}'
       when 3 then '{in_progress,enqueued_as_error_for_orchestration,error}'
       when 6 then '{in_progress,error}'
       when 7 then '{in_progress,enqueued_as_error_for_orchestration,waiting_for_retry,pending,enqueued}'
       else '{in_progress,waiting_for_retry,pending,enqueued}' end end
    {{- else}}case kind when 1 then '{in_progress,enqueued_for_orchestration,complete}'::tasker.step_state[]
      else '{in_progress,enqueued_as_error_for_orchestration,error}' end{{end}},
    case when kind <> 1 then outcome::jsonb end
  from done
  union all
  select task_uuid, step_no, attempt, case state when 'in_progress' then $8::int end, null,
    case state when 'in_progress' then '{pending,enqueued,in_progress}'::tasker.step_state[] else '{pending,enqueued}' end, null
  from kids where state <> 'pending'
), task as (
  update tasker.tasks t set
    sinks_left = t.sinks_left - x.sinks,
    failed_steps = t.failed_steps + x.failed,
    state = case when t.sinks_left = x.sinks then 'complete'::tasker.task_state when t.failed_steps + x.failed > 0 then 'blocked_by_failures'
             else t.state end,
    completed_at = case when t.sinks_left = x.sinks then clock_timestamp() end
  from (select task_uuid, (count(*) filter (where kind = 1 and sink))::int as sinks,
               (count(*) filter (where state = 'error'))::int as failed
        from done where (kind = 1 and sink) or state = 'error' group by 1 order by 1) x
  where t.task_uuid = x.task_uuid and t.state not in ('complete', 'error', 'cancelled', 'resolved_manually')
  returning t.task_uuid, t.state, t.failed_steps = x.failed and x.failed > 0 as newly_blocked
), ended as (
  insert into tasker.task_transitions (task_uuid, path)
  select task_uuid, case state when 'complete' then '{steps_in_process,evaluating_results,complete}'::tasker.task_state[]
    else '{steps_in_process,evaluating_results,blocked_by_failures}' end
  from task where state = 'complete' or newly_blocked
  returning task_uuid, path[3] as state
), freed as (
  delete from tasker.task_claims c using ended e where e.state = 'complete' and c.task_uuid = e.task_uuid
), told as (
  select count(pg_notify('tasker_ready', q.handler_id::text)) as n from (select distinct handler_id from queued) q
)
select 1::smallint, task_uuid, step_no, attempt, crashes, forgiven, handler_id, name, inputs::text, checkpoint::text
from kids where state = 'in_progress'
union all
select 2, task_uuid, case state when 'complete' then 1 else 0 end, 0, 0, 0, 0, '', null, null from ended
union all
select 3, null, (select count(*)::int from done), (select n::int from told), 0, 0, 0, '', null, null`
