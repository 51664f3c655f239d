package bridge

import "github.com/tasker-systems/tasker-go/dispatch"

// workerStatus is the document of tasker_worker_status.
type workerStatus struct {
	SchemaVersion int         `json:"schema_version"`
	State         workerState `json:"state"`
	// Degraded says that a panic was caught since the library was loaded: it goes on, but wants a look and a restart.
	Degraded bool                         `json:"degraded"`
	Panics   int64                        `json:"panics_total"`
	Handlers []string                     `json:"handlers"`
	Steps    *dispatch.FfiDispatchMetrics `json:"steps"` // null before start
	Frames   frameStatus                  `json:"frames"`
	Logs     logStatus                    `json:"logs"`
	Failure  string                       `json:"failure,omitempty"`
	Core     map[string]any               `json:"core"`
}

type frameStatus struct {
	Queued            int    `json:"queued"`
	Calls             int    `json:"calls"`
	DomainEvents      int    `json:"domain_events"`
	DomainEventsTotal uint64 `json:"domain_events_total"`
	DroppedUnreported uint64 `json:"domain_events_dropped"`
	LiveTokens        int    `json:"live_tokens"`
}

// WorkerStatus tells what the worker knows of itself.
func (l *Library) WorkerStatus(h uint64) Reply {
	w, err := l.worker(h)
	if err != nil {
		return fail(err)
	}
	return ok(w.status())
}

func (w *worker) status() workerStatus {
	s := workerStatus{
		SchemaVersion: SchemaVersion, Panics: w.lib.tasks.panics.Load(), Logs: w.lib.logs.status(), Core: w.core.Status(),
	}
	if steps := w.steps.Load(); steps != nil {
		m := steps.Metrics()
		s.Steps = &m
		s.Panics += int64(m.Panics)
	}
	s.Degraded = s.Panics > 0
	w.mu.Lock()
	defer w.mu.Unlock()
	s.State, s.Handlers = w.state, w.handlers
	if w.failure != nil {
		s.Failure = w.failure.Error()
	}
	s.Frames = frameStatus{
		Queued: len(w.frames), Calls: len(w.calls), DomainEvents: len(w.events.events), DomainEventsTotal: w.events.total,
		DroppedUnreported: w.events.dropped, LiveTokens: w.lib.tokens.size(),
	}
	return s
}

// summary is the document of tasker_worker_stop.
func (w *worker) summary() map[string]any {
	s := map[string]any{"schema_version": SchemaVersion, "state": w.currentState()}
	if steps := w.steps.Load(); steps != nil {
		m := steps.Metrics()
		s["pending"], s["unsent"], s["completed"], s["released"] = m.PendingCount, m.UnsentCount, m.Completed, m.Released
		s["timed_out"], s["quarantined"], s["returned_unpolled"] = m.TimedOut, m.QuarantinedCount, m.Returned
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure != nil {
		s["failure"] = w.failure.Error()
	}
	return s
}
