package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sort"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Report is the end of an attempt that is to wait for a server to decide about it.
type Report struct {
	TaskUUID        sdk.UUID
	StepNo, Attempt int32
	Success         bool
	Result, Detail  json.RawMessage
	ExecutionTimeMS int64
}

const reportResults = `/* tasker:report_results */
with inp as (
  select * from unnest($1::uuid[], $2::int[], $3::int[], $4::bool[], $5::text[], $6::text[], $7::int[])
    as u(task_uuid, step_no, attempt, success, result, outcome, exec_ms)
), done as (
  update tasker.workflow_steps s set
    state = case when inp.success then 'enqueued_for_orchestration'::tasker.step_state else 'enqueued_as_error_for_orchestration' end,
    result = coalesce(inp.result::jsonb, s.result), outcome = inp.outcome::jsonb, worker_id = null
  from inp
  where s.task_uuid = any(array[inp.task_uuid]) and s.step_no = inp.step_no and s.attempt = inp.attempt and s.state = 'in_progress'
  returning s.task_uuid, s.step_no, s.attempt, s.state, inp.exec_ms, inp.success, inp.outcome
), moved as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, worker_id, exec_ms, path, detail)
  select task_uuid, step_no, attempt, $8, exec_ms,
    case when success then '{in_progress,enqueued_for_orchestration}'::tasker.step_state[] else '{in_progress,enqueued_as_error_for_orchestration}' end,
    case when not success then outcome::jsonb end
  from done
), queued as (
  insert into tasker.step_results_queue (task_uuid, step_no, attempt) select task_uuid, step_no, attempt from done
)
select count(*)::int, (select count(pg_notify('tasker_results', ''))::int from (select from done limit 1) d) from done`

// ReportResults stores results and queues them for a server, in one statement. It returns how many of the attempts were
// still the worker's.
func (s *Store) ReportResults(ctx context.Context, batch []Report, workerID int32) (accepted int, err error) {
	batch = append([]Report(nil), batch...)
	sort.Slice(batch, func(a, b int) bool {
		return before(&Outcome{TaskUUID: batch[a].TaskUUID, StepNo: batch[a].StepNo}, &Outcome{TaskUUID: batch[b].TaskUUID, StepNo: batch[b].StepNo})
	})
	n := len(batch)
	success := make([]bool, n)
	for i := range batch {
		success[i] = batch[i].Success
	}
	var told int
	err = s.engine.QueryRow(ctx, reportResults,
		ids(n, func(i int) sdk.UUID { return batch[i].TaskUUID }),
		ints(n, func(i int) int32 { return batch[i].StepNo }),
		ints(n, func(i int) int32 { return batch[i].Attempt }),
		success,
		texts(n, func(i int) string { return string(batch[i].Result) }),
		texts(n, func(i int) string { return string(batch[i].Detail) }),
		ints(n, func(i int) int32 { return int32(min(batch[i].ExecutionTimeMS, math.MaxInt32)) }),
		workerID).Scan(&accepted, &told)
	if err != nil {
		return 0, fmt.Errorf("report %d results: %w", n, err)
	}
	return accepted, nil
}

// QueuedResult is a stored result that waits for a decision.
type QueuedResult struct {
	ID         int64
	TaskUUID   sdk.UUID
	TemplateID int32
	StepNo     int32
	Counts     workflow.AttemptCounts
	// From is the state that the step waits in.
	From   workflow.StepState
	Result json.RawMessage
	Detail json.RawMessage
	// Reads is how often it was taken, this time included, where that is counted.
	Reads int
}

// resultsHiddenFor is how long a taken result is not given to another server.
const resultsHiddenFor = "30 seconds"

const takeResults = `/* tasker:take_results */
with picked as materialized (
  select q.result_id from tasker.step_results_queue q where q.hidden_until <= clock_timestamp()
  order by q.result_id limit $1 for update skip locked
), taken as (
  update tasker.step_results_queue q set hidden_until = clock_timestamp() + interval '` + resultsHiddenFor + `'
  from picked p where q.result_id = any(array[p.result_id])
  returning q.result_id, q.task_uuid, q.step_no, q.attempt
)
select k.result_id, k.task_uuid, t.template_id, k.step_no, k.attempt, s.crashes, s.forgiven, s.state::text, s.result::text, s.outcome::text
from taken k
join tasker.workflow_steps s on s.task_uuid = any(array[k.task_uuid]) and s.step_no = k.step_no
join tasker.tasks t on t.task_uuid = any(array[k.task_uuid])
order by k.result_id`

// TakeResults takes up to limit queued results. They must be dropped once they are applied; a server that does not, for
// it was killed, leaves them to another one.
func (s *Store) TakeResults(ctx context.Context, limit int) ([]QueuedResult, error) {
	rows, err := s.engine.Query(ctx, takeResults, limit)
	if err != nil {
		return nil, fmt.Errorf("take queued results: %w", err)
	}
	taken, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (q QueuedResult, err error) {
		var task pgtype.UUID
		var result, detail pgtype.Text
		err = row.Scan(&q.ID, &task, &q.TemplateID, &q.StepNo, &q.Counts.Attempt, &q.Counts.Crashes, &q.Counts.Forgiven, &q.From, &result, &detail)
		q.TaskUUID, q.Result, q.Detail = task.Bytes, rawOrNil(result), rawOrNil(detail)
		return q, err
	})
	if err != nil {
		return nil, fmt.Errorf("take queued results: %w", err)
	}
	return taken, nil
}

const dropResults = `/* tasker:drop_results */ delete from tasker.step_results_queue where result_id = any($1::bigint[])`

// DropResults removes results that were applied.
func (s *Store) DropResults(ctx context.Context, ids []int64) error {
	if _, err := s.engine.Exec(ctx, dropResults, ids); err != nil {
		return fmt.Errorf("drop applied results: %w", err)
	}
	return nil
}
