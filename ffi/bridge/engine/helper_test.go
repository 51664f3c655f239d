package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// patience is how long a test waits for what the library or the database does, on a busy machine.
const (
	patience   = patienceMS * time.Millisecond
	patienceMS = 60_000
)

// host is a host of the library over a database of its own.
type host struct {
	*bridge.Library
	t   *testing.T
	dsn string
	dir string
	// later are frames that came while another type was awaited.
	later map[uint64][]bridge.Frame
}

func newHost(t *testing.T, templates ...string) *host {
	return hostOf(t, testdb.New(t).DSN(), templates...)
}

func hostOf(t *testing.T, dsn string, templates ...string) *host {
	h := &host{Library: bridge.New(bridge.Options{OpenWorker: Open, OpenClient: OpenClient}), t: t, dsn: dsn, dir: t.TempDir(), later: map[uint64][]bridge.Frame{}}
	require.NoError(t, os.MkdirAll(filepath.Join(h.dir, "config/tasks"), 0o755))
	for _, name := range templates {
		raw, err := os.ReadFile(filepath.Join("../../../examples/templates", name))
		if err != nil {
			raw, err = os.ReadFile(filepath.Join("testdata", name))
		}
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(h.dir, "config/tasks", name), raw, 0o600))
	}
	return h
}

// config is a configuration document with these settings beside those that every test needs.
func (h *host) config(more map[string]any, settings map[string]any) []byte {
	all := map[string]any{"database.url": h.dsn, "worker.poll_interval_ms": 50, "database.pool.max_connections": 6}
	for k, v := range settings {
		all[k] = v
	}
	doc := map[string]any{"dir": h.dir, "settings": all}
	for k, v := range more {
		doc[k] = v
	}
	raw, err := json.Marshal(doc)
	require.NoError(h.t, err)
	return raw
}

func (h *host) ok(r bridge.Reply) map[string]any {
	h.t.Helper()
	require.Equal(h.t, bridge.OK, r.Code, "%s", r.Document)
	var document map[string]any
	if len(r.Document) > 0 {
		require.NoError(h.t, json.Unmarshal(r.Document, &document), "%s", r.Document)
	}
	return document
}

func (h *host) fails(want bridge.Code, r bridge.Reply) bridge.Error {
	h.t.Helper()
	require.Equal(h.t, want.String(), r.Code.String(), "%s", r.Document)
	var e bridge.Error
	require.NoError(h.t, json.Unmarshal(r.Document, &e))
	return e
}

// worker opens and starts a worker that serves these handlers; it is stopped at the end of the test.
func (h *host) worker(more, settings map[string]any, handlers ...string) uint64 {
	h.t.Helper()
	w, r := h.WorkerNew(h.config(more, settings), nil, patienceMS)
	h.ok(r)
	names, err := json.Marshal(handlers)
	require.NoError(h.t, err)
	h.ok(h.WorkerRegister(w, names))
	h.ok(h.WorkerStart(w))
	h.t.Cleanup(func() {
		h.WorkerStop(w, 5000)
		h.WorkerFree(w)
	})
	return w
}

func (h *host) call(handle uint64, method string, params any) map[string]any {
	h.t.Helper()
	return h.ok(h.try(handle, method, params))
}

func (h *host) try(handle uint64, method string, params any) bridge.Reply {
	h.t.Helper()
	raw, err := json.Marshal(params)
	require.NoError(h.t, err)
	return h.Call(handle, method, raw, patienceMS)
}

// poll takes the next frame that comes within the time; ok says that one came.
func (h *host) poll(handle uint64, within time.Duration) (f bridge.Frame, ok bool) {
	h.t.Helper()
	var b []byte
	alloc := func(n int) []byte { b = make([]byte, n); return b }
	until := time.Now().Add(within)
	for {
		r := h.Poll(handle, 1, 0, true, alloc)
		if r.Code == bridge.OK {
			frames, err := bridge.ReadFrames(b)
			require.NoError(h.t, err)
			require.Len(h.t, frames, 1)
			return frames[0], true
		}
		require.Contains(h.t, []bridge.Code{bridge.Timeout, bridge.Closed}, r.Code)
		left := time.Until(until)
		if r.Wait.ID == 0 || left <= 0 {
			return bridge.Frame{}, false
		}
		testkit.Readable(h.t, r.Wait.FD, left+time.Millisecond) // in whole ones
		h.WaitDone(r.Wait.ID)
	}
}

// next takes the next frame of a type. Those of others wait until they are asked for: a step may come before the word that
// the one before it is cancelled.
func (h *host) next(handle uint64, want bridge.FrameType) bridge.Frame {
	h.t.Helper()
	later := h.later[handle]
	if i := slices.IndexFunc(later, func(f bridge.Frame) bool { return f.Type == want }); i >= 0 {
		f := later[i]
		h.later[handle] = slices.Delete(later, i, i+1)
		return f
	}
	for until := time.Now().Add(patience); time.Now().Before(until); {
		f, ok := h.poll(handle, time.Second)
		if ok && f.Type == want {
			return f
		}
		if ok {
			h.later[handle] = append(h.later[handle], f)
		}
	}
	require.FailNow(h.t, "no frame came", "of type %d", want)
	return bridge.Frame{}
}

// stepEvent is a step event as a host reads it.
type stepEvent struct {
	EventID          string `json:"event_id"`
	StepUUID         string `json:"step_uuid"`
	TaskUUID         string `json:"task_uuid"`
	TaskSequenceStep struct {
		Task struct {
			Task struct{ Context json.RawMessage }
		}
		WorkflowStep struct {
			Name     string
			Attempts int
		} `json:"workflow_step"`
		DependencyResults map[string]struct {
			StepUUID string `json:"step_uuid"`
			Result   json.RawMessage
		} `json:"dependency_results"`
		StepDefinition struct {
			Name    string
			Handler struct{ Callable string }
		} `json:"step_definition"`
	} `json:"task_sequence_step"`
}

func (h *host) step(handle uint64) (token uint64, e stepEvent) {
	h.t.Helper()
	f := h.next(handle, bridge.FrameStep)
	require.NoError(h.t, json.Unmarshal(f.Payload, &e))
	return f.Number, e
}

// create makes a task of a template and returns its uuid.
func (h *host) create(handle uint64, namespace, name string, context any) string {
	h.t.Helper()
	task := h.call(handle, "client.create_task", map[string]any{
		"namespace": namespace, "name": name, "version": "1.0.0", "context": context,
		"initiator": "test", "source_system": "test", "reason": "test",
	})
	id, _ := task["task_uuid"].(string)
	require.NotEmpty(h.t, id)
	return id
}

func (h *host) status(handle uint64, task string) string {
	h.t.Helper()
	status, _ := h.call(handle, "client.get_task", map[string]any{"task_uuid": task})["status"].(string)
	return status
}

func (h *host) eventually(condition func() bool, what string) {
	h.t.Helper()
	require.Eventually(h.t, condition, patience, 5*time.Millisecond, what)
}
