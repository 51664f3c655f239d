package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/sdk"
)

// cutShort is what there is to say of the batches that a failed one ended.
const cutShort = `{"error": {"message": "another batch failed for good, and the failure strategy is fail_fast", "error_type": "cut_short", "retryable": false}, "metadata": {"error_type": "cut_short"}, "reason": "another batch failed for good"}`

// patterns are those of the outcomes that end batches.
func patterns(n int, at func(int) *Outcome) pgtype.FlatArray[pgtype.Int4] {
	all := make(pgtype.FlatArray[pgtype.Int4], n)
	for i := range all {
		all[i] = pgtype.Int4{Int32: at(i).Pattern, Valid: at(i).Pattern > 0}
	}
	return all
}

const batchResults = `/* tasker:batch_results */
select s.step_no, s.name, s.result::text from tasker.workflow_steps s
where s.task_uuid = $1 and s.step_no > $2 and s.state in ('complete', 'resolved_manually') and s.result is not null
  and (mod(s.step_no, $2) = any($3::int[]) or mod(s.step_no, $2) = any($4::int[]) and s.name = any($5::text[]))
order by s.step_no`

// BatchResult is what a batch returned.
type BatchResult struct {
	StepNo int32
	Name   string
	Result json.RawMessage
}

// BatchResults reads the results of a task's batches, as far as they have one: of all batches of some patterns, and of those
// of other patterns that are named. stride is the number of steps of the template.
func (s *Store) BatchResults(ctx context.Context, task sdk.UUID, stride int32, all, some []int32, names []string) ([]BatchResult, error) {
	rows, err := s.engine.Query(ctx, batchResults, pgtype.UUID{Bytes: task, Valid: true}, stride, orNone(all), orNone(some), names)
	if err != nil {
		return nil, fmt.Errorf("read results of the batches of task %s: %w", task, err)
	}
	results, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r BatchResult, err error) {
		var raw string
		err = row.Scan(&r.StepNo, &r.Name, &raw)
		r.Result = json.RawMessage(raw)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("read results of the batches of task %s: %w", task, err)
	}
	return results, nil
}
