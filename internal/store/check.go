package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Violation is something in the database that must not be.
type Violation struct {
	// Check names the rule, Rule says what it demands.
	Check string `json:"check"`
	Rule  string `json:"rule"`
	// TaskUUID and Step, its name and number, say where; Step is empty where it is about the task as a whole.
	TaskUUID sdk.UUID `json:"task_uuid"`
	Step     string   `json:"step,omitempty"`
	// Found says what there is instead.
	Found string `json:"found"`
}

// invariant is a rule whose query finds what breaks it, as (task_uuid, step_no, found).
type invariant struct {
	check, rule, sql string
}

// violationsShown bounds the violations that one rule reports.
const violationsShown = 100

// oneMoment lets all rules see the same snapshot. What the engine walks through within a statement is never in one, so the
// rules hold under load as well.
var oneMoment = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// The rules go through all rows there are, so their joins are by hash, even of tables that the planner knows nothing of yet
// and takes for small.
const checkPatience = `/* tasker:check_patience */
select set_config('statement_timeout', '10min', true), set_config('enable_nestloop', 'off', true)`

const checkRule = `/* tasker:check %s */
with legal_step_moves as (select * from unnest($2::text[]::tasker.step_state[], $3::text[]::tasker.step_state[]) as m(a, b)),
legal_task_moves as (select * from unnest($4::text[]::tasker.task_state[], $5::text[]::tasker.task_state[]) as m(a, b)),
found as (%s)
select f.task_uuid, coalesce(s.name || ' (' || f.step_no || ')', f.step_no::text, ''), f.found
from (select * from found as f(task_uuid, step_no, found) order by 1, 2, 3 limit $1) f
left join tasker.workflow_steps s on s.task_uuid = f.task_uuid and s.step_no = f.step_no
order by f.task_uuid, f.step_no, f.found`

// Check looks for everything that must not be in the database: counters that miscount, steps without owner or with two,
// moves that are none, work that nobody will ever do. It reads one snapshot, changes nothing, may run at any time, and
// takes time in proportion to the data. Of each rule it reports at most 100 violations.
func (s *Store) Check(ctx context.Context) (violations []Violation, err error) {
	err = pgx.BeginTxFunc(ctx, s.query, oneMoment, func(tx pgx.Tx) error {
		violations, err = check(ctx, tx, slices.Concat(invariants, growthInvariants))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("check the database: %w", err)
	}
	return violations, nil
}

func check(ctx context.Context, tx pgx.Tx, rules []invariant) (violations []Violation, err error) {
	if _, err := tx.Exec(ctx, checkPatience); err != nil {
		return nil, err
	}
	fromStep, toStep := moves(workflow.LegalStepMoves())
	fromTask, toTask := moves(workflow.LegalTaskMoves())
	for _, i := range rules {
		rows, _ := tx.Query(ctx, fmt.Sprintf(checkRule, i.check, i.sql), pgx.QueryExecModeExec, violationsShown,
			fromStep, toStep, fromTask, toTask) // its error surfaces below
		found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Violation, error) {
			v := Violation{Check: i.check, Rule: i.rule}
			var task pgtype.UUID
			err := row.Scan(&task, &v.Step, &v.Found)
			v.TaskUUID = task.Bytes
			return v, err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", i.check, err)
		}
		violations = append(violations, found...)
	}
	return violations, nil
}

// moves parts pairs of states into two lists of texts.
func moves[S ~string](pairs [][2]S) (from, to []string) {
	for _, p := range pairs {
		from, to = append(from, string(p[0])), append(to, string(p[1]))
	}
	return from, to
}
