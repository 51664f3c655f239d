package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

// savedHere keeps checkpoints in memory, or fails as fail says.
type savedHere struct {
	saved []Checkpoint
	fail  error
}

func (s *savedHere) SaveCheckpoint(_ context.Context, _ StepKey, c Checkpoint) (json.RawMessage, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	s.saved = append(s.saved, c)
	return json.Marshal(map[string]any{"cursor": c.Cursor, "items_processed": c.ItemsProcessed, "accumulated_results": c.AccumulatedResults})
}

// sent collects completions.
type sent chan *Completion

func (s sent) Send(c *Completion) { s <- c }

func (s sent) TrySend(batch []*Completion) int { s <- batch[0]; return 1 }
func (sent) Watch(*FfiDispatchChannel) *Answer { return nil }

// yielding runs a handler once, until its attempt ends, and returns how that was.
func yielding(t *testing.T, store CheckpointStore, handler sdk.HandlerFunc, act func(*HandlerDispatchService)) *Completion {
	t.Helper()
	registry := sdk.NewRegistry()
	registry.RegisterFunc("h", handler)
	slots, ends := NewSlots(1), make(sent, 2)
	s := NewHandlerDispatchService(registry, slots, ends, Config{HandlerTimeout: 10 * time.Second, Checkpoints: store})
	require.NoError(t, slots.Acquire(t.Context()))
	s.Dispatch(t.Context(), &DispatchHandlerMessage{Handler: "h", Step: sdk.NewStepContext(sdk.StepData{StepName: "s", Attempt: 1})})
	if act != nil {
		synctest.Wait()
		act(s)
	}
	c := <-ends
	require.NoError(t, s.Stop(t.Context(), time.Second))
	require.Empty(t, ends, "an attempt ends once")
	return c
}

// C1, C4 and C6 for Go: items are counted in parts, the attempt stays the same, and each part has the whole time.
func TestAHandlerThatYieldsIsCalledAgainFromItsCheckpoint(t *testing.T) {
	for _, each := range []int{1, 25, 100} {
		synctest.Test(t, func(t *testing.T) {
			store, calls := &savedHere{}, 0
			c := yielding(t, store, func(_ context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
				calls++
				require.Equal(t, 1, step.Attempt())
				item, done, sum, err := sdk.Resume[int, int](step, 0)
				if err != nil {
					return sdk.StepResult{}, err
				}
				time.Sleep(9 * time.Second) // of the ten that it has
				for stop := min(item+each, 100); item < stop; item++ {
					sum, done = sum+item, done+1
				}
				if item < 100 {
					return sdk.Yield(sdk.Checkpoint{Cursor: item, ItemsProcessed: done, Results: sum}), nil
				}
				return sdk.Success([]int64{done, int64(sum)}), nil
			}, nil)
			require.True(t, c.Result.Success, "%+v", c.Result.Error)
			require.JSONEq(t, `[100, 4950]`, string(c.Result.Result))
			require.Equal(t, 100/each, calls)
			require.Len(t, store.saved, 100/each-1)
		})
	}
}

func TestAPartThatTakesTooLongTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := yielding(t, &savedHere{}, func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
			if step.Checkpoint() != nil {
				<-ctx.Done()
			}
			return sdk.Yield(sdk.Checkpoint{Cursor: 1}), nil
		}, nil)
		require.Equal(t, sdk.ErrTypeHandlerTimeout, c.Result.Error.ErrorType)
	})
}

// C8 and C9
func TestACheckpointThatCannotBeKeptFailsTheAttempt(t *testing.T) {
	for name, tt := range map[string]struct {
		store     CheckpointStore
		at        sdk.Checkpoint
		retryable bool
		says      string
	}{
		"the database is away":        {&savedHere{fail: errors.New("connection refused")}, sdk.Checkpoint{}, true, "Checkpoint yield failed: connection refused"},
		"the attempt is over":         {&savedHere{fail: ErrLeaseLost}, sdk.Checkpoint{}, true, "lease is lost"},
		"fewer than no items":         {&savedHere{}, sdk.Checkpoint{ItemsProcessed: -1}, false, "items_processed is -1"},
		"a cursor that is no JSON":    {&savedHere{}, sdk.Checkpoint{Cursor: make(chan int)}, false, "unsupported type"},
		"results that are no JSON":    {&savedHere{}, sdk.Checkpoint{Results: json.RawMessage("{")}, false, "cannot be stored"},
		"a worker that keeps none":    {nil, sdk.Checkpoint{}, false, "this worker keeps none"},
		"text that no database takes": {&savedHere{}, sdk.Checkpoint{Cursor: "a\x00b"}, false, "cannot be stored"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := yielding(t, tt.store, func(context.Context, *sdk.StepContext) (sdk.StepResult, error) { return sdk.Yield(tt.at), nil }, nil)
				require.Equal(t, sdk.ErrTypeCheckpoint, c.Result.Error.ErrorType)
				require.Equal(t, tt.retryable, c.Result.Metadata.Retryable)
				require.Contains(t, c.Result.Error.Message, tt.says)
			})
		})
	}
}

func TestAWorkerThatStopsGivesAStepBackAtItsNextCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &savedHere{}
		c := yielding(t, store, func(context.Context, *sdk.StepContext) (sdk.StepResult, error) {
			time.Sleep(5 * time.Second)
			return sdk.Yield(sdk.Checkpoint{Cursor: len(store.saved) + 1}), nil
		}, func(s *HandlerDispatchService) { go func() { _ = s.Stop(context.Background(), time.Second) }() })
		require.True(t, c.Released)
		require.Len(t, store.saved, 1)
	})
}
