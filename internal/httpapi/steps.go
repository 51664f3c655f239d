package httpapi

import (
	"errors"
	"net/http"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func (a *api) listSteps(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	steps, err := a.Store.Steps(r.Context(), id, true)
	if err != nil {
		return nil, noTask(id, err)
	}
	list := []client.StepResponse{}
	for i := range steps {
		step, err := stepResponse(&steps[i])
		if err != nil {
			return nil, err
		}
		list = append(list, step)
	}
	return list, nil
}

func (a *api) getStep(_ http.ResponseWriter, r *http.Request) (any, error) {
	task, err := pathUUID(r, "task")
	if err != nil {
		return nil, err
	}
	id, err := pathUUID(r, "step")
	if err != nil {
		return nil, err
	}
	step, err := a.Store.Step(r.Context(), task, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refuse(http.StatusNotFound, client.CodeNotFound, "task %s has no step %s", task, id)
	}
	if err != nil {
		return nil, err
	}
	return stepResponse(step)
}
