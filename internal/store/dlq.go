package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// DLQReason says why a task is among the dead letters.
type DLQReason string

// The reasons.
const (
	DLQStaleness        DLQReason = "staleness_timeout"
	DLQMaxRetries       DLQReason = "max_retries_exceeded"
	DLQDependencyCycle  DLQReason = "dependency_cycle_detected"
	DLQWorkerLost       DLQReason = "worker_unavailable"
	DLQManual           DLQReason = "manual_dlq"
	DLQPermanentFailure DLQReason = "permanent_failure"
)

// DLQStatus says how far the investigation of a dead letter is.
type DLQStatus string

// The states of an investigation.
const (
	DLQPending           DLQStatus = "pending"
	DLQManuallyResolved  DLQStatus = "manually_resolved"
	DLQPermanentlyFailed DLQStatus = "permanently_failed"
	DLQCancelled         DLQStatus = "cancelled"
)

// DLQStatuses lists all states of an investigation.
var DLQStatuses = []DLQStatus{DLQPending, DLQManuallyResolved, DLQPermanentlyFailed, DLQCancelled}

// DeadLetter is an entry in the ledger of investigations. The task keeps its own state beside it.
type DeadLetter struct {
	ID, TaskUUID  sdk.UUID
	OriginalState workflow.TaskState
	Reason        DLQReason
	At            time.Time
	Status        DLQStatus
	ResolvedAt    *time.Time
	Notes         *string
	ResolvedBy    *string
	// Snapshot is the task as it was then; Metadata is the investigator's.
	Snapshot, Metadata   json.RawMessage
	CreatedAt, UpdatedAt time.Time
}

// dlqSnapshot is what is kept of the task t, beside its context, which does not change.
const dlqSnapshot = `(select jsonb_build_object('task_uuid', t.task_uuid, 'namespace', tt.namespace, 'task_name', tt.name, 'version', tt.version,
    'content_hash', tt.content_hash, 'state', t.state, 'priority', t.priority, 'created_at', t.created_at, 'start_at', t.start_at,
    'correlation_id', t.correlation_id, 'initiator', t.initiator, 'tags', t.tags,
    'steps', (select jsonb_object_agg(n.state, n.n) from (
       select s.state, count(*) as n from tasker.workflow_steps s where s.task_uuid = t.task_uuid group by 1) n),
    'open_steps', (select jsonb_agg(jsonb_build_object('name', o.name, 'state', o.state, 'attempt', o.attempt, 'crashes', o.crashes,
       'run_at', o.run_at, 'outcome', o.outcome) order by o.step_no) from (
       select * from tasker.workflow_steps s where s.task_uuid = t.task_uuid and s.state not in ('complete', 'resolved_manually', 'pending')
       order by s.step_no limit 50) o))
  from tasker.task_templates tt where tt.template_id = t.template_id)`

const reportBlocked = `/* tasker:report_blocked */
with due as materialized (
  select task_uuid from tasker.blocked_tasks where reported_at is null order by blocked_at limit $1 for update skip locked
), why as (
  select d.task_uuid, case
    when bool_or(s.outcome #>> '{metadata,error_type}' = '` + sdk.ErrTypeWorkerLost + `') then 'worker_unavailable'
    when bool_or((s.outcome #>> '{metadata,retryable}')::bool) then 'max_retries_exceeded'
    else 'permanent_failure' end as reason
  from due d join tasker.workflow_steps s on s.task_uuid = any(array[d.task_uuid]) and s.state = 'error' group by 1
), entered as (
  insert into tasker.tasks_dlq (task_uuid, original_state, dlq_reason, task_snapshot)
  select t.task_uuid, t.state, w.reason::tasker.dlq_reason, ` + dlqSnapshot + `
  from why w join tasker.tasks t on t.task_uuid = any(array[w.task_uuid])
  on conflict (task_uuid) where resolution_status = 'pending' do nothing
), marked as (
  update tasker.blocked_tasks b set reported_at = clock_timestamp() from due d where b.task_uuid = any(array[d.task_uuid])
)
select count(*) from due`

// ReportBlockedTasks enters tasks that have newly become blocked among the dead letters, at most limit, and returns how many
// it looked at. A task that is under investigation already gets no second entry.
func (s *Store) ReportBlockedTasks(ctx context.Context, limit int) (n int, err error) {
	if err := s.engine.QueryRow(ctx, reportBlocked, limit).Scan(&n); err != nil {
		return 0, fmt.Errorf("report blocked tasks: %w", err)
	}
	return n, nil
}

const hopelessTasks = `/* tasker:hopeless_tasks */
select b.task_uuid from tasker.blocked_tasks b
join tasker.tasks t on t.task_uuid = any(array[b.task_uuid])
where (b.reported_at is not null or not $2) and t.paused_at is null and not exists (
  select from tasker.workflow_steps s where s.task_uuid = any(array[b.task_uuid]) and (s.state in ('enqueued', 'in_progress',
    'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration', 'waiting_for_retry') or s.state = 'pending' and s.waiting_on = 0))
order by b.blocked_at limit $1`

// HopelessTasks lists blocked tasks of which no step can move any more; with reported, those among the dead letters only.
func (s *Store) HopelessTasks(ctx context.Context, limit int, reported bool) ([]sdk.UUID, error) {
	rows, err := s.engine.Query(ctx, hopelessTasks, limit, reported)
	return collectUUIDs("find blocked tasks", rows, err)
}

