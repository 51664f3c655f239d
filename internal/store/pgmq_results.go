package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// MessageResults gives the results that messages of [StepResultsQueue] tell of. The step's row says what the result is, and
// whether it still waits: a message that comes twice or too late changes nothing.
type MessageResults struct {
	store *Store
	// hide is how long a result that was taken is not given to another server.
	hide     time.Duration
	maxReads int
}

// MessageResults reads the queue of results. hide is how long what it gives is not given again, maxReads how often at most.
func (s *Store) MessageResults(hide time.Duration, maxReads int) *MessageResults {
	return &MessageResults{s, hide, maxReads}
}

const takeMessageResults = `/* tasker:take_message_results */
with picked as materialized (
  select q.msg_id from pgmq.q_orchestration_step_results q where q.vt <= clock_timestamp() order by q.msg_id limit $1 for update skip locked
), taken as (
  update pgmq.q_orchestration_step_results q set vt = clock_timestamp() + $2::bigint * interval '1 millisecond', read_ct = q.read_ct + 1
  from picked p where q.msg_id = any(array[p.msg_id])
  returning q.msg_id, q.read_ct, tasker.uuid_or_null(q.message ->> 'task_uuid') as task_uuid, tasker.uuid_or_null(q.message ->> 'step_uuid') as step_uuid
)
select k.msg_id, k.read_ct, k.task_uuid, k.step_uuid, t.template_id, s.step_no, s.attempt, s.crashes, s.forgiven, s.state::text, s.result::text, s.outcome::text
from taken k
left join tasker.workflow_steps s on s.task_uuid = any(array[k.task_uuid]) and s.step_no = tasker.step_number(k.task_uuid, k.step_uuid)
  and s.state in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
left join tasker.tasks t on t.task_uuid = any(array[s.task_uuid])
order by k.msg_id`

// TakeResults takes up to limit messages and gives the results that still wait. They are to be dropped when they are applied;
// other messages are dropped at once, and those that name no step are archived in the end.
func (m *MessageResults) TakeResults(ctx context.Context, limit int) ([]QueuedResult, error) {
	var results []QueuedResult
	var idle, strange []int64
	rows, err := m.store.engine.Query(ctx, takeMessageResults, limit, m.hide.Milliseconds())
	if err == nil {
		var q QueuedResult
		var task, step pgtype.UUID
		var template, no, attempt, crashes, forgiven pgtype.Int4
		var from, result, detail pgtype.Text
		_, err = pgx.ForEachRow(rows, []any{&q.ID, &q.Reads, &task, &step, &template, &no, &attempt, &crashes, &forgiven, &from, &result, &detail}, func() error {
			switch {
			case template.Valid:
				results = append(results, QueuedResult{
					ID: q.ID, Reads: q.Reads, TaskUUID: task.Bytes, TemplateID: template.Int32, StepNo: no.Int32, From: workflow.StepState(from.String),
					Counts: workflow.AttemptCounts{Attempt: attempt.Int32, Crashes: crashes.Int32, Forgiven: forgiven.Int32},
					Result: rawOrNil(result), Detail: rawOrNil(detail),
				})
			case task.Valid && step.Valid:
				idle = append(idle, q.ID)
			case q.Reads >= m.maxReads:
				strange = append(strange, q.ID)
			}
			return nil
		})
	}
	if err == nil {
		err = m.DropResults(ctx, idle)
	}
	if err == nil {
		err = m.store.ArchiveMessages(ctx, StepResultsQueue, strange)
	}
	if err != nil {
		return nil, fmt.Errorf("take results from queue %s: %w", StepResultsQueue, err)
	}
	return results, nil
}

const dropMessageResults = `/* tasker:drop_message_results */
with gone as (
  delete from pgmq.q_orchestration_step_results q where q.msg_id = any($1::bigint[]) returning tasker.bigint_or_null(q.headers ->> 'result_id') as result_id
)
delete from tasker.step_results_queue r using gone g where r.result_id = any(array[g.result_id])`

// DropResults removes messages that are dealt with, and the rows that they tell of.
func (m *MessageResults) DropResults(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := m.store.engine.Exec(ctx, dropMessageResults, ids); err != nil {
		return fmt.Errorf("drop applied results: %w", err)
	}
	return nil
}

const setResultsAside = `/* tasker:set_results_aside */
with hidden as (
  update tasker.step_results_queue r set hidden_until = 'infinity' from pgmq.q_orchestration_step_results q
  where q.msg_id = any($1::bigint[]) and r.result_id = any(array[tasker.bigint_or_null(q.headers ->> 'result_id')])
)
select pgmq.archive('` + StepResultsQueue + `', $1::bigint[])`

// GiveUp archives the messages of those results that were taken so often in vain that trying again is no use, and returns
// them. Their steps wait until somebody acts.
func (m *MessageResults) GiveUp(ctx context.Context, failed []QueuedResult) (given []QueuedResult, err error) {
	var ids []int64
	for _, r := range failed {
		if r.Reads >= m.maxReads {
			given, ids = append(given, r), append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if _, err := m.store.engine.Exec(ctx, setResultsAside, ids); err != nil {
		return nil, fmt.Errorf("set results aside: %w", err)
	}
	return given, nil
}
