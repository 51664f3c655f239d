package worker

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/transport/pgmq"
)

// messageIntake claims by messages, in the queues of the namespaces that the worker serves. It looks into those that it has
// news of and, every so often, into all.
type messageIntake struct {
	executor *StepExecutorActor
	served   func() []string
	all      time.Duration

	mu     sync.Mutex
	news   map[string]bool
	single *pgmq.MessageReadyEvent
	looked time.Time
}

// hear notes what a notification says. News of a single message, when there is no other, leads straight to it.
func (i *messageIntake) hear(payload string) (ours bool) {
	event, err := pgmq.ParseEvent(payload)
	if err != nil || event.Namespace == pgmq.OrchestrationNamespace && event.QueueName != store.QueueOf(event.Namespace) {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if event.Single() && i.single == nil && len(i.news) == 0 {
		i.single = &event
		return true
	}
	if i.single != nil {
		i.note(i.single.QueueName)
		i.single = nil
	}
	i.note(event.QueueName)
	return true
}

func (i *messageIntake) note(queue string) {
	if i.news == nil {
		i.news = map[string]bool{}
	}
	i.news[queue] = true
}

// pending gives what there is to look at, and forgets it.
func (i *messageIntake) pending() (single *pgmq.MessageReadyEvent, queues []string) {
	served := i.served()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.single == nil && len(i.news) == 0 || time.Since(i.looked) >= i.all {
		i.looked = time.Now()
		i.single, i.news = nil, nil
		return nil, served
	}
	single, news := i.single, i.news
	i.single, i.news = nil, nil
	queues = slices.DeleteFunc(slices.Sorted(maps.Keys(news)), func(q string) bool { return !slices.Contains(served, q) })
	if single != nil && !slices.Contains(served, single.QueueName) {
		single = nil
	}
	return single, queues
}

func (i *messageIntake) keep(queues []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, q := range queues {
		i.note(q)
	}
}

func (i *messageIntake) take(ctx context.Context, l store.Lease) (all Taken, err error) {
	single, queues := i.pending()
	if single != nil {
		return actor.Ask(ctx, i.executor.HandleExecuteStepFromEvent, ExecuteStepFromEventMessage{Event: *single, Lease: l})
	}
	budget := l.Budget
	for n, queue := range queues {
		if l.Budget = budget - all.Started - all.Failed; l.Budget <= 0 {
			i.keep(queues[n:])
			all.More = true
			break
		}
		taken, err := actor.Ask(ctx, i.executor.HandleExecuteStepFromPgmq, ExecuteStepFromPgmqMessage{QueueName: queue, Lease: l})
		all.Started, all.Failed = all.Started+taken.Started, all.Failed+taken.Failed
		if err != nil {
			i.keep(queues[n:])
			return all, err
		}
		if taken.More {
			i.keep(queues[n : n+1])
			all.More = true
		}
	}
	return all, nil
}