// collectUUIDs reads the only column of a query, which was sent to do what an error tells.
func collectUUIDs(doing string, rows pgx.Rows, err error) (ids []sdk.UUID, _ error) {
	if err == nil {
		ids, err = pgx.CollectRows(rows, scanUUID)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return ids, nil
}

func scanUUID(row pgx.CollectableRow) (sdk.UUID, error) {
	var id pgtype.UUID
	err := row.Scan(&id)
	return sdk.UUID(id.Bytes), err
}

const enterDeadLetter = `/* tasker:enter_dead_letter */
insert into tasker.tasks_dlq (task_uuid, original_state, dlq_reason, task_snapshot, metadata)
select t.task_uuid, t.state, $2::text::tasker.dlq_reason, ` + dlqSnapshot + `, $3::text::jsonb
from tasker.tasks t where t.task_uuid = $1
on conflict (task_uuid) where resolution_status = 'pending' do nothing`

// enterDeadLetter enters one task, unless it is under investigation already.
func (s *Store) enterDeadLetter(ctx context.Context, tx pgx.Tx, task sdk.UUID, reason DLQReason, metadata json.RawMessage) (entered bool, err error) {
	tag, err := tx.Exec(ctx, enterDeadLetter, task, string(reason), textOrNull(metadata))
	return tag.RowsAffected() > 0, err
}

// AddDeadLetter enters a task by hand. One that is under investigation already is an [ErrConflict], an unknown one [ErrNotFound].
func (s *Store) AddDeadLetter(ctx context.Context, task sdk.UUID, by, why string) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		var state workflow.TaskState
		if err := tx.QueryRow(ctx, lockTask, task).Scan(&state); err != nil {
			return notFound(err)
		}
		metadata, err := json.Marshal(map[string]string{"requested_by": by, "reason": why})
		if err != nil {
			return err
		}
		entered, err := s.enterDeadLetter(ctx, tx, task, DLQManual, metadata)
		if err == nil && !entered {
			err = fmt.Errorf("%w: it is under investigation already", ErrConflict)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("enter task %s among the dead letters: %w", task, err)
	}
	return nil
}

const resolveDeadLetter = `/* tasker:resolve_dead_letter */
update tasker.tasks_dlq set
  resolution_status = coalesce($2::text::tasker.dlq_resolution_status, resolution_status),
  resolution_timestamp = case when coalesce($2::text, resolution_status::text) = 'pending' then null
    when $2::text is null then resolution_timestamp else clock_timestamp() end,
  resolution_notes = coalesce($3, resolution_notes), resolved_by = coalesce($4, resolved_by),
  metadata = coalesce($5::text::jsonb, metadata), updated_at = clock_timestamp()
where dlq_entry_uuid = $1 returning task_uuid`

// DeadLetterUpdate is what an investigator changes; nil leaves a field as it is.
type DeadLetterUpdate struct {
	Status            *DLQStatus
	Notes, ResolvedBy *string
	Metadata          json.RawMessage
}

// UpdateDeadLetter records how far an investigation is. An unknown entry is [ErrNotFound]; one that is to be pending again
// while its task has another pending entry is [ErrConflict].
func (s *Store) UpdateDeadLetter(ctx context.Context, id sdk.UUID, u DeadLetterUpdate) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		_, err := resolveLetter(ctx, tx, id, u)
		return err
	})
	if err != nil {
		return fmt.Errorf("update dead letter %s: %w", id, err)
	}
	return nil
}

func resolveLetter(ctx context.Context, tx pgx.Tx, id sdk.UUID, u DeadLetterUpdate) (task sdk.UUID, err error) {
	var found pgtype.UUID
	err = tx.QueryRow(ctx, resolveDeadLetter, id, u.Status, u.Notes, u.ResolvedBy, textOrNull(u.Metadata)).Scan(&found)
	if isUnique(err) {
		return task, fmt.Errorf("%w: the task has another entry that is pending", ErrConflict)
	}
	return sdk.UUID(found.Bytes), notFound(err)
}

// RequeueDeadLetter gives all failed steps of the task their attempts again, queues them, and marks the entry as resolved, in
// one transaction. An entry that is not pending, or whose task has no failed step, is an [ErrConflict].
func (s *Store) RequeueDeadLetter(ctx context.Context, id sdk.UUID, by, why string) (task sdk.UUID, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		status := DLQManuallyResolved
		letter, err := s.readLetter(ctx, tx, ` where dlq_entry_uuid = $1`, id)
		if err != nil {
			return err
		}
		if task = letter.TaskUUID; letter.Status != DLQPending {
			return fmt.Errorf("%w: the entry is %s", ErrConflict, letter.Status)
		}
		steps, err := lockForRepair(ctx, tx, task, nil)
		if err != nil {
			return err
		}
		_, err = repair(ctx, tx, Intervention{TaskUUID: task, Action: "requeue", By: by, Reason: why}, steps, resetFailed)
		if err != nil {
			return err
		}
		_, err = resolveLetter(ctx, tx, id, DeadLetterUpdate{Status: &status, Notes: &why, ResolvedBy: &by})
		return err
	})
	if err != nil {
		return task, fmt.Errorf("requeue dead letter %s: %w", id, err)
	}
	return task, nil
}

func resetFailed(t workflow.RepairTask) (*workflow.RepairPlan, error) {
	var failed []int32
	for no, s := range t.Steps {
		if s.State == workflow.StepError {
			failed = append(failed, no)
		}
	}
	if len(failed) == 0 {
		return nil, fmt.Errorf("%w: no step of the task has failed", workflow.ErrNotRepairable)
	}
	return workflow.ResetForRetry(t, failed...)
}

func isUnique(err error) bool {
	var pgErr interface{ SQLState() string }
	return errors.As(err, &pgErr) && pgErr.SQLState() == "23505"
}
