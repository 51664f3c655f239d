package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// StepMove is one move of one step.
type StepMove struct {
	// TransitionID orders moves in time. Moves that one statement made share it, and their time.
	TransitionID int64
	At           time.Time
	StepNo       int32
	StepName     string
	From, To     workflow.StepState
	Attempt      int32
	// Worker is the one that made the move, or ""; for a cancelled or lost attempt, the one that held the step.
	Worker string
	// ExecutionTimeMS is set where a handler's run ended, in milliseconds.
	ExecutionTimeMS *int64
	// Detail is set on the last move of a statement: an error, or who cancelled and why.
	Detail json.RawMessage
}

const stepHistory = `/* tasker:step_history */
select x.transition_id, x.at, x.step_no, s.name, x.path::text[], x.attempt, coalesce(w.name, ''), x.exec_ms, x.detail::text
from tasker.step_transitions x
join tasker.workflow_steps s on s.task_uuid = x.task_uuid and s.step_no = x.step_no
left join tasker.workers w on w.worker_id = x.worker_id
where x.task_uuid = $1 and ($2::int is null or x.step_no = $2)
order by x.transition_id`

// StepHistory lists the moves of a task's steps in the order of time; with no, those of that step only.
func (s *Store) StepHistory(ctx context.Context, task sdk.UUID, no *int32) ([]StepMove, error) {
	rows, err := s.query.Query(ctx, stepHistory, task, no)
	if err != nil {
		return nil, fmt.Errorf("read history of task %s: %w", task, err)
	}
	var moves []StepMove
	var m StepMove
	var path []workflow.StepState
	var executionMS *int64
	var detail pgtype.Text
	_, err = pgx.ForEachRow(rows, []any{&m.TransitionID, &m.At, &m.StepNo, &m.StepName, &path, &m.Attempt, &m.Worker, &executionMS, &detail}, func() error {
		moves = append(moves, expand(m, path, executionMS, rawOrNil(detail))...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read history of task %s: %w", task, err)
	}
	return moves, nil
}

// expand makes the moves of one transition row out of the states it walked through.
func expand(m StepMove, path []workflow.StepState, executionMS *int64, detail json.RawMessage) []StepMove {
	moves := make([]StepMove, 0, len(path)-1)
	for i := 1; i < len(path); i++ {
		m.From, m.To, m.ExecutionTimeMS, m.Detail = path[i-1], path[i], nil, nil
		if m.From == workflow.StepInProgress {
			m.ExecutionTimeMS = executionMS
		}
		if i == len(path)-1 {
			m.Detail = detail
		}
		moves = append(moves, m)
	}
	return moves
}
