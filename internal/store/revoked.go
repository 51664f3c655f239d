package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/sdk"
)

// HeldAttempt names an attempt that a worker runs.
type HeldAttempt struct {
	TaskUUID        sdk.UUID
	StepNo, Attempt int32
}

const revokedSteps = `/* tasker:revoked_steps */
select i.n from unnest($1::uuid[], $2::int[], $3::int[]) with ordinality as i(task_uuid, step_no, attempt, n)
where not exists (
  select from tasker.workflow_steps s
  where s.task_uuid = any(array[i.task_uuid]) and s.step_no = i.step_no and s.attempt = i.attempt and s.state = 'in_progress')`

// RevokedSteps returns the indexes of those attempts that are over in the database: cancelled, ended by hand, or taken back.
func (s *Store) RevokedSteps(ctx context.Context, held []HeldAttempt) ([]int, error) {
	n := len(held)
	rows, err := s.engine.Query(ctx, revokedSteps,
		ids(n, func(i int) sdk.UUID { return held[i].TaskUUID }),
		ints(n, func(i int) int32 { return held[i].StepNo }),
		ints(n, func(i int) int32 { return held[i].Attempt }))
	if err != nil {
		return nil, fmt.Errorf("find revoked steps: %w", err)
	}
	over, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (at int, err error) {
		err = row.Scan(&at)
		return at - 1, err
	})
	if err != nil {
		return nil, fmt.Errorf("find revoked steps: %w", err)
	}
	return over, nil
}
