package workerapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/worker"
)

func (a *api) listTemplates(r *http.Request) (any, error) {
	q := r.URL.Query()
	templates, err := a.Store.Templates(r.Context(), q.Get("namespace"))
	if err != nil {
		return nil, err
	}
	s, err := a.status(r.Context())
	if err != nil {
		return nil, err
	}
	body := map[string]any{
		"supported_namespaces": a.namespaces(), "template_count": len(templates), "worker_capabilities": s.RegisteredHandlers, "cache_stats": nil,
	}
	if q.Get("include_cache_stats") == "true" {
		body["cache_stats"] = a.Catalog.Stats()
	}
	return body, nil
}

// refreshTemplates forgets cached templates, of one namespace or of all, and looks for handlers of new ones.
func (a *api) refreshTemplates(r *http.Request) (any, error) {
	message := worker.RefreshTemplateCacheMessage{Namespace: r.URL.Query().Get("namespace")}
	if _, err := actor.Ask(r.Context(), a.Actors.TemplateCacheActor.Handle, message); err != nil {
		return nil, err
	}
	a.Actors.Claimer.Hint()
	return map[string]any{"operation": "refresh", "success": true, "cache_stats": a.Catalog.Stats()}, nil
}

func (a *api) template(r *http.Request) (t *catalog.Template, cached bool, err error) {
	namespace, name, version := r.PathValue("ns"), r.PathValue("name"), r.PathValue("version")
	cached = a.Catalog.Holds(namespace, name, version)
	t, err = a.Catalog.Current(r.Context(), namespace, name, version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, &failure{http.StatusNotFound, "NOT_FOUND", fmt.Sprintf("there is no template %s/%s/%s", namespace, name, version)}
	}
	return t, cached, err
}

func (a *api) getTemplate(r *http.Request) (any, error) {
	t, cached, err := a.template(r)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(t.Definition.Steps))
	for i := range t.Definition.Steps {
		names[i] = t.Definition.Steps[i].Name
	}
	return map[string]any{
		"template": map[string]any{"template": t.Definition, "environment": a.Config.Environment, "resolved_at": now()},
		"handler_metadata": map[string]any{
			"namespace": t.Namespace, "handler_name": t.Name, "version": t.Version, "description": t.Definition.Description, "step_names": names,
		},
		"cached": cached,
	}, nil
}

// validateTemplate tells whether this worker has the handlers of a template.
func (a *api) validateTemplate(r *http.Request) (any, error) {
	t, _, err := a.template(r)
	if err != nil {
		return nil, err
	}
	s, err := a.status(r.Context())
	if err != nil {
		return nil, err
	}
	problems, handlers := []string{}, []string{}
	for i := range t.Definition.Steps {
		step := &t.Definition.Steps[i]
		handlers = append(handlers, step.Handler.Callable)
		if !slices.Contains(s.RegisteredHandlers, step.Handler.Callable) {
			problems = append(problems, fmt.Sprintf("step %s: this worker has no handler %s", step.Name, step.Handler.Callable))
		}
	}
	slices.Sort(handlers)
	handlers = slices.Compact(handlers)
	return map[string]any{"valid": len(problems) == 0, "errors": problems, "required_capabilities": handlers, "step_handlers": handlers}, nil
}
