package orchestration_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

func TestARefusedRequestHearsOfAllThatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(d *orchestration.Dependencies) { d.Config.ContextLimits = payload.Limits{MaxDepth: 2} })
	tooUrgent, long := int32(101), strings.Repeat("x", 129)
	_, err := w.request(t.Context(), sdk.TaskRequest{
		Name: " ", Context: json.RawMessage(`[[[[]]]]`), Initiator: long, SourceSystem: "a\x00b", Reason: "\xff", IdempotencyKey: long,
		Tags: []string{"", "fine", long}, Priority: &tooUrgent,
	})
	var refused *orchestration.RequestError
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Problems, 11)
	for _, want := range []string{
		"name is required", "namespace is required", "version is required",
		"initiator has 129 bytes, at most 128", "source_system: ", "reason: ", "idempotency_key has 129 bytes",
		`tag ""`, `tag "xxx`, "priority 101 is not between -100 and 100", "context: ",
	} {
		require.ErrorContains(t, err, want)
	}
	require.Zero(t, w.db.Count(t, "select count(*) from tasker.tasks"))
}

func TestEachBoundOfARequestIsExact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityAlwaysUnique, step("a"))
	priority := func(p int32) *int32 { return &p }
	tags := func(n int) []string { return strings.Split(strings.Repeat("t,", n-1)+"t", ",") }
	for name, tt := range map[string]struct {
		change func(*sdk.TaskRequest)
		reason string
	}{
		"the highest priority":      {func(r *sdk.TaskRequest) { r.Priority = priority(100) }, ""},
		"the lowest priority":       {func(r *sdk.TaskRequest) { r.Priority = priority(-100) }, ""},
		"below the lowest priority": {func(r *sdk.TaskRequest) { r.Priority = priority(-101) }, "priority -101"},
		"128 bytes":                 {func(r *sdk.TaskRequest) { r.Reason = strings.Repeat("é", 64) }, ""},
		"130 bytes":                 {func(r *sdk.TaskRequest) { r.Reason = strings.Repeat("é", 65) }, "reason has 130 bytes"},
		"50 tags":                   {func(r *sdk.TaskRequest) { r.Tags = tags(50) }, ""},
		"51 tags":                   {func(r *sdk.TaskRequest) { r.Tags = tags(51) }, "51 tags"},
		"no context":                {func(r *sdk.TaskRequest) { r.Context = nil }, ""},
		"any JSON for a context":    {func(r *sdk.TaskRequest) { r.Context = json.RawMessage(`"text"`) }, ""},
		"no JSON for a context":     {func(r *sdk.TaskRequest) { r.Context = json.RawMessage(`{`) }, "context: "},
		"a NUL in the context":      {func(r *sdk.TaskRequest) { r.Context = json.RawMessage(`"\u0000"`) }, "context: "},
		"1 MiB of context":          {func(r *sdk.TaskRequest) { r.Context = json.RawMessage(`"` + strings.Repeat("x", 1<<20-2) + `"`) }, ""},
		"more than 1 MiB":           {func(r *sdk.TaskRequest) { r.Context = json.RawMessage(`"` + strings.Repeat("x", 1<<20-1) + `"`) }, "context: "},
	} {
		r := requestFor("any", `{}`)
		tt.change(&r)
		_, err := w.request(t.Context(), r)
		if tt.reason == "" {
			require.NoError(t, err, name)
			continue
		}
		var refused *orchestration.RequestError
		require.ErrorAs(t, err, &refused, name)
		require.Len(t, refused.Problems, 1, name)
		require.Contains(t, refused.Problems[0], tt.reason, name)
	}
}

func TestARequestForAnUnknownTemplateFindsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.request(t.Context(), requestFor("unknown", `{}`))
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, "n/unknown 1.0.0")
}

func TestATaskCarriesWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	priority, parent := int32(42), sdk.NewUUID()
	r := requestFor("any", `{"cart": 7}`)
	r.Initiator, r.SourceSystem, r.Reason, r.Tags, r.Priority = "ada", "shop", "checkout", []string{"a", "b"}, &priority
	r.CorrelationID, r.ParentCorrelationID = sdk.NewUUID(), &parent
	r.RequestedAt = &sdk.Timestamp{Time: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)}
	created, err := w.request(t.Context(), r)
	require.NoError(t, err)
	require.False(t, created.Existing)
	view, err := w.store.Task(t.Context(), created.TaskUUID)
	require.NoError(t, err)
	require.Equal(t, "ada shop checkout [a b]", fmt.Sprint(view.Initiator, " ", view.SourceSystem, " ", view.Reason, " ", view.Tags))
	require.True(t, view.RequestedAt.Equal(r.RequestedAt.Time))
	require.Equal(t, workflow.TaskStepsInProcess, view.Counts.State)
	claimed := w.claim(t)
	require.Equal(t, store.TaskHeader{
		TaskUUID: created.TaskUUID, TemplateID: claimed[0].Task.TemplateID, CorrelationID: r.CorrelationID, ParentCorrelationID: parent, Priority: 42,
		Context: r.Context,
	}, claimed[0].Task)

	plain, err := w.request(t.Context(), requestFor("any", `{"cart": 8}`))
	require.NoError(t, err)
	view, err = w.store.Task(t.Context(), plain.TaskUUID)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), view.RequestedAt, time.Minute)
	require.NotZero(t, w.claim(t)[0].Task.CorrelationID)
}

