package store

// movedByHand is true of a step whose task somebody acted on. Such actions leave the step's rows in the queue and among the
// timers to whoever takes them, who drops what the step is not waiting for any more.
const movedByHand = `exists (select from tasker.task_transitions x where x.task_uuid = s.task_uuid and x.detail ? 'action')`

// invariants are the rules of [Store.Check]. A step is open until it is complete, cancelled or resolved.
var invariants = []invariant{
	{"waiting_on", "a step waits for as many parents as are neither complete nor resolved, for its turn if it is a held batch, and behind the gate if its task is paused", `
select s.task_uuid, s.step_no, format('waiting_on is %s, counted are %s', s.waiting_on, coalesce(c.n, 0))
from tasker.workflow_steps s
join tasker.tasks t using (task_uuid)
left join (
  select p.task_uuid, c.child, count(*) filter (where p.state not in ('complete', 'resolved_manually')) as n
  from tasker.workflow_steps p cross join lateral unnest(p.children) as c(child) group by 1, 2
) c on c.task_uuid = s.task_uuid and c.child = s.step_no
where s.waiting_on <> coalesce(c.n, 0) + (` + heldBatch + `)::int + case when t.paused_at is null then 0 else ` + holdGate + ` end
  and s.state not in ('complete', 'error', 'cancelled', 'resolved_manually')`},

	{"task_counters", "sinks_left counts the task's open sinks, failed_steps its steps in state error", `
select t.task_uuid, null::int, format('sinks_left is %s, counted are %s; failed_steps is %s, counted are %s', t.sinks_left, c.sinks, t.failed_steps, c.failed)
from tasker.tasks t cross join lateral (
  select count(*) filter (where s.sink and s.state not in ('complete', 'resolved_manually')) as sinks,
    count(*) filter (where s.state = 'error') as failed
  from tasker.workflow_steps s where s.task_uuid = t.task_uuid) c
where (t.sinks_left <> c.sinks or t.failed_steps <> c.failed) and t.state <> 'resolved_manually'`},

	{"task_state", "a task is complete when its last step is, and blocked_by_failures when one has failed for good", `
select t.task_uuid, null::int, format('the task is %s; of its %s steps %s are open and %s failed', t.state, c.total, c.open, c.failed)
from tasker.tasks t cross join lateral (
  select count(*) as total, count(*) filter (where s.state not in ('complete', 'cancelled', 'resolved_manually')) as open,
    count(*) filter (where s.state = 'error') as failed
  from tasker.workflow_steps s where s.task_uuid = t.task_uuid) c
where case
  when t.state in ('complete', 'cancelled') then c.open > 0
  when t.state in ('error', 'resolved_manually') then false
  else c.open = 0 or (t.state = 'blocked_by_failures') <> (c.failed > 0) end`},

	{"stuck_task", "an open task has a step that can be claimed, runs, waits for a time or for a decision, or has failed for good", `
select t.task_uuid, null::int, format('the task is %s, and nothing will ever move it', t.state)
from tasker.tasks t
where t.state not in ('complete', 'error', 'cancelled', 'resolved_manually', 'blocked_by_failures') and t.paused_at is null and not exists (
  select from tasker.workflow_steps s where s.task_uuid = t.task_uuid and (s.state in ('enqueued', 'in_progress',
    'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration', 'waiting_for_retry') or s.state = 'pending' and s.waiting_on = 0))`},

	{"step_owner", "a step has a worker while it is in progress and at no other time", `
select task_uuid, step_no, format('the step is %s, its worker is %s', state, coalesce(worker_id::text, 'missing'))
from tasker.workflow_steps where (state = 'in_progress') <> (worker_id is not null)`},

	{"owner_alive", "the worker of a step in progress has not stopped", `
select s.task_uuid, s.step_no, case when w.worker_id is null then format('there is no worker %s', s.worker_id)
  else format('worker %s (%s) stopped at %s', w.worker_id, w.name, w.stopped_at) end
from tasker.workflow_steps s left join tasker.workers w using (worker_id)
where s.state = 'in_progress' and s.worker_id is not null and (w.worker_id is null or w.stopped_at is not null)`},

	{"owner_findable", "the tasks in which a worker holds steps are in task_claims, where they are looked for when it is lost", `
select s.task_uuid, s.step_no, format('worker %s has no claim on the task', s.worker_id)
from tasker.workflow_steps s
where s.state = 'in_progress' and s.worker_id is not null
  and not exists (select from tasker.task_claims c where c.worker_id = s.worker_id and c.task_uuid = s.task_uuid)`},

	{"expired_lease", "a step is taken back once its worker's lease has run out, 3 seconds and a lease's length later at most", `
select s.task_uuid, s.step_no, format('the lease of worker %s (%s) ran out %s ago', w.worker_id, w.name, date_trunc('milliseconds', now() - w.lease_until))
from tasker.workflow_steps s join tasker.workers w using (worker_id)
where s.state = 'in_progress' and w.stopped_at is null
  and greatest(w.lease_until, pg_postmaster_start_time()) + w.lease_ms * interval '1 millisecond' < now() - interval '3 seconds'`},

	{"ready_queue", "a step has one row in ready_steps while it is enqueued; once it has ended, or somebody moved it by hand, a row may be left over", `
select s.task_uuid, s.step_no, format('the step is %s and has %s rows in ready_steps, %s of them as it is queued', s.state, coalesce(q.n, 0), coalesce(q.fit, 0))
from tasker.workflow_steps s
left join (
  select q.task_uuid, q.step_no, count(*) as n, count(*) filter (where q.handler_id = s.handler_id and q.priority = s.priority) as fit
  from tasker.ready_steps q join tasker.workflow_steps s using (task_uuid, step_no) group by 1, 2
) q using (task_uuid, step_no)
left join tasker.tasks t using (task_uuid)
cross join lateral (select ` + movedByHand + ` as is) hand
where case when hand.is then s.state = 'enqueued' and t.paused_at is null and coalesce(q.fit, 0) = 0
  when s.state = 'enqueued' then coalesce(q.n, 0) <> 1 or q.fit <> 1
  when s.state in ('complete', 'cancelled', 'resolved_manually') then false
  else q.n > 0 end`},

	{"timers", "a step that waits for a time has a timer for it; once it has ended, or somebody moved it by hand, one may be left over", `
select s.task_uuid, s.step_no, format('the step is %s until %s and has %s timers, %s of them for then', s.state, coalesce(s.run_at::text, 'no time'), coalesce(m.n, 0), coalesce(m.fit, 0))
from tasker.workflow_steps s
left join (
  select m.task_uuid, m.step_no, count(*) as n, count(*) filter (where m.attempt = s.attempt and m.run_at = s.run_at) as fit
  from tasker.step_timers m join tasker.workflow_steps s using (task_uuid, step_no) group by 1, 2
) m using (task_uuid, step_no)
left join tasker.tasks t using (task_uuid)
cross join lateral (select ` + movedByHand + ` as is) hand
where case when hand.is then (s.state = 'waiting_for_retry' or s.state = 'pending' and s.waiting_on = 0) and t.paused_at is null and coalesce(m.fit, 0) = 0
  when s.state = 'waiting_for_retry' or s.state = 'pending' and s.waiting_on = 0 then coalesce(m.n, 0) <> 1 or m.fit <> 1
  when s.state in ('complete', 'cancelled', 'resolved_manually') then false
  else m.n > 0 end`},

	{"results_queue", "a step whose result waits for a decision has one row in step_results_queue", `
select s.task_uuid, s.step_no, format('the step is %s and has %s rows for attempt %s', s.state, count(q.result_id), s.attempt)
from tasker.workflow_steps s
left join tasker.step_results_queue q on q.task_uuid = s.task_uuid and q.step_no = s.step_no and q.attempt = s.attempt
where s.state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
group by s.task_uuid, s.step_no having count(q.result_id) <> 1`},

	{"step_moves", "every move of a step is one that its state machine allows", `
select t.task_uuid, t.step_no, format('attempt %s moved from %s to %s', t.attempt, t.path[i], t.path[i + 1])
from tasker.step_transitions t cross join lateral generate_series(1, cardinality(t.path) - 1) as i
where (t.path[i], t.path[i + 1]) not in (select a, b from legal_step_moves)`},

	{"step_trail", "a step's moves join end to end, from pending to the state that it is in", `
select t.task_uuid, t.step_no, format('transition %s starts at %s, the step was %s', t.transition_id, coalesce(t.path[1]::text, 'nothing'), t.stood)
from (
  select t.*, coalesce(lag(t.path[cardinality(t.path)]) over (partition by t.task_uuid, t.step_no order by t.transition_id), 'pending') as stood
  from tasker.step_transitions t) t
where t.path[1] is distinct from t.stood
union all
select s.task_uuid, s.step_no, format('the step is %s, its trail ends at %s', s.state, coalesce(l.last, 'pending'))
from tasker.workflow_steps s left join (
  select distinct on (task_uuid, step_no) task_uuid, step_no, path[cardinality(path)] as last
  from tasker.step_transitions order by task_uuid, step_no, transition_id desc
) l using (task_uuid, step_no)
where s.state <> coalesce(l.last, 'pending')`},

	{"task_moves", "every move of a task is one that its state machine allows", `
select t.task_uuid, null::int, format('the task moved from %s to %s', t.path[i], t.path[i + 1])
from tasker.task_transitions t cross join lateral generate_series(1, cardinality(t.path) - 1) as i
where (t.path[i], t.path[i + 1]) not in (select a, b from legal_task_moves)`},

	{"task_trail", "a task's moves join end to end, from pending to the state that it is in", `
select t.task_uuid, null::int, format('transition %s starts at %s, the task was %s', t.transition_id, coalesce(t.path[1]::text, 'nothing'), t.stood)
from (
  select t.*, coalesce(lag(t.path[cardinality(t.path)]) over (partition by t.task_uuid order by t.transition_id), 'pending') as stood
  from tasker.task_transitions t) t
where t.path[1] is distinct from t.stood
union all
select t.task_uuid, null::int, format('the task is %s, its trail ends at %s', t.state, coalesce(l.last::text, 'nothing'))
from tasker.tasks t left join (
  select distinct on (task_uuid) task_uuid, path[cardinality(path)] as last
  from tasker.task_transitions order by task_uuid, transition_id desc
) l using (task_uuid)
where l.last is distinct from t.state`},

	{"attempts_dense", "a step's attempts are numbered from 1 without a gap, and the step carries the number of the latest", `
select s.task_uuid, s.step_no, format('the step is at attempt %s; its trail has %s attempts, %s to %s', s.attempt, coalesce(a.n, 0), a.first, a.last)
from tasker.workflow_steps s
left join (
  select task_uuid, step_no, count(distinct attempt) as n, min(attempt) as first, max(attempt) as last from tasker.step_attempts group by 1, 2
) a using (task_uuid, step_no)
where coalesce(a.n, 0) <> s.attempt or a.n > 0 and (a.first <> 1 or a.last <> s.attempt)`},

	{"attempt_ends_once", "an attempt begins once and ends once, and only the latest one of a step in progress is still open", `
select a.task_uuid, a.step_no, case when count(*) > 1 then format('attempt %s begins or ends %s times', a.attempt, count(*))
  else format('attempt %s has not ended, the step is %s at attempt %s', a.attempt, min(s.state), min(s.attempt)) end
from tasker.step_attempts a join tasker.workflow_steps s using (task_uuid, step_no)
group by a.task_uuid, a.step_no, a.attempt
having count(*) > 1 or bool_or((a.ended_at is null) <> (s.state = 'in_progress' and s.attempt = a.attempt))`},

	{"one_winner", "at most one attempt of a step is accepted and not undone by hand, it is the latest, and a complete step has a result", `
select s.task_uuid, s.step_no, format('the step is %s at attempt %s, attempts that completed it: %s; result: %s', s.state, s.attempt,
  coalesce(a.winners::text, 'none'), case when s.result is null then 'none' else 'there' end)
from tasker.workflow_steps s
left join (
  select w.task_uuid, w.step_no, array_agg(w.attempt order by w.attempt) as winners from tasker.step_attempts w
  where w.outcome = 'complete' and not exists (select from tasker.step_transitions x
    where x.task_uuid = w.task_uuid and x.step_no = w.step_no and x.path[1] = 'complete' and x.at >= w.ended_at)
  group by 1, 2
) a using (task_uuid, step_no)
where s.state = 'complete' and s.result is null or a.winners is not null and (a.winners <> array[s.attempt] or s.state <> 'complete')`},

	{"no_overlap", "an attempt begins after the one before it has ended", `
select b.task_uuid, b.step_no, format('attempt %s began at %s, attempt %s ended %s', b.attempt, b.claimed_at, a.attempt, coalesce('at ' || a.ended_at, 'never'))
from tasker.step_attempts a
join tasker.step_attempts b on b.task_uuid = a.task_uuid and b.step_no = a.step_no and b.attempt = a.attempt + 1
where a.ended_at is null or b.claimed_at < a.ended_at`},

	{"causality", "no attempt of a step begins before all its parents are complete or resolved", `
with edges as materialized (
  select p.task_uuid, p.step_no, p.name, c.child from tasker.workflow_steps p cross join lateral unnest(p.children) as c(child)
), undone as materialized (
  select task_uuid, step_no, max(attempt) as upto from tasker.step_transitions where detail ->> 'action' = 'retry_from' group by 1, 2
), begun as materialized (
  select c.task_uuid, c.step_no, c.attempt, c.at from tasker.step_transitions c left join undone u using (task_uuid, step_no)
  where c.path[cardinality(c.path)] = 'in_progress' and c.attempt > coalesce(u.upto, 0)
), ended as materialized (
  select task_uuid, step_no, min(at) as at from tasker.step_transitions
  where path[cardinality(path)] in ('complete', 'resolved_manually') group by 1, 2
)
select a.task_uuid, a.step_no, format('attempt %s began at %s, its parent %s ended %s', a.attempt, a.at, p.name, coalesce('at ' || e.at, 'never'))
from edges p
join begun a on a.task_uuid = p.task_uuid and a.step_no = p.child
left join ended e on e.task_uuid = p.task_uuid and e.step_no = p.step_no
where e.at is null or a.at < e.at`},

	{"attempt_bound", "a step uses up no more attempts than its template allows, and loses no more workers", `
select s.task_uuid, s.step_no, format('%s attempts, of which %s forgiven and %s crashes; allowed are %s and %s crashes', s.attempt, s.forgiven, s.crashes, b.attempts, b.crashes)
from tasker.workflow_steps s
join tasker.tasks t using (task_uuid)
join tasker.task_templates tt using (template_id)
join tasker.template_steps ts on ts.template_id = t.template_id and ts.step_no = mod(s.step_no, tt.step_count)
cross join lateral jsonb_array_elements(tt.definition -> 'steps') as d(step)
cross join lateral (
  select case when (d.step #>> '{retry,retryable}')::bool is false then 1 else greatest((d.step #>> '{retry,max_attempts}')::int, 1) end as attempts,
    greatest(coalesce((d.step #>> '{retry,max_crashes}')::int, 3), 1) as crashes) b
where d.step ->> 'name' = ts.name and (s.attempt - s.forgiven - s.crashes > b.attempts or s.crashes > b.crashes)`},

	{"ended_tasks", "a task has the time of its end once it has ended, and not before", `
select task_uuid, null::int, format('the task is %s, it ended at %s', state, coalesce(completed_at::text, 'no time'))
from tasker.tasks where (state in ('complete', 'error', 'cancelled', 'resolved_manually')) <> (completed_at is not null)`},

	{"blocked_tasks", "blocked_tasks lists the tasks that are blocked_by_failures", `
select coalesce(t.task_uuid, b.task_uuid), null::int, format('the task is %s and is %s', coalesce(t.state::text, 'not there'), case when b.task_uuid is null then 'not listed' else 'listed' end)
from (select * from tasker.tasks where state = 'blocked_by_failures') t full join tasker.blocked_tasks b using (task_uuid)
where t.task_uuid is null or b.task_uuid is null`},

	{"edges", "a step's children are steps of the same task", `
with edges as materialized (
  select p.task_uuid, p.step_no, c.child from tasker.workflow_steps p cross join lateral unnest(p.children) as c(child)
)
select p.task_uuid, p.step_no, format('there is no step %s in the task', p.child) from edges p
where not exists (select from tasker.workflow_steps s where s.task_uuid = p.task_uuid and s.step_no = p.child)`},

	{"identity", "two tasks never share an identity", `
select (array_agg(task_uuid order by task_uuid))[1], null::int, format('%s tasks have the identity %s', count(*), encode(identity_hash, 'hex'))
from tasker.tasks group by identity_hash having count(*) > 1`},

	{"references", "what a row refers to is there", `
select s.task_uuid, s.step_no, 'the step has no task' from tasker.workflow_steps s
where not exists (select from tasker.tasks t where t.task_uuid = s.task_uuid)
union all select t.task_uuid, null::int, format('the task has no template %s', t.template_id) from tasker.tasks t
where not exists (select from tasker.task_templates tt where tt.template_id = t.template_id)
union all select s.task_uuid, s.step_no, format('the step has no handler %s', s.handler_id) from tasker.workflow_steps s
where not exists (select from tasker.handlers h where h.handler_id = s.handler_id)
union all select q.task_uuid, q.step_no, format('%s has a row for no step', q.of) from (
  select 'ready_steps' as of, task_uuid, step_no from tasker.ready_steps
  union all select 'step_timers', task_uuid, step_no from tasker.step_timers
  union all select 'step_results_queue', task_uuid, step_no from tasker.step_results_queue
  union all select distinct 'step_transitions', task_uuid, step_no from tasker.step_transitions) q
where not exists (select from tasker.workflow_steps s where s.task_uuid = q.task_uuid and s.step_no = q.step_no)
  and not exists (select from tasker.task_transitions x where x.task_uuid = q.task_uuid and x.detail ->> 'action' = 'retry_from')
union all select c.task_uuid, null, format('worker %s claims a task that is not there, or is none', c.worker_id) from tasker.task_claims c
where not exists (select from tasker.tasks t where t.task_uuid = c.task_uuid)
  or not exists (select from tasker.workers w where w.worker_id = c.worker_id)
union all select h.task_uuid, null, 'task_transitions has a row for no task' from tasker.task_transitions h
where not exists (select from tasker.tasks t where t.task_uuid = h.task_uuid)
union all select d.task_uuid, null, 'tasks_dlq has an entry for no task' from tasker.tasks_dlq d
where not exists (select from tasker.tasks t where t.task_uuid = d.task_uuid)`},
}
