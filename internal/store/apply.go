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

// OutcomeKind says how an attempt ended and what becomes of its step.
type OutcomeKind int16

// The values are known to the statement below.
const (
	OutcomeComplete OutcomeKind = 1 // -> complete
	OutcomeRetry    OutcomeKind = 2 // -> waiting_for_retry, until Delay has passed
	OutcomeError    OutcomeKind = 3 // -> error
	OutcomeRelease  OutcomeKind = 4 // -> enqueued; the attempt is forgiven
	OutcomeCrash    OutcomeKind = 5 // -> enqueued; the crash is counted
	OutcomeCrashOut OutcomeKind = 6 // -> error; the crash is counted
	OutcomeRetryNow OutcomeKind = 7 // -> enqueued
	OutcomeTolerate OutcomeKind = 8 // -> error, and at once resolved_manually: what waits for the step goes on without it
	OutcomeRefuse   OutcomeKind = 9 // -> error, though the handler succeeded
)

// Outcome is the end of one attempt of one step.
type Outcome struct {
	TaskUUID sdk.UUID
	StepNo   int32
	Attempt  int32
	Kind     OutcomeKind
	// From is the state the step is left from: in_progress, or the state a queued result waits in.
	From workflow.StepState
	// Result is the handler's value; Detail what there is to say beside it (error, metadata), or nil.
	Result, Detail json.RawMessage
	Delay          time.Duration
	// ExecutionTimeMS is how long the handler ran, in milliseconds.
	ExecutionTimeMS int64
	// Pattern is the number, in its template, of the step that a batch is made by; zero for all other steps.
	Pattern int32
}

// Lease is what a worker brings to a statement that may hand it steps.
type Lease struct {
	// WorkerID is the worker's, from [Store.RegisterWorker]. Zero takes nothing.
	WorkerID int32
	// Handlers are those the worker serves.
	Handlers []int32
	// Budget is how many steps it has slots for.
	Budget int
}

// LeasedStep is a step that now belongs to the asking worker, for the attempt named.
type LeasedStep struct {
	// WorkerID is the worker's that the step was leased to.
	WorkerID   int32
	TaskUUID   sdk.UUID
	StepNo     int32
	Counts     workflow.AttemptCounts
	HandlerID  int32
	Name       string
	Inputs     json.RawMessage
	Checkpoint json.RawMessage
}

// EndedTask is a task that the statement brought to rest.
type EndedTask struct {
	TaskUUID sdk.UUID
	State    workflow.TaskState
}

// Applied is what came of [Store.ApplyOutcomes].
type Applied struct {
	// Leased steps are the asking worker's to run next.
	Leased []LeasedStep
	Ended  []EndedTask
	// Stale lists the indexes of outcomes that changed nothing, because the attempt they name is over.
	Stale []int
	// Again says that outcomes were applied by an earlier try, whose answer was lost with the steps that it leased.
	Again bool
	// States are what the outcomes, by index, made of their steps; "" where they changed nothing.
	States []workflow.StepState
}

// ApplyOutcomes ends attempts: it stores their results, moves their steps, readies what waited for them, leases as much of
// that as l allows, and advances their tasks, all in one statement. An outcome whose attempt is over changes nothing and
// is reported stale. Applying a batch again after its commit went unanswered is safe.
func (s *Store) ApplyOutcomes(ctx context.Context, batch []Outcome, l Lease) (Applied, error) {
	applied, done, err := apply(ctx, s.engine, batch, l)
	if err == nil && done != len(batch) {
		err = s.sortOut(ctx, batch, done, &applied)
	}
	return applied, err
}

// beginLimit bounds what [Store.BeginOutcome] sends, in bytes: a socket takes as much at once, whatever the other end does.
const beginLimit = 8 << 10

