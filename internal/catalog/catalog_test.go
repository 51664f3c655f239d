package catalog_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

type world struct {
	*catalog.Catalog
	db    *testdb.DB
	store *store.Store
}

func newWorld(t testing.TB, cfg catalog.Config) *world {
	t.Helper()
	db := testdb.New(t)
	s, err := store.Open(t.Context(), db.DSN(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return &world{catalog.New(s, cfg), db, s}
}

// other is the catalog of another process.
func (w *world) other() *catalog.Catalog { return catalog.New(w.store, catalog.Config{}) }

func step(name string, parents ...string) template.StepDefinition {
	return template.StepDefinition{Name: name, Handler: template.HandlerDefinition{Callable: "h." + name}, Dependencies: parents}
}

func (w *world) register(t testing.TB, steps ...template.StepDefinition) *catalog.Template {
	t.Helper()
	registered, err := w.Register(t.Context(), template.New("n", "t", "1.0.0", steps...), false)
	require.NoError(t, err)
	return registered
}

func TestARegisteredTemplateIsReadyToRunBy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	tt := template.New("n", "t", "1.2.3", step("join", "left", "right"), step("left", "first"), step("right", "first"), step("first"), step("lone"))
	about := "About it"
	tt.Description, tt.IdentityStrategy = &about, template.IdentityCallerProvided
	got, err := w.Register(t.Context(), tt, false)
	require.NoError(t, err)
	require.Equal(t, [3]string{"n", "t", "1.2.3"}, [3]string{got.Namespace, got.Name, got.Version})
	require.Equal(t, template.IdentityCallerProvided, got.IdentityStrategy)
	require.Equal(t, 2, got.Roots)
	require.Len(t, got.Steps, 5)
	fanOut := map[string]int{}
	for no, s := range got.Steps {
		require.EqualValues(t, no, s.No)
		number, ok := got.StepNumber(s.Definition.Name)
		require.True(t, ok)
		require.Equal(t, s.No, number)
		for _, p := range s.Parents {
			require.Less(t, p, s.No, "parents are numbered before children")
		}
		require.Len(t, s.Parents, len(s.Definition.Dependencies))
		fanOut[s.Definition.Name] = s.FanOut
	}
	require.Equal(t, map[string]int{"first": 2, "left": 1, "right": 1, "join": 0, "lone": 0}, fanOut)
	_, ok := got.StepNumber("unknown")
	require.False(t, ok)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.task_templates where description = 'About it' and identity_strategy = 'caller_provided'"))

	read, err := w.other().ByID(t.Context(), got.ID)
	require.NoError(t, err)
	require.Equal(t, got, read, "another process runs by the same")
}

func TestAStepCarriesItsHandlerAndItsPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{Multiplier: 3, Jitter: 0.25, MaxDelay: time.Minute})
	method, resolver, seconds := "refund", "explicit", int32(7)
	special := step("special")
	special.Handler.Method, special.Handler.Resolver, special.TimeoutSeconds = &method, &resolver, &seconds
	special.Retry = template.RetryConfiguration{
		Retryable: true, MaxAttempts: 9, MaxCrashes: 5, Backoff: workflow.BackoffFibonacci, BackoffBaseMS: 250, MaxBackoffMS: 9000, Jitter: true,
	}
	exact := step("exact")
	exact.Retry = special.Retry
	exact.Retry.Jitter = false
	named := template.DefaultMethod
	exact.Handler.Method = &named
	got := w.register(t, special, exact)

	number, _ := got.StepNumber("special")
	s := got.Steps[number]
	require.Equal(t, []string{"refund", "explicit"}, []string{s.Method, s.Resolver})
	require.Equal(t, 7*time.Second, s.Timeout)
	require.Equal(t, workflow.RetryPolicy{
		Retryable: true, MaxAttempts: 9, MaxCrashes: 5, MaxDelay: time.Minute,
		Backoff: workflow.Backoff{Kind: workflow.BackoffFibonacci, Base: 250 * time.Millisecond, Max: 9 * time.Second, Multiplier: 3, Jitter: 0.25},
	}, s.Policy)
	number, _ = got.StepNumber("exact")
	require.Zero(t, got.Steps[number].Policy.Backoff.Jitter)
	require.Empty(t, got.Steps[number].Method, "the default one needs no name")
	require.Zero(t, got.Steps[number].Timeout)
}

func TestAServerMayAskForAnHourUnlessConfiguredOtherwise(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	require.Equal(t, time.Hour, w.register(t, step("a")).Steps[0].Policy.MaxDelay)
}

