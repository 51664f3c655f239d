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

const letterColumns = `select dlq_entry_uuid, task_uuid, original_state::text, dlq_reason::text, dlq_timestamp, resolution_status::text,
  resolution_timestamp, resolution_notes, resolved_by, task_snapshot::text, metadata::text, created_at, updated_at from tasker.tasks_dlq`

func scanLetter(row pgx.CollectableRow) (l DeadLetter, err error) {
	var id, task pgtype.UUID
	var snapshot string
	var metadata pgtype.Text
	err = row.Scan(&id, &task, &l.OriginalState, &l.Reason, &l.At, &l.Status, &l.ResolvedAt, &l.Notes, &l.ResolvedBy, &snapshot, &metadata,
		&l.CreatedAt, &l.UpdatedAt)
	l.ID, l.TaskUUID, l.Snapshot, l.Metadata = id.Bytes, task.Bytes, json.RawMessage(snapshot), rawOrNil(metadata)
	return l, err
}

type letterReader interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func (s *Store) readLetter(ctx context.Context, q letterReader, where string, arg any) (DeadLetter, error) {
	rows, err := q.Query(ctx, `/* tasker:read_dead_letter */ `+letterColumns+where, arg)
	if err != nil {
		return DeadLetter{}, err
	}
	l, err := pgx.CollectExactlyOneRow(rows, scanLetter)
	return l, notFound(err)
}

// DeadLetter reads one entry, or returns [ErrNotFound].
func (s *Store) DeadLetter(ctx context.Context, id sdk.UUID) (DeadLetter, error) {
	l, err := s.readLetter(ctx, s.query, ` where dlq_entry_uuid = $1`, id)
	if err != nil {
		return l, fmt.Errorf("read dead letter %s: %w", id, err)
	}
	return l, nil
}

// DeadLetterOf reads the latest entry of a task, or returns [ErrNotFound].
func (s *Store) DeadLetterOf(ctx context.Context, task sdk.UUID) (DeadLetter, error) {
	l, err := s.readLetter(ctx, s.query, ` where task_uuid = $1 order by dlq_timestamp desc limit 1`, task)
	if err != nil {
		return l, fmt.Errorf("read dead letter of task %s: %w", task, err)
	}
	return l, nil
}

const listLetters = `/* tasker:list_dead_letters */ ` + letterColumns + `
where $1 = '' or resolution_status = $1::tasker.dlq_resolution_status order by dlq_timestamp desc, dlq_entry_uuid limit $2 offset $3`

// DeadLetters lists entries, newest first: those in a state or, with "", all.
func (s *Store) DeadLetters(ctx context.Context, status DLQStatus, limit, offset int) ([]DeadLetter, error) {
	rows, err := s.query.Query(ctx, listLetters, string(status), limit, offset)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	letters, err := pgx.CollectRows(rows, scanLetter)
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	return letters, nil
}

// DLQStats counts the entries of one reason.
type DLQStats struct {
	Reason                                                DLQReason
	Total, Pending, Resolved, PermanentFailures, Canceled int64
	Oldest, Newest                                        *time.Time
	// AverageMinutes is how long investigations took; nil if none has ended.
	AverageMinutes *float64
}

const dlqStats = `/* tasker:dlq_stats */
select dlq_reason::text, count(*), count(*) filter (where resolution_status = 'pending'),
  count(*) filter (where resolution_status = 'manually_resolved'), count(*) filter (where resolution_status = 'permanently_failed'),
  count(*) filter (where resolution_status = 'cancelled'), min(dlq_timestamp), max(dlq_timestamp),
  avg(extract(epoch from resolution_timestamp - dlq_timestamp) / 60)::float8
from tasker.tasks_dlq group by 1 order by 1`

// DLQStats counts entries by their reasons.
func (s *Store) DLQStats(ctx context.Context) ([]DLQStats, error) {
	rows, err := s.query.Query(ctx, dlqStats)
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	stats, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DLQStats])
	if err != nil {
		return nil, fmt.Errorf("count dead letters: %w", err)
	}
	return stats, nil
}

// Investigation is a pending entry with what its task does now.
type Investigation struct {
	ID, TaskUUID        sdk.UUID
	OriginalState       workflow.TaskState
	Reason              DLQReason
	At                  time.Time
	Minutes             float64
	Namespace, TaskName string
	State               workflow.TaskState
	MinutesInState      int32
	// Score says what to look at first: by the reason, and more with each minute.
	Score float64
}

const investigations = `/* tasker:investigations */
select d.dlq_entry_uuid, d.task_uuid, d.original_state::text, d.dlq_reason::text, d.dlq_timestamp, age.minutes, tt.namespace, tt.name, t.state::text,
  (extract(epoch from clock_timestamp() - m.at) / 60)::int,
  case d.dlq_reason when 'dependency_cycle_detected' then 1000 when 'max_retries_exceeded' then 500 when 'permanent_failure' then 500
    when 'worker_unavailable' then 100 when 'staleness_timeout' then 50 else 10 end + age.minutes
from tasker.tasks_dlq d
join tasker.tasks t using (task_uuid)
join tasker.task_templates tt using (template_id)
cross join lateral (select (extract(epoch from clock_timestamp() - d.dlq_timestamp) / 60)::float8 as minutes) age
cross join lateral (select max(x.at) as at from tasker.task_transitions x where x.task_uuid = d.task_uuid) m
where d.resolution_status = 'pending' order by 11 desc, 1 limit $1`

// Investigations lists pending entries, what to look at first at the head.
func (s *Store) Investigations(ctx context.Context, limit int) ([]Investigation, error) {
	rows, err := s.query.Query(ctx, investigations, limit)
	if err != nil {
		return nil, fmt.Errorf("list investigations: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Investigation, err error) {
		var id, task pgtype.UUID
		err = row.Scan(&id, &task, &i.OriginalState, &i.Reason, &i.At, &i.Minutes, &i.Namespace, &i.TaskName, &i.State, &i.MinutesInState, &i.Score)
		i.ID, i.TaskUUID = id.Bytes, task.Bytes
		return i, err
	})
	if err != nil {
		return nil, fmt.Errorf("list investigations: %w", err)
	}
	return list, nil
}