// BeginOutcome is [Store.ApplyOutcomes] for one outcome and callers who must not wait: it is sent, and the future is what came of
// it. nil: that cannot be done now, or with this outcome. A ctx that is done before the answer has come ends the statement.
func (s *Store) BeginOutcome(ctx context.Context, o Outcome, l Lease) *Future[Applied] {
	if s.lane == nil || !o.plain() || len(o.Result)+len(o.Detail) > beginLimit {
		return nil
	}
	line, answer := s.lane.send(ctx, endAttemptArgs(&o, l))
	if line == nil {
		return nil
	}
	return &Future[Applied]{line.fd, func(ctx context.Context) (Applied, error) {
		batch := []Outcome{o}
		applied, done := newApplied(batch), 0
		err := s.lane.receive(line, answer, func(rows pgx.Rows) (err error) {
			done, err = applied.read(rows, l)
			return err
		})
		if err != nil {
			return applied, fmt.Errorf("apply an outcome: %w", err)
		}
		if done != len(batch) {
			err = s.sortOut(ctx, batch, done, &applied)
		}
		return applied, err
	}}
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// apply runs the statement, and counts the outcomes that changed something.
func apply(ctx context.Context, q querier, batch []Outcome, l Lease) (applied Applied, done int, err error) {
	applied = newApplied(batch)
	sql, args := applyCall(batch, l)
	rows, err := q.Query(ctx, sql, args...)
	if err == nil {
		defer rows.Close()
		done, err = applied.read(rows, l)
	}
	if err != nil {
		return applied, 0, fmt.Errorf("apply %d outcomes: %w", len(batch), err)
	}
	return applied, done, nil
}

// newApplied is what will have come of a batch if none of it is stale.
func newApplied(batch []Outcome) Applied {
	states := make([]workflow.StepState, len(batch))
	for i := range batch {
		states[i] = batch[i].Kind.state()
	}
	return Applied{States: states}
}

// read reads the statement's answer, and how many outcomes changed something.
func (a *Applied) read(rows pgx.Rows, l Lease) (done int, err error) {
	for rows.Next() {
		row, err := scanFused(rows)
		if err != nil {
			return 0, err
		}
		switch row.what {
		case 1:
			a.Leased = append(a.Leased, row.leased(l.WorkerID))
		case 2:
			state := workflow.TaskBlockedByFailures
			if row.stepNo == 1 {
				state = workflow.TaskComplete
			}
			a.Ended = append(a.Ended, EndedTask{TaskUUID: sdk.UUID(row.task.Bytes), State: state})
		case 3:
			done = int(row.stepNo)
		}
	}
	return done, rows.Err()
}

// sortOut tells the outcomes that are stale from those that an earlier try applied.
func (s *Store) sortOut(ctx context.Context, batch []Outcome, done int, applied *Applied) (err error) {
	if applied.Stale, err = s.staleOutcomes(ctx, batch); err != nil {
		return err
	}
	for _, i := range applied.Stale {
		applied.States[i] = ""
	}
	applied.Again = done+len(applied.Stale) < len(batch)
	return nil
}

const staleOutcomes = `/* tasker:stale_outcomes */
select i.n from unnest($1::uuid[], $2::int[], $3::int[], $4::text[]) with ordinality as i(task_uuid, step_no, attempt, reported, n)
where not exists (
  select from tasker.step_transitions t
  where t.task_uuid = any(array[i.task_uuid]) and t.step_no = i.step_no and t.attempt = i.attempt
    and (t.path[1]::text = i.reported or t.path[1] = 'in_progress' and t.path[2]::text = i.reported))`

// staleOutcomes finds which outcomes the ledger does not show. Those that it does show were applied, now or by an earlier
// try whose answer was lost: an attempt ends once, and how it was reported is on its transition.
func (s *Store) staleOutcomes(ctx context.Context, batch []Outcome) ([]int, error) {
	n := len(batch)
	rows, err := s.engine.Query(ctx, staleOutcomes,
		ids(n, func(i int) sdk.UUID { return batch[i].TaskUUID }),
		ints(n, func(i int) int32 { return batch[i].StepNo }),
		ints(n, func(i int) int32 { return batch[i].Attempt }),
		texts(n, func(i int) string { return batch[i].Kind.reportedAs() }))
	if err != nil {
		return nil, fmt.Errorf("find stale outcomes: %w", err)
	}
	stale, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (int, error) {
		var at int
		err := row.Scan(&at)
		return at - 1, err
	})
	if err != nil {
		return nil, fmt.Errorf("find stale outcomes: %w", err)
	}
	return stale, nil
}

// state is where the outcome leaves its step.
func (k OutcomeKind) state() workflow.StepState {
	switch k {
	case OutcomeComplete:
		return workflow.StepComplete
	case OutcomeRetry:
		return workflow.StepWaitingForRetry
	case OutcomeError, OutcomeCrashOut, OutcomeRefuse:
		return workflow.StepError
	case OutcomeTolerate:
		return workflow.StepResolvedManually
	}
	return workflow.StepEnqueued
}

// reportedAs is the state that only this kind of end walks a step through.
func (k OutcomeKind) reportedAs() string {
	switch k {
	case OutcomeComplete, OutcomeRefuse:
		return string(workflow.StepEnqueuedForOrchestration)
	case OutcomeRetry, OutcomeRetryNow, OutcomeError, OutcomeTolerate:
		return string(workflow.StepEnqueuedAsErrorForOrchestration)
	case OutcomeCrashOut:
		return string(workflow.StepError)
	}
	return string(workflow.StepWaitingForRetry)
}

// fusedRow is a row of the statements that lease steps and report beside it. What only steps have counts in no other row.
type fusedRow struct {
	what                                  int16
	task                                  pgtype.UUID
	stepNo                                int32
	attempt, crashes, forgiven, handlerID pgtype.Int4
	name, inputs, checkpoint              pgtype.Text
}

type scanner interface{ Scan(dest ...any) error }

func scanFused(rows scanner) (r fusedRow, err error) {
	err = rows.Scan(&r.what, &r.task, &r.stepNo, &r.attempt, &r.crashes, &r.forgiven, &r.handlerID, &r.name, &r.inputs, &r.checkpoint)
	return r, err
}

func (r *fusedRow) leased(workerID int32) LeasedStep {
	return LeasedStep{
		WorkerID: workerID, TaskUUID: sdk.UUID(r.task.Bytes), StepNo: r.stepNo, HandlerID: r.handlerID.Int32, Name: r.name.String,
		Counts:     workflow.AttemptCounts{Attempt: r.attempt.Int32, Crashes: r.crashes.Int32, Forgiven: r.forgiven.Int32},
		Inputs:     rawOrNil(r.inputs),
		Checkpoint: rawOrNil(r.checkpoint),
	}
}

func rawOrNil(t pgtype.Text) json.RawMessage {
	if !t.Valid {
		return nil
	}
	return json.RawMessage(t.String)
}

// orNone sends an empty list, not null, which no handler equals.
func orNone(handlers []int32) []int32 {
	if handlers == nil {
		return []int32{}
	}
	return handlers
}
