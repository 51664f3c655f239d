package builtin_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/builtin"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

// step makes the context of an attempt.
func step(attempt int32, input string, config map[string]any) *sdk.StepContext {
	return sdk.NewStepContext(sdk.StepData{
		TaskUUID: sdk.NewUUID(), StepName: "s", Attempt: attempt, Config: config,
		LoadInput: func(context.Context) (json.RawMessage, error) { return json.RawMessage(input), nil },
	})
}

// run calls a handler and gives its result as JSON.
func run(ctx context.Context, t *testing.T, r *sdk.Registry, name string, s *sdk.StepContext) (string, error) {
	t.Helper()
	h, ok := r.GetHandler(name)
	require.True(t, ok)
	result, err := h.Handle(ctx, s)
	raw, marshalErr := json.Marshal(result.Value)
	require.NoError(t, marshalErr)
	return string(raw), err
}

func TestTheHandlersAreThoseThatTheWorkerPromises(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"big", "echo", "effect", "exit9", "fail_n", "hang", "noop", "nul", "sleep"},
		builtin.NewRegistry(nil).RegisteredHandlers())
}

func TestNoopTakesAnyContext(t *testing.T) {
	t.Parallel()
	got, err := run(t.Context(), t, builtin.NewRegistry(nil), "noop", step(1, `[1]`, nil))
	require.NoError(t, err)
	require.Equal(t, `null`, got)
}

func TestEchoReturnsTheTasksContext(t *testing.T) {
	t.Parallel()
	got, err := run(t.Context(), t, builtin.NewRegistry(nil), "echo", step(1, `{"a":[1,"x"]}`, map[string]any{"ms": 5}))
	require.NoError(t, err)
	require.JSONEq(t, `{"a":[1,"x"]}`, got)
}

