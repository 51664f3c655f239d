package store

// heldBatch is true of a step s that is a batch whose turn has not come.
const heldBatch = `exists (select from tasker.step_batches b where b.task_uuid = s.task_uuid and s.step_no > b.stride
  and mod(s.step_no, b.stride) = b.worker_no and s.step_no / b.stride > b.released)`

// growthInvariants are the rules about steps that decisions and batchable steps add to tasks.
var growthInvariants = []invariant{
	{"choices", "a step that a complete decision chose is there, once all that it depends on is", `
select d.task_uuid, d.step_no, format('it chose the step %s, which is not there', c.name)
from tasker.workflow_steps d
join tasker.tasks t using (task_uuid)
join tasker.task_templates tt using (template_id)
cross join lateral jsonb_array_elements(tt.definition -> 'steps') as e(step)
cross join lateral jsonb_array_elements_text(case jsonb_typeof(d.result #> '{decision_point_outcome,step_names}') when 'array'
  then d.result #> '{decision_point_outcome,step_names}' else '[]' end) as c(name)
join tasker.template_steps ts on ts.template_id = t.template_id and ts.name = c.name
where d.state = 'complete' and e.step ->> 'type' = 'decision' and e.step ->> 'name' = d.name
  and not exists (select from tasker.workflow_steps s where s.task_uuid = d.task_uuid and s.step_no = ts.step_no)
  and ts.parents = array[d.step_no]`},

	{"batches", "a complete batchable step has all its batches, and nothing but their parents and their turn keeps them from running", `
select d.task_uuid, d.step_no, 'the step is complete and was not split' from tasker.workflow_steps d
join tasker.tasks t using (task_uuid)
join tasker.task_templates tt using (template_id)
cross join lateral jsonb_array_elements(tt.definition -> 'steps') as e(step)
where d.state = 'complete' and d.result ? 'batch_processing_outcome' and e.step ->> 'type' = 'batchable' and e.step ->> 'name' = d.name
  and not exists (select from tasker.step_batches b where b.task_uuid = d.task_uuid and b.split_no = d.step_no)
union all
select b.task_uuid, b.worker_no, format('of %s batches %s are there', b.batches, c.n)
from tasker.step_batches b cross join lateral (
  select count(*) as n from tasker.workflow_steps s
  where s.task_uuid = b.task_uuid and s.step_no > b.stride and mod(s.step_no, b.stride) = b.worker_no) c
where c.n <> b.batches
union all
select b.task_uuid, b.worker_no, format('%s batches are held, and none that would let them go is under way', b.batches - b.released)
from tasker.step_batches b join tasker.tasks t using (task_uuid)
where b.released < b.batches and t.state not in ('complete', 'error', 'cancelled', 'resolved_manually') and not exists (
  select from generate_series(1, b.released) as i
  join tasker.workflow_steps s on s.task_uuid = b.task_uuid and s.step_no = b.worker_no + i * b.stride
  where s.state not in ('complete', 'cancelled', 'resolved_manually'))
union all
select b.task_uuid, b.worker_no, 'step_batches has a row for no task' from tasker.step_batches b
where not exists (select from tasker.tasks t where t.task_uuid = b.task_uuid)`},
}
