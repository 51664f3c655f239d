package store_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

func templateOf(s shape, content string) *store.Template {
	return &store.Template{
		Namespace: "n", Name: "t", Version: "1.0.0", Description: "About " + content, ContentHash: content, IdentityStrategy: "caller_provided",
		Definition: json.RawMessage(`{"content": "` + content + `"}`), Steps: s.steps(func(no int) string { return fmt.Sprintf("h%d", no%2) }),
	}
}

func TestATemplateIsReadAsItWasRegistered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	registered := templateOf(diamond, "a")
	id, err := w.RegisterTemplate(t.Context(), registered, false)
	require.NoError(t, err)
	for i := range registered.Steps {
		if registered.Steps[i].Parents == nil {
			registered.Steps[i].Parents = []int32{}
		}
		if registered.Steps[i].Children == nil {
			registered.Steps[i].Children = []int32{}
		}
	}
	want := *registered
	want.ID = id
	got, err := w.TemplateByID(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, &want, got)
	got, err = w.CurrentTemplate(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, &want, got)
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.task_templates where root_count = 1 and sink_count = 1 and step_count = 4"))
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.handlers where namespace = 'n' and offered_at is null"))
}

func TestUnknownTemplatesAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.RegisterTemplate(t.Context(), templateOf(single, "a"), false)
	require.NoError(t, err)
	_, err = w.TemplateByID(t.Context(), 4711)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, "4711")
	for _, key := range [][3]string{{"m", "t", "1.0.0"}, {"n", "u", "1.0.0"}, {"n", "t", "1.0.1"}} {
		_, err := w.CurrentTemplate(t.Context(), key[0], key[1], key[2])
		require.ErrorIs(t, err, store.ErrNotFound)
		require.ErrorContains(t, err, key[0]+"/"+key[1]+" "+key[2])
	}
}

func TestTheSameContentIsTheSameTemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, err := w.RegisterTemplate(t.Context(), templateOf(diamond, "a"), false)
	require.NoError(t, err)
	news := w.listen(t, "tasker_templates")
	for _, force := range []bool{false, true} {
		again, err := w.RegisterTemplate(t.Context(), templateOf(diamond, "a"), force)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
	require.Empty(t, news.heard(t), "nothing is new")
	other := templateOf(diamond, "a")
	other.Version = "1.0.1"
	next, err := w.RegisterTemplate(t.Context(), other, false)
	require.NoError(t, err)
	require.NotEqual(t, first, next)
	require.Len(t, news.heard(t), 1)
}

func TestOtherContentUnderTheSameVersionIsAConflict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.RegisterTemplate(t.Context(), templateOf(diamond, "a"), false)
	require.NoError(t, err)
	_, err = w.RegisterTemplate(t.Context(), templateOf(chain, "b"), false)
	var conflict *store.TemplateConflictError
	require.ErrorAs(t, err, &conflict)
	require.Equal(t, store.TemplateConflictError{Namespace: "n", Name: "t", Version: "1.0.0"}, *conflict)
	require.ErrorContains(t, err, "n/t 1.0.0")
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.task_templates"))
	require.Equal(t, 4, w.db.Count(t, "select count(*) from tasker.template_steps"))
}

func TestForcedContentSupersedesTheOldWhichRunningTasksKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old, err := w.RegisterTemplate(t.Context(), templateOf(diamond, "a"), false)
	require.NoError(t, err)
	running := w.create(t, old, store.Lease{})
	news := w.listen(t, "tasker_templates")
	changed, err := w.RegisterTemplate(t.Context(), templateOf(single, "b"), true)
	require.NoError(t, err)
	require.NotEqual(t, old, changed)
	require.Len(t, news.heard(t), 1)

	current, err := w.CurrentTemplate(t.Context(), "n", "t", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, changed, current.ID)
	kept, err := w.TemplateByID(t.Context(), old)
	require.NoError(t, err)
	require.Len(t, kept.Steps, 4)
	require.Len(t, w.states(t, running), 4)
	require.Len(t, w.states(t, w.create(t, changed, store.Lease{})), 1)

	back, err := w.RegisterTemplate(t.Context(), templateOf(diamond, "a"), true)
	require.NoError(t, err)
	require.NotContains(t, []int32{old, changed}, back, "content under an id never changes")
	require.Equal(t, 2, w.db.Count(t, "select count(*) from tasker.task_templates where superseded_at is not null"))
}

func TestTemplatesMayBeRegisteredByManyAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const processes, templates = 8, 5
	ids := make([][]int32, processes)
	var g errgroup.Group
	for p := range processes {
		g.Go(func() error {
			for i := range templates {
				template := templateOf(diamond, "same")
				template.Name = fmt.Sprintf("t%d", i)
				id, err := w.RegisterTemplate(t.Context(), template, false)
				if err != nil {
					return err
				}
				ids[p] = append(ids[p], id)
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	for p := range processes {
		require.Equal(t, ids[0], ids[p])
	}
	require.Equal(t, templates, w.db.Count(t, "select count(*) from tasker.task_templates"))
	require.Equal(t, 4*templates, w.db.Count(t, "select count(*) from tasker.template_steps"))
}

func TestOfThoseWhoForceDifferentContentsOneIsCurrentInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			_, err := w.RegisterTemplate(t.Context(), templateOf(chain, sdk.NewUUID().String()), true)
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.Equal(t, 8, w.db.Count(t, "select count(*) from tasker.task_templates"))
	require.Equal(t, 1, w.db.Count(t, "select count(*) from tasker.task_templates where superseded_at is null"))
}

func TestATemplateThatCannotBeStoredLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, spoil := range map[string]func(*store.Template){
		"its definition": func(bad *store.Template) { bad.Definition = json.RawMessage(`{"a": "\u0000"}`) },
		"its strategy":   func(bad *store.Template) { bad.IdentityStrategy = "whatever" },
		"a step twice":   func(bad *store.Template) { bad.Steps = append(bad.Steps, bad.Steps[0]) },
	} {
		bad := templateOf(diamond, "a")
		spoil(bad)
		_, err := w.RegisterTemplate(t.Context(), bad, false)
		require.Equal(t, store.RemedyRefuse, store.Classify(err), "%s: %v", name, err)
		require.ErrorContains(t, err, "register template n/t 1.0.0")
		require.Zero(t, w.db.Count(t, "select count(*) from tasker.task_templates"))
	}
}
