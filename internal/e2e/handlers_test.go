package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/sdk"
)

// effect is a trace that a handler leaves in the world.
type effect struct {
	Task, StepUUID sdk.UUID
	Step           string
	Attempt        int
	Key            string
	// Kind is start or end.
	Kind string
	PID  int
	At   time.Time
}

// effectLog is the file that the effects of a test's processes are written to. It is a file so that nothing that is done
// to the database or to a process can take back an effect: one write appends one line.
type effectLog string

func (l effectLog) write(step *sdk.StepContext, kind string) {
	line, err := json.Marshal(effect{
		step.TaskUUID(), step.StepUUID(), step.StepName(), step.Attempt(), step.IdempotencyKey(), kind, os.Getpid(), time.Now(),
	})
	if err == nil {
		err = appendLine(string(l), line)
	}
	if err != nil {
		panic(err)
	}
}

func appendLine(file string, line []byte) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

func readLines[T any](file string) (all []T, err error) {
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("%s: %w", lines.Text(), err)
		}
		all = append(all, v)
	}
	return all, lines.Err()
}

// conduct is how a step behaves, as its task's context says by step name, or for all steps by "*".
type conduct struct {
	// MS is how long the step takes, at least; if Until is given, each attempt also takes until it is [let] go on.
	MS    int
	Until string
	// Stubborn steps do not notice that they are cancelled.
	Stubborn bool
	// Fail, Die and Panic are how many attempts fail, kill their process and panic, before one goes well.
	Fail, Die, Panic int
	// Error is what a failure says; RetryAfter what it asks for, in seconds; Permanent that it is for good.
	Error      string
	RetryAfter int
	Permanent  bool
	// Return names a hostile result.
	Return string
	// Value is the result, if there is one; Items are worked off one by one, with a checkpoint after every Every of them, and
	// the first attempt dies once it has done DieAt of them, or fails once it has done FailAt.
	Value                       json.RawMessage `json:",omitempty"`
	Items, Every, DieAt, FailAt int
}

// allHandlers are interchangeable, so that tests can say which process serves which step. Each is there in each form as well.
var allHandlers = []string{"work", "left", "right"}

func handlers(log effectLog, names []string) *sdk.Registry {
	registry := sdk.NewRegistry()
	for _, name := range names {
		registry.RegisterFunc(name, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			return work(ctx, step, log)
		})
	}
	forms.Add(registry, registry)
	return registry
}

// work does what the step's conduct asks for. It checks that the results of all its parents are there.
func work(ctx context.Context, step *sdk.StepContext, log effectLog) (sdk.StepResult, error) {
	var all map[string]conduct
	if err := step.Input(ctx, &all); err != nil {
		return sdk.StepResult{}, err
	}
	c, ok := all[step.StepName()]
	if !ok {
		c = all["*"]
	}
	parents, err := step.DependencyResults(ctx)
	if err != nil {
		return sdk.StepResult{}, err
	}
	if len(parents) != len(step.Dependencies()) && step.TemplateStepName() != "join" {
		return sdk.StepResult{}, sdk.Permanentf("of %d parents only %d have a result", len(step.Dependencies()), len(parents))
	}
	log.write(step, "start")
	if c.Every > 0 {
		return c.workOff(step, log)
	}
	if err := c.pass(ctx, step.Attempt()); err != nil {
		return sdk.StepResult{}, err
	}
	switch attempt := step.Attempt(); {
	case attempt <= c.Die:
		os.Exit(9)
	case attempt <= c.Panic:
		panic("as asked: " + c.Error)
	case attempt <= c.Fail:
		return sdk.StepResult{}, c.failure(attempt)
	}
	result, err := c.result(step)
	log.write(step, "end")
	return result, err
}

// gate is the file that an attempt waits for.
func gate(until string, attempt int) string { return fmt.Sprint(until, ".", attempt) }

// let has an attempt go on whose conduct says until when it takes.
func let(t testing.TB, until string, attempt int) {
	t.Helper()
	require.NoError(t, os.WriteFile(gate(until, attempt), nil, 0o600))
}