func TestParametersOfTheTemplateWinOverThoseOfTheTask(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		input  string
		config map[string]any
		slept  string
	}{
		"neither":           {`{}`, nil, `{"slept_ms":100}`},
		"the task's":        {`{"ms":30}`, nil, `{"slept_ms":30}`},
		"the template's":    {`{}`, map[string]any{"ms": 20}, `{"slept_ms":20}`},
		"both are given":    {`{"ms":30}`, map[string]any{"ms": 20}, `{"slept_ms":20}`},
		"others are there":  {`{"ms":30,"order":7}`, map[string]any{"url": "x"}, `{"slept_ms":30}`},
		"zero is a setting": {`{"ms":30}`, map[string]any{"ms": 0}, `{"slept_ms":0}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got, err := run(t.Context(), t, builtin.NewRegistry(nil), "sleep", step(1, tt.input, tt.config))
				require.NoError(t, err)
				require.JSONEq(t, tt.slept, got)
			})
		})
	}
}

func TestParametersThatAreNoNumbersFailForGood(t *testing.T) {
	t.Parallel()
	for _, s := range []*sdk.StepContext{
		step(1, `{"ms":"long"}`, nil), step(1, `{"ms":-1}`, nil), step(1, `[]`, nil), step(1, `{}`, map[string]any{"ms": "long"}),
	} {
		_, err := run(t.Context(), t, builtin.NewRegistry(nil), "sleep", s)
		require.Error(t, err)
		require.False(t, sdk.AsStepError(err).Retryable)
		require.Equal(t, sdk.ErrTypeValidation, sdk.AsStepError(err).Type)
	}
}

func TestSleepSleepsUntilItIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("no longer wanted")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		began := time.Now()
		_, err := run(ctx, t, builtin.NewRegistry(nil), "sleep", step(1, `{"ms":60000}`, nil))
		require.ErrorIs(t, err, cause)
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestFailNFailsItsFirstAttempts(t *testing.T) {
	t.Parallel()
	r := builtin.NewRegistry(nil)
	for attempt := int32(1); attempt <= 2; attempt++ {
		_, err := run(t.Context(), t, r, "fail_n", step(attempt, `{"n":2}`, nil))
		require.Error(t, err)
		require.True(t, sdk.AsStepError(err).Retryable)
	}
	got, err := run(t.Context(), t, r, "fail_n", step(3, `{"n":2}`, nil))
	require.NoError(t, err)
	require.JSONEq(t, `{"attempt":3}`, got)
}

func TestHangOutlastsItsCancellation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		_, err := run(ctx, t, builtin.NewRegistry(nil), "hang", step(1, `{"ms":3600000}`, nil))
		require.NoError(t, err)
		require.Equal(t, time.Hour, time.Since(began))
	})
}

func TestBigIsAsBigAsAskedFor(t *testing.T) {
	t.Parallel()
	for input, size := range map[string]int{`{}`: 65536, `{"bytes":1000000}`: 1000000, `{"bytes":1}`: len(`{"data":""}`)} {
		got, err := run(t.Context(), t, builtin.NewRegistry(nil), "big", step(1, input, nil))
		require.NoError(t, err)
		require.Len(t, got, size, input)
	}
}

func TestNulIsWhatTheDatabaseCannotKeep(t *testing.T) {
	t.Parallel()
	got, err := run(t.Context(), t, builtin.NewRegistry(nil), "nul", step(1, `{}`, nil))
	require.NoError(t, err)
	require.Error(t, payload.Check([]byte(got), payload.Limits{}))
}

// recorder keeps effects in memory.
type recorder struct {
	mu      sync.Mutex
	effects []store.Effect
}

func (r *recorder) Record(_ context.Context, e store.Effect) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.effects = append(r.effects, e)
	return nil
}

func TestAnEffectThatIsCutShortHasNoEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		effects := &recorder{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := run(ctx, t, builtin.NewRegistry(effects), "effect", step(1, `{"ms":2000}`, nil))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, effects.effects, 1)
		require.Equal(t, "start", effects.effects[0].Kind)
	})
}

func TestAnEffectWithoutADatabaseFailsForGood(t *testing.T) {
	t.Parallel()
	_, err := run(t.Context(), t, builtin.NewRegistry(nil), "effect", step(1, `{}`, nil))
	require.ErrorContains(t, err, "TASKER_EFFECTS_URL")
	require.False(t, sdk.AsStepError(err).Retryable)
}

func TestEffectsOfAllAttemptsAreKeptUnderOneKey(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	ready := make(chan *store.Effects)
	for range 4 { // as workers that start at once do
		go func() {
			e, err := store.OpenEffects(context.Background(), db.DSN())
			if err != nil {
				t.Error(err)
			}
			ready <- e
		}()
	}
	var effects *store.Effects
	for range 4 {
		effects = <-ready
		require.NotNil(t, effects)
		t.Cleanup(effects.Close)
	}
	s := sdk.StepData{TaskUUID: sdk.NewUUID(), StepNo: 3, StepName: "charge", Attempt: 1}
	r := builtin.NewRegistry(effects)
	_, err := run(t.Context(), t, r, "effect", sdk.NewStepContext(s))
	require.NoError(t, err)
	s.Attempt = 2
	got, err := run(t.Context(), t, r, "effect", sdk.NewStepContext(s))
	require.NoError(t, err)
	key := sdk.StepUUID(s.TaskUUID, 3).String()
	require.JSONEq(t, `{"attempt":2,"idempotency_key":"`+key+`"}`, got)
	require.Equal(t, 4, db.Count(t, `select count(*) from tasker_effects where task_uuid = $1 and step_uuid = $2
		and step_name = 'charge' and idempotency_key = $3`, s.TaskUUID, sdk.StepUUID(s.TaskUUID, 3), key))
	require.Equal(t, 2, db.Count(t, `select count(*) from tasker_effects s join tasker_effects e using (step_uuid, attempt)
		where s.kind = 'start' and e.kind = 'end' and s.at < e.at`))
}

func TestExit9EndsTheProcess(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestExit9InAProcessOfItsOwn$")
	cmd.Env = append(os.Environ(), "TASKER_TEST_EXIT9=1")
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Run(), &exit)
	require.Equal(t, 9, exit.ExitCode())
}

func TestExit9InAProcessOfItsOwn(t *testing.T) {
	if os.Getenv("TASKER_TEST_EXIT9") == "" {
		return // the test above runs this one in a process that may end
	}
	_, _ = run(t.Context(), t, builtin.NewRegistry(nil), "exit9", step(1, `{}`, nil))
}
