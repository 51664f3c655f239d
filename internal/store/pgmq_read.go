package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// The queues that servers read.
const (
	// StepResultsQueue tells of results that workers left for a server.
	StepResultsQueue = "orchestration_step_results"
	// TaskRequestsQueue holds requests for tasks.
	TaskRequestsQueue = "orchestration_task_requests"
)

// PgmqMessage is a message, as its reader gets it.
type PgmqMessage struct {
	ID int64
	// Reads is how often it was read, this time included.
	Reads      int
	EnqueuedAt time.Time
	Message    json.RawMessage
}

const readMessages = `/* tasker:read_messages */ select msg_id, read_ct, enqueued_at, message::text from pgmq.read($1, $2, $3) order by msg_id`

// ReadMessages gives up to limit messages, the oldest first, and hides them from other readers for the time of hide, in whole
// seconds. What is not deleted or archived until then is read again.
func (s *Store) ReadMessages(ctx context.Context, queue string, hide time.Duration, limit int) ([]PgmqMessage, error) {
	rows, err := s.query.Query(ctx, readMessages, queue, wholeSeconds(hide), limit)
	if err != nil {
		return nil, fmt.Errorf("read queue %s: %w", queue, err)
	}
	messages, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m PgmqMessage, err error) {
		var message pgtype.Text
		err = row.Scan(&m.ID, &m.Reads, &m.EnqueuedAt, &message)
		m.Message = rawOrNil(message)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read queue %s: %w", queue, err)
	}
	return messages, nil
}

func wholeSeconds(d time.Duration) int {
	return int(max(d.Round(time.Second), time.Second) / time.Second)
}

// DeleteMessages removes messages that are dealt with.
func (s *Store) DeleteMessages(ctx context.Context, queue string, ids []int64) error {
	return s.endMessages(ctx, `/* tasker:delete_messages */ select pgmq.delete($1, $2::bigint[])`, "delete from", queue, ids)
}

// ArchiveMessages sets messages aside, in the queue's archive, where people can look at them.
func (s *Store) ArchiveMessages(ctx context.Context, queue string, ids []int64) error {
	return s.endMessages(ctx, `/* tasker:archive_messages */ select pgmq.archive($1, $2::bigint[])`, "archive messages of", queue, ids)
}

func (s *Store) endMessages(ctx context.Context, sql, doing, queue string, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := s.query.Exec(ctx, sql, queue, ids); err != nil {
		return fmt.Errorf("%s queue %s: %w", doing, queue, err)
	}
	return nil
}