func (c conduct) pass(ctx context.Context, attempt int) error {
	if c.Stubborn {
		ctx = context.WithoutCancel(ctx)
	}
	for wait := time.Duration(c.MS) * time.Millisecond; ; wait = tick {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if _, err := os.Stat(gate(c.Until, attempt)); c.Until == "" || err == nil {
			return nil
		}
	}
}

func (c conduct) failure(attempt int) error {
	err := fmt.Errorf("attempt %d fails as asked: %s", attempt, c.Error)
	switch {
	case c.Permanent:
		return sdk.Permanent(err)
	case c.RetryAfter > 0:
		return sdk.Retryable(err, sdk.RetryAfter(time.Duration(c.RetryAfter)*time.Second))
	}
	return err
}

// hostile are results that PostgreSQL does not take, or JSON does not know.
var hostile = map[string]any{
	"a NUL":             "a\x00b",
	"a NUL in a key":    map[string]any{"a\x00b": 1},
	"a lone surrogate":  json.RawMessage(`"\ud800"`),
	"bad UTF-8":         json.RawMessage("\"\xff\""),
	"a number too big":  json.RawMessage(`1e400000`),
	"no JSON at all":    json.RawMessage(`{"a":`),
	"two values":        json.RawMessage(`{} {}`),
	"not a number":      math.NaN(),
	"a channel":         make(chan int),
	"nested too deep":   json.RawMessage(strings.Repeat("[", 2000) + strings.Repeat("]", 2000)),
	"more than allowed": strings.Repeat("x", 2<<20),
	"part of itself":    cycle(),
}

func cycle() any {
	c := map[string]any{}
	c["self"] = c
	return c
}

func (c conduct) result(step *sdk.StepContext) (sdk.StepResult, error) {
	if value, ok := hostile[c.Return]; ok {
		return sdk.Success(value), nil
	}
	switch {
	case c.Value != nil:
		return sdk.Success(c.Value), nil
	case c.Return == "":
		return sdk.Success(map[string]any{"step": step.StepName(), "attempt": step.Attempt()}), nil
	}
	switch c.Return {
	case "goexit":
		runtime.Goexit()
	case "hang":
		select {}
	case "hostile metadata":
		return sdk.StepResult{Value: 1, Metadata: map[string]any{"bad\x00key": "a\x00b"}}, nil
	case "impossible metadata":
		return sdk.StepResult{Value: 1, Metadata: map[string]any{"bad": make(chan int)}}, nil
	case "hostile error":
		return sdk.StepResult{}, sdk.Permanent(errors.New("a\x00b \xff"), sdk.WithCode("a\x00b"), sdk.WithContext("a\x00b", "a\x00b"))
	case "impossible error":
		return sdk.StepResult{}, sdk.Permanent(errors.New("no"), sdk.WithContext("bad", math.Inf(1)))
	case "detailed error":
		return sdk.StepResult{}, sdk.Permanent(errors.New("the card is blocked"), sdk.WithType("card_error"), sdk.WithCode("CARD-7"), sdk.WithContext("card", "1234"))
	case "hostile panic":
		panic("a\x00b \xff")
	case "huge error":
		return sdk.StepResult{}, sdk.Permanent(errors.New(strings.Repeat("x", 32<<20)))
	}
	return sdk.StepResult{}, sdk.Permanentf("the test asks for an unknown result %q", c.Return)
}

// workOff leaves an effect for each item, and goes on from the last checkpoint.
func (c conduct) workOff(step *sdk.StepContext, log effectLog) (sdk.StepResult, error) {
	item, done, sum, err := sdk.Resume[int, int](step, 0)
	if err != nil {
		return sdk.StepResult{}, err
	}
	for stop := min(item+c.Every, c.Items); item < stop; item++ {
		if step.Attempt() == 1 && c.DieAt > 0 && item == c.DieAt {
			os.Exit(9)
		}
		if step.Attempt() == 1 && c.FailAt > 0 && item == c.FailAt {
			return sdk.StepResult{}, c.failure(1)
		}
		log.write(step, fmt.Sprintf("item %d", item))
		sum, done = sum+item, done+1
	}
	if item < c.Items {
		return sdk.Yield(sdk.Checkpoint{Cursor: item, ItemsProcessed: done, Results: sum}), nil
	}
	return sdk.Success(map[string]any{"items": done, "sum": sum}), nil
}