func TestTheEnvironmentsOverridesAreAppliedBeforeATemplateIsStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{Environment: "production"})
	tt := template.New("n", "t", "1.0.0", step("a"))
	seconds := int32(99)
	tt.Environments = map[string]template.EnvironmentOverride{
		"production": {Steps: []template.StepOverride{{Name: "a", TimeoutSeconds: &seconds}}},
	}
	got, err := w.Register(t.Context(), tt, false)
	require.NoError(t, err)
	require.Equal(t, 99*time.Second, got.Steps[0].Timeout)
	require.Empty(t, got.Definition.Environments)
	require.Nil(t, tt.Steps[0].TimeoutSeconds, "what was given is left as it is")
	elsewhere, err := w.other().ByID(t.Context(), got.ID)
	require.NoError(t, err)
	require.Equal(t, 99*time.Second, elsewhere.Steps[0].Timeout, "all processes run by what was stored")
}

func TestOtherContentUnderTheSameVersionIsAConflictUnlessForced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	first := w.register(t, step("a"))
	require.Same(t, first, w.register(t, step("a")))
	changed := template.New("n", "t", "1.0.0", step("a"), step("b"))
	_, err := w.Register(t.Context(), changed, false)
	var conflict *store.TemplateConflictError
	require.ErrorAs(t, err, &conflict)
	second, err := w.Register(t.Context(), changed, true)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
	current, err := w.Current(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err)
	require.Same(t, second, current)
	old, err := w.ByID(t.Context(), first.ID)
	require.NoError(t, err)
	require.Same(t, first, old, "tasks that run keep the old content")
	require.Equal(t, 2, w.Size())
}

func TestUnknownTemplatesAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	_, err := w.ByID(t.Context(), 4711)
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = w.Current(t.Context(), "n", "t", "1.0.0")
	require.ErrorIs(t, err, store.ErrNotFound)
	require.Zero(t, w.Size())
	w.register(t, step("a"))
	_, err = w.Current(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err, "that there was none is not remembered")
}

func TestWhatWasReadOnceStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	registered := w.register(t, step("a"))
	w.db.Exec(t, "alter table tasker.task_templates rename to hidden")
	byID, err := w.ByID(t.Context(), registered.ID)
	require.NoError(t, err)
	require.Same(t, registered, byID)
	current, err := w.Current(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err)
	require.Same(t, registered, current)

	w.Refresh("elsewhere")
	_, err = w.Current(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err)
	w.Refresh("n")
	_, err = w.Current(t.Context(), "n", "t", "1.0.0")
	require.Error(t, err, "now it must look")
	_, err = w.ByID(t.Context(), registered.ID)
	require.NoError(t, err, "content under an id never changes")
}

func TestARefreshShowsWhatAnotherProcessRegistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	old := w.register(t, step("a"))
	changed, err := w.other().Register(t.Context(), template.New("n", "t", "1.0.0", step("b")), true)
	require.NoError(t, err)
	w.Refresh("")
	current, err := w.Current(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, changed.ID, current.ID)
	require.NotEqual(t, old.ID, current.ID)
}

func TestATemplateWhoseStepsDoNotFitItsDefinitionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	registered := w.register(t, step("a"))
	for _, definition := range []string{`{"steps": [{"name": "other"}]}`, `{"steps": 7}`} {
		w.db.Exec(t, "update tasker.task_templates set definition = $1::text::jsonb", definition)
		_, err := w.other().ByID(t.Context(), registered.ID)
		require.ErrorContains(t, err, "template n/t 1.0.0")
	}
}

func TestTheCatalogMayBeUsedByManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	other := w.other()
	var all sync.WaitGroup
	for hand := range 8 {
		all.Go(func() {
			for i := range 10 {
				tt := template.New("n", fmt.Sprintf("t%d", (hand+i)%4), "1.0.0", step("a"), step("b", "a"))
				registered, err := w.Register(context.Background(), tt, false)
				if err != nil {
					t.Error(err)
					return
				}
				read, err := other.ByID(context.Background(), registered.ID)
				if err != nil || read.ID != registered.ID {
					t.Errorf("read %v: %v", read, err)
				}
				w.Refresh("n")
				if _, err := w.Current(context.Background(), "n", tt.Name, "1.0.0"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, 4, w.Size())
}

func TestAStepsAncestorsAreAllThatLieBeforeIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 25).Draw(t, "steps")
		tt := &catalog.Template{Steps: make([]catalog.Step, n)}
		before := make([]map[int32]bool, n) // by the definition: parents, and what lies before them
		for no := range n {
			before[no] = map[int32]bool{}
			for p := range no {
				if rapid.IntRange(0, 3).Draw(t, "edge") == 0 {
					tt.Steps[no].Parents = append(tt.Steps[no].Parents, int32(p))
					before[no][int32(p)] = true
					for a := range before[p] {
						before[no][a] = true
					}
				}
			}
		}
		for no := range int32(n) {
			upstream := tt.Upstream(no)
			for other := range int32(n) {
				if upstream(other) != before[no][other] {
					t.Fatalf("step %d before %d: want %t", other, no, before[no][other])
				}
			}
		}
	})
}