func TestWhetherTwoRequestsAskForTheSameTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	strict, provided, unique := template.IdentityStrict, template.IdentityCallerProvided, template.IdentityAlwaysUnique
	for _, strategy := range []template.IdentityStrategy{strict, provided, unique} {
		w.register(t, string(strategy), strategy, step("a"))
	}
	w.register(t, "other", strict, step("b"))
	for name, tt := range map[string]struct {
		strategy template.IdentityStrategy
		a, b     string // contexts
		ka, kb   string // idempotency keys
		same     bool
	}{
		"the same context":                     {strict, `{"a": 1, "b": {"c": [1, 2], "d": null}}`, `{"b":{"d":null,"c":[1,2]},"a":1}`, "", "", true},
		"escapes are but another way to write": {strict, `{"\u00e4": "\u00df\n"}`, `{"ä": "ß\u000a"}`, "", "", true},
		"another value":                        {strict, `{"a": 2}`, `{"a": 3}`, "", "", false},
		"another order of a list":              {strict, `{"l": [1, 2]}`, `{"l": [2, 1]}`, "", "", false},
		"a text and a number":                  {strict, `{"t": 1}`, `{"t": "1"}`, "", "", false},
		"null and nothing":                     {strict, `{"n": null}`, `{}`, "", "", false},
		"big numbers that a float would merge": {strict, `9007199254740993`, `9007199254740992`, "", "", false},
		"the same key, other contexts":         {strict, `{"k": 1}`, `{"k": 2}`, "key", "key", true},
		"other keys, the same context":         {strict, `{"o": 1}`, `{"o": 1}`, "key 1", "key 2", false},
		"a key and none":                       {strict, `{"z": 1}`, `{"z": 1}`, "key 3", "", false},
		"a key that looks like a context":      {strict, `{"x":1}`, `{}`, "", `{"x":1}`, false},
		"keys of the caller":                   {provided, `1`, `2`, "mine", "mine", true},
		"other keys of the caller":             {provided, `1`, `1`, "mine 1", "mine 2", false},
		"every request is its own":             {unique, `{}`, `{}`, "", "", false},
		"unless it brings a key":               {unique, `{}`, `{}`, "k", "k", true},
	} {
		first, second := requestFor(string(tt.strategy), tt.a), requestFor(string(tt.strategy), tt.b)
		first.IdempotencyKey, second.IdempotencyKey = tt.ka, tt.kb
		a, err := w.request(t.Context(), first)
		require.NoError(t, err, name)
		require.False(t, a.Existing, name)
		b, err := w.request(t.Context(), second)
		require.NoError(t, err, name)
		require.Equal(t, tt.same, b.Existing, name)
		require.Equal(t, tt.same, a.TaskUUID == b.TaskUUID, name)
	}

	elsewhere := requestFor("other", `{"k": 1}`)
	elsewhere.IdempotencyKey = "key"
	created, err := w.request(t.Context(), elsewhere)
	require.NoError(t, err)
	require.False(t, created.Existing, "a key counts within its template")

	_, err = w.request(t.Context(), requestFor(string(provided), `{}`))
	var refused *orchestration.RequestError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "idempotency_key")
}

func TestAnIdentityIsKeptWhenTheTemplateIsChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	first, err := w.request(t.Context(), requestFor("any", `{}`))
	require.NoError(t, err)
	_, err = w.catalog.Register(t.Context(), template.New("n", "any", "1.0.0", step("a"), step("b")), true)
	require.NoError(t, err)
	again, err := w.request(t.Context(), requestFor("any", `{}`))
	require.NoError(t, err)
	require.Equal(t, orchestration.TaskRequestResult{TaskUUID: first.TaskUUID, Existing: true}, again)
}

func TestIdenticalRequestsAtTheSameTimeMakeOneTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	const clients, contexts = 16, 6
	made := make([][contexts]orchestration.TaskRequestResult, clients)
	g, ctx := errgroup.WithContext(t.Context())
	for c := range clients {
		g.Go(func() (err error) {
			for i := range contexts {
				if made[c][i], err = w.request(ctx, requestFor("any", fmt.Sprintf(`{"i": %d, "j": 1}`, i))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	for i := range contexts {
		fresh := 0
		for c := range clients {
			require.Equal(t, made[0][i].TaskUUID, made[c][i].TaskUUID)
			if !made[c][i].Existing {
				fresh++
			}
		}
		require.Equal(t, 1, fresh)
	}
	require.Equal(t, contexts, w.db.Count(t, "select count(*) from tasker.tasks"))
}

func TestARequestMayBeAbandonedBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "any", template.IdentityStrict, step("a"))
	goOn := w.holdUp(t)
	impatient := fmt.Errorf("the client went away")
	err := w.abandon(t, requestFor("any", `{}`), impatient)
	require.ErrorIs(t, err, impatient)
	require.ErrorContains(t, err, "its outcome is unknown")
	goOn()

	again, err := w.request(t.Context(), requestFor("any", `{}`))
	require.NoError(t, err)
	require.True(t, again.Existing, "it was made all the same")
}
