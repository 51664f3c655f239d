package builtin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// EffectRecorder keeps what the handler effect leaves behind; see [store.Effects].
type EffectRecorder interface {
	Record(ctx context.Context, e store.Effect) error
}

// parameters are what the handlers take. Those in a template's handler.initialization win over those in the task's context.
type parameters struct {
	// MS is how long to wait, in milliseconds.
	MS uint32 `json:"ms"`
	// N is how many attempts fail.
	N int `json:"n"`
	// Bytes is the size of a result as JSON.
	Bytes uint32 `json:"bytes"`
}

func (p parameters) pause() time.Duration { return time.Duration(p.MS) * time.Millisecond }

// NewRegistry makes the handlers:
//
//   - noop returns {}.
//   - echo returns the task's context.
//   - sleep returns after ms milliseconds (100).
//   - fail_n fails its first n attempts (1), and then returns which attempt it was.
//   - effect records its start and its end, ms milliseconds (0) apart. Without a recorder it fails for good.
//   - exit9 ends the process with code 9, as a crash would.
//   - hang ignores that it is cancelled, for ms milliseconds, or forever if that is 0.
//   - big returns bytes bytes (65536) of JSON.
//   - nul returns a text with a zero character, which PostgreSQL does not store.
func NewRegistry(effects EffectRecorder) *sdk.Registry {
	r := sdk.NewRegistry()
	add := func(name string, defaults parameters, run func(context.Context, *sdk.StepContext, parameters) (any, error)) {
		r.RegisterFunc(name, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			p, err := read(ctx, step, defaults)
			if err != nil {
				return sdk.StepResult{}, err
			}
			value, err := run(ctx, step, p)
			return sdk.Success(value), err
		})
	}
	r.RegisterFunc("noop", func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Success(nil), nil })
	r.RegisterFunc("echo", echo)
	add("sleep", parameters{MS: 100}, sleep)
	add("fail_n", parameters{N: 1}, failN)
	add("effect", parameters{}, effect(effects))
	add("exit9", parameters{}, exit9)
	add("hang", parameters{}, hang)
	add("big", parameters{Bytes: 64 << 10}, big)
	add("nul", parameters{}, nul)
	return r
}

// read finds the parameters of a step.
func read(ctx context.Context, step *sdk.StepContext, p parameters) (parameters, error) {
	if err := step.Input(ctx, &p); err != nil {
		return p, err
	}
	config, err := json.Marshal(step.Config())
	if err == nil {
		err = json.Unmarshal(config, &p)
	}
	if err != nil {
		return p, sdk.Permanent(fmt.Errorf("handler.initialization: %w", err), sdk.WithType(sdk.ErrTypeValidation))
	}
	return p, nil
}

func echo(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
	input, err := step.RawInput(ctx)
	return sdk.Success(input), err
}

func sleep(ctx context.Context, _ *sdk.StepContext, p parameters) (any, error) {
	return map[string]any{"slept_ms": p.MS}, wait(ctx, p.pause())
}

// wait returns early, with the cause, when the step is cancelled.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func failN(_ context.Context, step *sdk.StepContext, p parameters) (any, error) {
	if step.Attempt() <= p.N {
		return nil, sdk.Retryablef("attempt %d fails, as the first %d shall", step.Attempt(), p.N)
	}
	return map[string]any{"attempt": step.Attempt()}, nil
}

func effect(effects EffectRecorder) func(context.Context, *sdk.StepContext, parameters) (any, error) {
	return func(ctx context.Context, step *sdk.StepContext, p parameters) (any, error) {
		if effects == nil {
			return nil, sdk.Permanent(errors.New("handler effect has nowhere to write: start the worker with TASKER_EFFECTS_URL"))
		}
		e := store.Effect{
			TaskUUID: step.TaskUUID(), StepUUID: step.StepUUID(), StepName: step.StepName(),
			Attempt: step.Attempt(), IdempotencyKey: step.IdempotencyKey(), Kind: "start",
		}
		if err := effects.Record(ctx, e); err != nil {
			return nil, err
		}
		if err := wait(ctx, p.pause()); err != nil {
			return nil, err
		}
		e.Kind = "end"
		return map[string]any{"attempt": e.Attempt, "idempotency_key": e.IdempotencyKey}, effects.Record(ctx, e)
	}
}

func exit9(context.Context, *sdk.StepContext, parameters) (any, error) {
	os.Exit(9)
	return nil, nil
}

func hang(_ context.Context, _ *sdk.StepContext, p parameters) (any, error) {
	if p.MS == 0 {
		select {}
	}
	<-time.After(p.pause())
	return map[string]any{"hung_ms": p.MS}, nil
}

func big(_ context.Context, _ *sdk.StepContext, p parameters) (any, error) {
	const around = len(`{"data":""}`)
	return map[string]any{"data": strings.Repeat("x", max(int(p.Bytes)-around, 0))}, nil
}

func nul(context.Context, *sdk.StepContext, parameters) (any, error) {
	return map[string]any{"text": "before\x00after"}, nil
}
