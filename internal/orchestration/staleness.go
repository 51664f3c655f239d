package orchestration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// ErrTypeStale is the error type of steps that were failed because their task did not move for too long.
const ErrTypeStale = "staleness_timeout"

// StalenessConfig tunes the search for stale tasks.
type StalenessConfig struct {
	Enabled bool
	// Interval is the time between searches. Defaults to 5 minutes.
	Interval time.Duration
	// BatchSize bounds the tasks that one search acts on. Defaults to 100.
	BatchSize int
	// DryRun only logs what would be done.
	DryRun     bool
	Thresholds store.StalenessThresholds
}

// StalenessDetector finds tasks that have not moved for too long, and does with them what their template's lifecycle wants.
// It needs no leader: what one process has ended, another finds no more.
type StalenessDetector struct {
	store  *store.Store
	cfg    StalenessConfig
	logger *slog.Logger
	after  sdk.UUID // where the next search begins
}

// A search looks at so many open tasks, in statements for so many each. The next one goes on behind them.
const (
	searchAtMost = 100_000
	searchAtOnce = 2_000
)

// NewStalenessDetector makes the service.
func NewStalenessDetector(s *store.Store, cfg StalenessConfig, logger *slog.Logger) *StalenessDetector {
	if cfg.Interval <= 0 {
		cfg.Interval = 5 * time.Minute
	}
	if cfg.BatchSize <= 0 {
		cfg.BatchSize = 100
	}
	return &StalenessDetector{store: s, cfg: cfg, logger: logger}
}

// Run searches at intervals until ctx is done.
func (d *StalenessDetector) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-time.After(d.cfg.Interval):
		case <-ctx.Done():
			return
		}
		if _, err := d.Detect(ctx); err != nil && ctx.Err() == nil {
			d.logger.Warn("the search for stale tasks failed; it is tried again", "error", err)
		}
	}
}

// StaleTask is a stale task with what was done.
type StaleTask struct {
	Task    store.OpenTask
	Verdict workflow.StalenessVerdict
	// Action names it as monitoring does.
	Action string
}

// Detect does one search. It is not for several goroutines at a time.
func (d *StalenessDetector) Detect(ctx context.Context) (done []StaleTask, err error) {
	open, err := d.store.OpenTaskIDs(ctx, d.after, searchAtMost)
	if err != nil {
		return nil, err
	}
	for among := range slices.Chunk(open, searchAtOnce) {
		stale, err := d.store.StaleTasks(ctx, d.cfg.Thresholds, among)
		if err != nil {
			return done, err
		}
		for i := range stale {
			s, err := d.judge(ctx, &stale[i])
			if err != nil {
				d.after = stale[i].TaskUUID // it keeps no other task from the next search
				return done, err
			}
			if s == nil {
				continue
			}
			if done = append(done, *s); len(done) == d.cfg.BatchSize {
				d.after = s.Task.TaskUUID
				return done, nil
			}
		}
		d.after = among[len(among)-1]
	}
	if len(open) < searchAtMost {
		d.after = sdk.UUID{}
	}
	return done, nil
}

// judge does with a stale task what is due; nil means that nothing is.
func (d *StalenessDetector) judge(ctx context.Context, t *store.OpenTask) (*StaleTask, error) {
	v := workflow.DecideStaleness(t.Action, t.AutoFail, t.AutoDLQ, t.Waiting == workflow.TaskWaitingForDependencies, t.Expired)
	if !v.Fail && (!v.Letter || t.Reported) {
		return nil, nil
	}
	if !d.cfg.DryRun {
		switch err := d.end(ctx, t, v); {
		case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
			return nil, nil
		case err != nil:
			return nil, err
		}
	}
	s := &StaleTask{Task: *t, Verdict: v, Action: v.Name(d.cfg.DryRun)}
	d.logger.WarnContext(ctx, "a task has not moved for too long", "task_uuid", t.TaskUUID, "waiting", t.Waiting,
		"for", t.TimeInState.Round(time.Second), "threshold", t.Threshold, "action", s.Action)
	return s, nil
}

func (d *StalenessDetector) end(ctx context.Context, t *store.OpenTask, v workflow.StalenessVerdict) error {
	message := fmt.Sprintf("the task was %s and had not moved for %s", t.Waiting, t.TimeInState.Round(time.Second))
	if t.Expired {
		message = fmt.Sprintf("the task was still %s %s after its start", t.Waiting, t.Age.Round(time.Second))
	}
	because, err := workflow.EncodeOutcome(&sdk.StepExecutionResult{
		Error:    &sdk.StepExecutionError{Message: message, ErrorType: ErrTypeStale},
		Metadata: sdk.StepExecutionMetadata{ErrorType: ErrTypeStale},
	}, "")
	if err != nil {
		return err
	}
	metadata, err := json.Marshal(map[string]any{
		"state": t.Waiting, "time_in_state_minutes": int(t.TimeInState.Minutes()), "threshold_minutes": int(t.Threshold.Minutes()),
		"task_age_minutes": int(t.Age.Minutes()), "expired": t.Expired, "detection": "automatic",
	})
	if err != nil {
		return err
	}
	_, err = d.store.EndStaleTask(ctx, t, v.Letter, v.Fail, metadata, because)
	return err
}
