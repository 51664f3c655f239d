package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk"
)

// definitions knows what step events tell of templates. It works out each template once: content under an id never
// changes.
type definitions struct {
	catalog *catalog.Catalog
	store   *store.Store
	byID    sync.Map // of map[string]bridge.StepDetails, by the step's name
}

func newDefinitions(c *catalog.Catalog, s *store.Store) *definitions {
	return &definitions{catalog: c, store: s}
}

// details looks the step up in the template that is current. A task may run by an earlier one: if the step is not in the
// current one, the task itself is asked.
func (d *definitions) details(ctx context.Context, m *dispatch.DispatchHandlerMessage) (bridge.StepDetails, error) {
	t, err := d.catalog.Current(ctx, m.Step.Namespace(), m.Step.TaskName(), m.Step.TaskVersion())
	if err != nil {
		return bridge.StepDetails{}, err
	}
	step, ok, err := d.find(t, m.Step.TemplateStepName())
	if ok || err != nil {
		return step, err
	}
	task, err := d.store.Task(ctx, m.Step.TaskUUID())
	if err != nil {
		return step, err
	}
	if t, err = d.catalog.ByID(ctx, task.TemplateID); err != nil {
		return step, err
	}
	if step, ok, err = d.find(t, m.Step.TemplateStepName()); !ok && err == nil {
		err = sdk.Permanent(fmt.Errorf("template %s/%s %s has no step %q", t.Namespace, t.Name, t.Version, m.Step.TemplateStepName()))
	}
	return step, err
}

func (d *definitions) find(t *catalog.Template, name string) (step bridge.StepDetails, ok bool, err error) {
	known, ok := d.byID.Load(t.ID)
	if !ok {
		if known, err = describe(t); err != nil {
			return step, false, err
		}
		d.byID.Store(t.ID, known)
	}
	step, ok = known.(map[string]bridge.StepDetails)[name]
	return step, ok, nil
}

func describe(t *catalog.Template) (map[string]bridge.StepDetails, error) {
	steps := make(map[string]bridge.StepDetails, len(t.Steps))
	for i := range t.Steps {
		s := &t.Steps[i]
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(s.Definition); err != nil {
			return nil, fmt.Errorf("encode the definition of step %s: %w", s.Definition.Name, err)
		}
		steps[s.Definition.Name] = bridge.StepDetails{
			Definition: bytes.TrimSpace(b.Bytes()), Retryable: s.Policy.Retryable, Ancestors: ancestors(t, s.No),
		}
	}
	return steps, nil
}

// ancestors lists the steps before step no; parents are numbered before their children.
func ancestors(t *catalog.Template, no int32) []bridge.Ancestor {
	var all []bridge.Ancestor
	upstream := t.Upstream(no)
	for before := range no {
		if upstream(before) {
			all = append(all, bridge.Ancestor{Name: t.Steps[before].Definition.Name, No: before})
		}
	}
	return all
}
