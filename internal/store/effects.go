package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tasker-systems/tasker-go/sdk"
)

// Effect is a trace that a handler leaves outside of the engine, by which its runs can be counted afterwards.
type Effect struct {
	TaskUUID, StepUUID sdk.UUID
	StepName           string
	Attempt            int
	IdempotencyKey     string
	// Kind is start or end.
	Kind string
}

// Effects append to the table tasker_effects of a database, which need not be the engine's. It is safe for concurrent use.
type Effects struct{ pool *pgxpool.Pool }

// Processes that start at once would otherwise both find the table absent; the lock is that of migrations.
const createEffects = `/* tasker:create_effects */
select pg_advisory_xact_lock(%d);
create table if not exists tasker_effects (
  task_uuid uuid not null,
  step_uuid uuid not null,
  step_name text not null,
  attempt int not null,
  idempotency_key text not null,
  kind text not null check (kind in ('start', 'end')),
  at timestamptz not null default clock_timestamp()
)`

// OpenEffects connects to a database and creates the table if it is absent.
func OpenEffects(ctx context.Context, dsn string) (*Effects, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("database of effects: %w", scrub(err))
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf(createEffects, int64(migrationLock)))
		return err
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("create table tasker_effects: %w", scrub(err))
	}
	return &Effects{pool}, nil
}

const recordEffect = `/* tasker:record_effect */
insert into tasker_effects (task_uuid, step_uuid, step_name, attempt, idempotency_key, kind) values ($1, $2, $3, $4, $5, $6)`

// Record appends one effect. It is not tried again when it fails, since the first try may have been committed.
func (e *Effects) Record(ctx context.Context, f Effect) error {
	_, err := e.pool.Exec(ctx, recordEffect, f.TaskUUID, f.StepUUID, f.StepName, f.Attempt, f.IdempotencyKey, f.Kind)
	if err != nil {
		return fmt.Errorf("record the %s of step %s: %w", f.Kind, f.StepUUID, err)
	}
	return nil
}

// Close waits for records under way and closes the connections.
func (e *Effects) Close() { e.pool.Close() }
