package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/tasker-systems/tasker-go/internal/batch"
	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/internal/system"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// workerSetup is the first thing that a worker process reads, as JSON. After it come lines, each of which asks how many
// statements there have been. The end of its input is the end of the worker.
type workerSetup struct {
	Config  config.Config
	DSN     string // a part of Config that is never written otherwise
	Payload int
	// Silent says that nobody wants to hear of ended tasks.
	Silent bool
}

// workerNews are what it writes, as lines of JSON.
type workerNews struct {
	Ready      bool       `json:",omitempty"`
	Ended      []sdk.UUID `json:",omitempty"`
	Statements *int64     `json:",omitempty"`
}

type statementsAsked struct{}

// RunWorker is a worker process of [Run]. in and out are connected to the process that runs the benchmark.
func RunWorker(ctx context.Context, in io.Reader, out io.Writer, logger *slog.Logger) (err error) {
	asked := json.NewDecoder(in)
	var setup workerSetup
	if err := asked.Decode(&setup); err != nil {
		return fmt.Errorf("read what to work on: %w", err)
	}
	w := &workerProcess{news: json.NewEncoder(out), ended: make(chan sdk.UUID, 1024)}
	setup.Config.Database.URL = config.Secret(setup.DSN)
	s, err := system.Open(ctx, &setup.Config, system.Options{Name: applicationName, Logger: logger, Tracer: &w.count})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	told, stopTelling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTelling()
	go batch.Loop(told, w.ended, cap(w.ended), func(ended []sdk.UUID) { w.tell(workerNews{Ended: ended}) })

	h := &handlers{payload: setup.Payload, began: func(context.Context) {}, last: w.watch}
	if setup.Silent {
		h.last = func(sdk.UUID) {}
	}
	if w.node, err = system.StartNode(ctx, s, &system.WorkerOptions{Registry: h.registry()}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.node.Stop(context.WithoutCancel(ctx))) }()
	w.tell(workerNews{Ready: true})
	return w.answer(ctx, asked)
}

// workerProcess tells the process that started it what it has done.
type workerProcess struct {
	node  *system.Node
	count counter
	ended chan sdk.UUID

	mu     sync.Mutex
	news   *json.Encoder
	failed error
}

// watch announces the end of a task whose last step is about to be done here.
func (w *workerProcess) watch(task sdk.UUID) {
	watch(w.node.Orchestration.Actors.Endings, task, func(workflow.TaskState) { w.ended <- task })
}

func (w *workerProcess) tell(n workerNews) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.news.Encode(n); err != nil && w.failed == nil {
		w.failed = fmt.Errorf("tell the benchmark what was done: %w", err)
	}
}

// answer answers until the input ends.
func (w *workerProcess) answer(ctx context.Context, asked *json.Decoder) error {
	ended := make(chan error, 1)
	go func() {
		for {
			if err := asked.Decode(&statementsAsked{}); err != nil {
				ended <- err
				return
			}
			n := w.count.n.Load()
			w.tell(workerNews{Statements: &n})
		}
	}()
	select {
	case err := <-ended:
		if errors.Is(err, io.EOF) {
			err = nil
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return errors.Join(err, w.failed)
	case <-ctx.Done():
		return nil
	}
}
