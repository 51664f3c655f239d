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

// TaskView is a task as people read it.
type TaskView struct {
	TaskUUID                 sdk.UUID
	TemplateID               int32
	Namespace, Name, Version string
	// Counts hold the stored state and sum up the steps; see [workflow.TaskExecutionContext.VisibleState].
	Counts              workflow.TaskExecutionContext
	Priority            int32
	CorrelationID       sdk.UUID
	ParentCorrelationID sdk.UUID // zero if none
	Initiator           string
	SourceSystem        string
	Reason              string
	Tags                []string
	Context             json.RawMessage
	RequestedAt         time.Time
	CreatedAt           time.Time
	// UpdatedAt is when the task or one of its steps last moved.
	UpdatedAt   time.Time
	StartAt     *time.Time // of a task whose start was delayed
	CompletedAt *time.Time
	PausedAt    *time.Time // of a task that is paused
}

// A step is busy while it is with a worker, on its way there or back; it is ready when nothing but a sweep keeps it from
// being busy.
const (
	stepBusy  = `s.state in ('enqueued', 'in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')`
	stepReady = `(s.state = 'pending' and s.waiting_on = 0 or s.state = 'waiting_for_retry') and coalesce(s.run_at <= clock_timestamp(), true)`
)

const taskColumns = `t.task_uuid, t.template_id, tt.namespace, tt.name, tt.version, t.state::text,
  c.total, c.pending, c.busy, c.completed, c.failed, c.ready, c.retrying, c.cancelled,
  t.priority, t.correlation_id, t.parent_correlation_id, coalesce(t.initiator, ''), coalesce(t.source_system, ''),
  coalesce(t.reason, ''), t.tags, t.context::text, t.requested_at, t.created_at,
  greatest(t.created_at, m.at, n.at), t.start_at, t.completed_at, t.paused_at`

const taskTables = `tasker.task_templates tt
  cross join lateral (
    select count(*) as total,
      count(*) filter (where s.state = 'pending') as pending,
      count(*) filter (where ` + stepBusy + `) as busy,
      count(*) filter (where s.state in ('complete', 'resolved_manually')) as completed,
      count(*) filter (where s.state = 'error') as failed,
      count(*) filter (where ` + stepReady + `) as ready,
      count(*) filter (where s.state = 'waiting_for_retry') as retrying,
      count(*) filter (where s.state = 'cancelled') as cancelled
    from tasker.workflow_steps s where s.task_uuid = t.task_uuid) c
  cross join lateral (select max(x.at) as at from tasker.task_transitions x where x.task_uuid = t.task_uuid) m
  cross join lateral (select max(x.at) as at from tasker.step_transitions x where x.task_uuid = t.task_uuid) n
  where tt.template_id = t.template_id`

const readTask = `/* tasker:read_task */
select ` + taskColumns + ` from (select * from tasker.tasks where task_uuid = $1) t, ` + taskTables

// Task reads a task, or returns [ErrNotFound].
func (s *Store) Task(ctx context.Context, id sdk.UUID) (*TaskView, error) {
	rows, err := s.query.Query(ctx, readTask, id)
	if err != nil {
		return nil, fmt.Errorf("read task %s: %w", id, err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, scanTask)
	if err != nil {
		return nil, fmt.Errorf("read task %s: %w", id, notFound(err))
	}
	return &t, nil
}

func scanTask(row pgx.CollectableRow) (t TaskView, err error) {
	var raw string
	var id, correlation, parent pgtype.UUID
	c := &t.Counts
	err = row.Scan(&id, &t.TemplateID, &t.Namespace, &t.Name, &t.Version, &c.State,
		&c.Total, &c.Pending, &c.InProgress, &c.Completed, &c.Failed, &c.Ready, &c.WaitingForRetry, &c.Cancelled,
		&t.Priority, &correlation, &parent, &t.Initiator, &t.SourceSystem, &t.Reason, &t.Tags, &raw, &t.RequestedAt, &t.CreatedAt,
		&t.UpdatedAt, &t.StartAt, &t.CompletedAt, &t.PausedAt)
	t.TaskUUID, t.CorrelationID, t.ParentCorrelationID = id.Bytes, correlation.Bytes, parent.Bytes
	t.Context = json.RawMessage(raw)
	return t, err
}
