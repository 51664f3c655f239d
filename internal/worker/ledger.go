package worker

import (
	"sync"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// job is a step in flight: leased to this worker, from its claim until its result is accepted.
type job struct {
	message *dispatch.DispatchHandlerMessage
	step    store.LeasedStep
	task    *TaskData
	// became is what the accepted result made of the step; "" if a server is yet to decide.
	became workflow.StepState
}

// ledger knows the steps in flight. While a statement that may lease steps is on its way, its steps are in the database
// and not yet here; such statements hold flight for reading, and a comparison of both sides takes it for writing.
type ledger struct {
	flight sync.RWMutex

	mu   sync.Mutex
	jobs map[dispatch.StepKey]*job
}

func newLedger() *ledger { return &ledger{jobs: map[dispatch.StepKey]*job{}} }

// land waits for the statements that are on their way.
func (l *ledger) land() {
	l.flight.Lock()
	defer l.flight.Unlock()
}

// add enters a job; false means that the attempt is in flight already.
func (l *ledger) add(j *job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.jobs[j.message.Key]; ok {
		return false
	}
	l.jobs[j.message.Key] = j
	return true
}

func (l *ledger) get(key dispatch.StepKey) *job {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.jobs[key]
}

func (l *ledger) has(key dispatch.StepKey) bool { return l.get(key) != nil }

func (l *ledger) remove(key dispatch.StepKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.jobs, key)
}

func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.jobs)
}

// matching lists jobs, of one task or, with the zero UUID, all.
func (l *ledger) matching(task sdk.UUID) []*job {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []*job
	for key, j := range l.jobs {
		if task == (sdk.UUID{}) || key.TaskUUID == task {
			found = append(found, j)
		}
	}
	return found
}
