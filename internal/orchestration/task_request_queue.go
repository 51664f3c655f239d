package orchestration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
)

// MessageLimits bound the reading of messages.
type MessageLimits struct {
	// Interval is how often a queue is looked at without a hint.
	Interval time.Duration
	// Hide is how long a message that was read is not given to another reader.
	Hide time.Duration
	// MaxReads is how often a message is read before it is set aside.
	MaxReads int
	// Batch is how many messages are read at once.
	Batch int
}

// TaskRequestQueue makes the tasks that messages ask for. A request that can never be met, or could not be met often enough,
// is archived.
type TaskRequestQueue struct {
	queueLoop
	store    *store.Store
	requests *TaskRequestActor
	limits   MessageLimits
	logger   *slog.Logger
}

// NewTaskRequestQueue makes the loop.
func NewTaskRequestQueue(s *store.Store, requests *TaskRequestActor, l MessageLimits, logger *slog.Logger) *TaskRequestQueue {
	return &TaskRequestQueue{queueLoop: newQueueLoop(l.Interval, l.Batch), store: s, requests: requests, limits: l, logger: logger}
}

// Run makes tasks until ctx is done.
func (q *TaskRequestQueue) Run(ctx context.Context) {
	q.run(ctx, q.process, func(err error) {
		q.logger.Warn("task requests cannot be read at the moment", "queue", store.TaskRequestsQueue, "error", err)
	})
}

// process answers one batch. A message whose task was made and that is read again finds that task.
func (q *TaskRequestQueue) process(ctx context.Context) (int, error) {
	messages, err := q.store.ReadMessages(ctx, store.TaskRequestsQueue, q.limits.Hide, q.limits.Batch)
	if err != nil {
		return 0, err
	}
	answers := make([]error, len(messages))
	var asked sync.WaitGroup
	for i := range messages { // those that wait at the same time become one statement
		asked.Go(func() { answers[i] = q.request(ctx, &messages[i]) })
	}
	asked.Wait()
	var met, hopeless []int64
	for i, m := range messages {
		switch err := answers[i]; {
		case err == nil:
			met = append(met, m.ID)
		case isHopeless(err) || m.Reads >= q.limits.MaxReads && !passes(err):
			hopeless = append(hopeless, m.ID)
			q.logger.Error("a task request is archived", "queue", store.TaskRequestsQueue, "msg_id", m.ID, "read", m.Reads, "error", err)
		default:
			q.logger.Warn("a task request is tried again later", "queue", store.TaskRequestsQueue, "msg_id", m.ID, "read", m.Reads, "again_in", q.limits.Hide, "error", err)
		}
	}
	return len(messages), errors.Join(q.store.DeleteMessages(ctx, store.TaskRequestsQueue, met), q.store.ArchiveMessages(ctx, store.TaskRequestsQueue, hopeless))
}

func (q *TaskRequestQueue) request(ctx context.Context, m *store.PgmqMessage) error {
	var body pgmq.TaskRequestMessage
	if err := json.Unmarshal(m.Message, &body); err != nil {
		return &RequestError{Problems: []string{"the message is no task request: " + err.Error()}}
	}
	if body.RequestID == "" {
		body.RequestID = fmt.Sprintf("%s/%d", store.TaskRequestsQueue, m.ID)
	}
	_, err := actor.Ask(ctx, q.requests.Handle, ProcessTaskRequestMessage{Request: body.TaskRequest, RequestID: body.RequestID})
	return err
}

// passes says whether the process or its database is at fault, and the request is not.
func passes(err error) bool {
	remedy := store.Classify(err)
	return remedy == store.RemedyRetry || remedy == store.RemedyReconnect || errors.Is(err, ErrStopping) || errors.Is(err, context.Canceled)
}

// isHopeless says whether a request is at fault itself.
func isHopeless(err error) bool {
	var refused *RequestError
	return errors.As(err, &refused) || store.Classify(err) == store.RemedyRefuse
}
