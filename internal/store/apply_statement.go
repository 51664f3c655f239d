package store

import (
	"strings"
	"text/template"
)

// The statement of [Store.ApplyOutcomes]. PostgreSQL prepares all parts of a statement at each execution, so the many batches
// in which handlers only succeed or fail for good, and which the worker itself reports, are spared the parts of all others.
var (
	applyEnds     = applyStatement(false, false)
	applyOutcomes = applyStatement(true, false)
	// applyGrowth also ends batches, and decisions that cannot be carried out.
	applyGrowth = applyStatement(true, true)
)

func applyStatement(requeues, grows bool) string {
	var sql strings.Builder
	if err := template.Must(template.New("").Parse(applyTemplate)).Execute(&sql, struct{ Requeues, Grows bool }{requeues, grows}); err != nil {
		panic(err)
	}
	return sql.String()
}

const applyTemplate = `/* tasker:apply_{{if .Grows}}growth{{else if .Requeues}}outcomes{{else}}ends{{end}} */
with me as materialized (
  select from tasker.workers where worker_id = $8 and lease_until > clock_timestamp() and stopped_at is null
), inp as (
  select * from unnest($1::uuid[], $2::int[], $3::int[], $4::smallint[], $5::text[], $6::text[], $7::int[]{{if .Requeues}}, $11::int[], $12::bool[]{{end}}{{if .Grows}}, $13::int[]{{end}})
    as u(task_uuid, step_no, attempt, kind, result, outcome, exec_ms{{if .Requeues}}, delay_ms, reported{{end}}{{if .Grows}}, pattern{{end}})
), done as (
  update tasker.workflow_steps s set
    state = case inp.kind when 1 then 'complete'::tasker.step_state
             {{- if .Requeues}} when 2 then 'waiting_for_retry' when 4 then 'enqueued' when 5 then 'enqueued' when 7 then 'enqueued'{{end}}
             {{- if .Grows}} when 8 then 'resolved_manually'{{end}} else 'error' end,
    result = coalesce(inp.result::jsonb, s.result),
    outcome = inp.outcome::jsonb,
    worker_id = null
    {{- if .Requeues}},
    crashes = s.crashes + (inp.kind in (5, 6))::int,
    forgiven = s.forgiven + (inp.kind = 4)::int,
    run_at = case inp.kind when 2 then clock_timestamp() + inp.delay_ms * interval '1 millisecond' end{{end}}
  from inp
  where s.task_uuid = any(array[inp.task_uuid]) and s.step_no = inp.step_no and s.attempt = inp.attempt
    and s.state = {{if .Requeues}}case when inp.reported then case when inp.kind {{if .Grows}}in (1, 9){{else}}= 1{{end}} then 'enqueued_for_orchestration'::tasker.step_state
                   else 'enqueued_as_error_for_orchestration' end else 'in_progress' end{{else}}'in_progress'{{end}}
  returning s.task_uuid, s.step_no, s.attempt, s.children, s.sink, s.state, inp.kind, inp.exec_ms, inp.outcome
    {{- if .Requeues}}, s.handler_id, s.priority, s.run_at, inp.reported{{end}}{{if .Grows}}, inp.pattern
), batches as materialized (
  select b.*, e.failed and b.fail_fast as cut, case when e.failed and b.fail_fast then 0 else least(b.batches - b.released, e.n) end as more
  from (select task_uuid, pattern, count(*)::int as n, bool_or(state = 'error') as failed from done
        where pattern is not null and state in ('complete', 'error', 'resolved_manually') group by 1, 2 order by 1, 2) e
  join tasker.step_batches b on b.task_uuid = any(array[e.task_uuid]) and b.worker_no = e.pattern
  where b.released < b.batches or e.failed and b.fail_fast
  for update of b
), released as (
  update tasker.step_batches b set released = case when g.cut then b.batches else b.released + g.more end
  from batches g where b.task_uuid = any(array[g.task_uuid]) and b.worker_no = g.worker_no
), cutting as materialized (
  select s.task_uuid, s.step_no, s.attempt, s.state, s.worker_id, s.handler_id, s.run_at, s.step_no / g.stride > g.released as held
  from batches g join tasker.workflow_steps s on s.task_uuid = any(array[g.task_uuid]) and s.step_no > g.stride and mod(s.step_no, g.stride) = g.worker_no
  where g.cut and s.state not in ('complete', 'error', 'cancelled', 'resolved_manually')
    and not exists (select from done d where d.task_uuid = s.task_uuid and d.step_no = s.step_no)
  for update of s
), cut as (
  update tasker.workflow_steps s set state = 'error', worker_id = null, run_at = null, outcome = $14::text::jsonb,
    waiting_on = s.waiting_on - c.held::int
  from cutting c where s.task_uuid = any(array[c.task_uuid]) and s.step_no = c.step_no
  returning s.task_uuid
), unqueued as (
  delete from tasker.ready_steps q where q.ctid = any(array(
    select r.at from cutting c cross join lateral (
      select r.ctid as at from tasker.ready_steps r where r.handler_id = c.handler_id and r.task_uuid = c.task_uuid and r.step_no = c.step_no
      order by r.priority desc, r.ready_id limit 1 for update skip locked) r
    where c.state = 'enqueued'))
), untimed as (
  delete from tasker.step_timers q where q.ctid = any(array(
    select r.at from cutting c cross join lateral (
      select r.ctid as at from tasker.step_timers r where r.run_at = c.run_at and r.task_uuid = c.task_uuid and r.step_no = c.step_no
      for update skip locked) r
    where c.state = 'waiting_for_retry')){{end}}
), dec as materialized (
  select task_uuid, child, n, row_number() over () <= $10 and exists (select from me) as within from (
    select d.task_uuid, c.child, count(*)::int as n
    from {{if not .Grows}}done d cross join lateral unnest(d.children) as c(child)
    where d.kind = 1{{else}}(
      select task_uuid, children from done where kind in (1, 8)
      union all
      select task_uuid, array(select worker_no + i * stride from generate_series(released + 1, released + more) i) from batches
    ) d cross join lateral unnest(d.children) as c(child){{end}} group by 1, 2 order by 1, 2) g
), kids as (
  update tasker.workflow_steps s set
    waiting_on = s.waiting_on - dec.n,
    state = case when s.waiting_on > dec.n then 'pending'::tasker.step_state
             when dec.within and s.handler_id = any($9::int[]) then 'in_progress'
             else 'enqueued' end,
    attempt = s.attempt + (s.waiting_on = dec.n and dec.within and s.handler_id = any($9::int[]))::int,
    worker_id = case when s.waiting_on = dec.n and dec.within and s.handler_id = any($9::int[]) then $8::int end
  from dec
  where s.task_uuid = any(array[dec.task_uuid]) and s.step_no = dec.child and s.state = 'pending'
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
       {{- if .Grows}}
       when 8 then '{enqueued_as_error_for_orchestration,error,resolved_manually}'
       when 9 then '{enqueued_for_orchestration,error}'{{end}}
       else '{enqueued_as_error_for_orchestration,error}' end
     else case kind
       when 1 then '{in_progress,enqueued_for_orchestration,complete}'::tasker.step_state[]
       when 2 then '{in_progress,enqueued_as_error_for_orchestration,waiting_for_retry}'
       when 3 then '{in_progress,enqueued_as_error_for_orchestration,error}'
       when 6 then '{in_progress,error}'
       {{- if .Grows}}
       when 8 then '{in_progress,enqueued_as_error_for_orchestration,error,resolved_manually}'
       when 9 then '{in_progress,enqueued_for_orchestration,error}'{{end}}
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
  {{- if .Grows}}
  union all
  select task_uuid, step_no, attempt, worker_id, null, array[state, 'error'], $14::text::jsonb from cutting{{end}}
), task as (
  update tasker.tasks t set
    sinks_left = t.sinks_left - x.sinks,
    failed_steps = t.failed_steps + x.failed,
    state = case when t.sinks_left = x.sinks then 'complete'::tasker.task_state when t.failed_steps + x.failed > 0 then 'blocked_by_failures'
             else t.state end,
    completed_at = case when t.sinks_left = x.sinks then clock_timestamp() end
  from (select task_uuid, (count(*) filter (where {{if .Grows}}kind in (1, 8){{else}}kind = 1{{end}} and sink))::int as sinks,
               (count(*) filter (where state = 'error'))::int as failed
        from {{if .Grows}}(select task_uuid, kind, sink, state from done union all select task_uuid, 3, false, 'error' from cut) d
        where (kind in (1, 8) and sink) or state = 'error'{{else}}done where (kind = 1 and sink) or state = 'error'{{end}} group by 1 order by 1) x
  where t.task_uuid = any(array[x.task_uuid]) and t.state not in ('complete', 'error', 'cancelled', 'resolved_manually')
  returning t.task_uuid, t.state, t.failed_steps = x.failed and x.failed > 0 as newly_blocked
), ended as (
  insert into tasker.task_transitions (task_uuid, path)
  select task_uuid, case state when 'complete' then '{steps_in_process,evaluating_results,complete}'::tasker.task_state[]
    else '{steps_in_process,evaluating_results,blocked_by_failures}' end
  from task where state = 'complete' or newly_blocked
  returning task_uuid, path[3] as state
), freed as (
  delete from tasker.task_claims c using ended e where e.state = 'complete' and c.task_uuid = any(array[e.task_uuid])
), told as (
  select count(pg_notify('tasker_ready', q.handler_id::text)) as n from (select distinct handler_id from queued) q
{{- if .Grows}}
), stopped as (
  select count(pg_notify('tasker_cancel', c.task_uuid::text)) as n from (select distinct task_uuid from cutting where worker_id is not null) c
{{- end}}
)
select 1::smallint, task_uuid, step_no, attempt, crashes, forgiven, handler_id, name, inputs::text, checkpoint::text
from kids where state = 'in_progress'
union all
select 2, task_uuid, case state when 'complete' then 1 else 0 end, 0, 0, 0, 0, '', null, null from ended
union all
select 3, null, (select count(*)::int from done), (select n::int from told){{if .Grows}} + (select n::int from stopped){{end}}, 0, 0, 0, '', null, null`
