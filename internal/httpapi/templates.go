package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/tasker-systems/tasker-go/internal/nearest"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// listWithCache is a list of templates with what was asked for beside it: null if this process holds no templates.
type listWithCache struct {
	client.TemplateListResponse
	CacheStats any `json:"cache_stats"`
}

func (a *api) listTemplates(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	namespace := q.Get("namespace")
	cached, err := strconv.ParseBool(cmp.Or(q.Get("include_cache_stats"), "false"))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "include_cache_stats is %q, not true or false", q.Get("include_cache_stats"))
	}
	namespaces, err := a.Store.Namespaces(r.Context(), namespace)
	if err != nil {
		return nil, err
	}
	templates, err := a.Store.Templates(r.Context(), namespace)
	if err != nil {
		return nil, err
	}
	list := client.TemplateListResponse{
		Namespaces: []client.NamespaceSummary{}, Templates: []client.TemplateSummary{}, TotalCount: len(templates),
	}
	for _, n := range namespaces {
		list.Namespaces = append(list.Namespaces, client.NamespaceSummary{
			Name: n.Name, Description: orNull(n.Description), TemplateCount: n.Templates,
		})
	}
	for _, t := range templates {
		list.Templates = append(list.Templates, client.TemplateSummary{
			Name: t.Name, Namespace: t.Namespace, Version: t.Version, Description: orNull(t.Description), StepCount: t.Steps,
		})
	}
	switch {
	case !cached:
		return list, nil
	case a.CacheStats == nil:
		return listWithCache{list, nil}, nil
	}
	return listWithCache{list, a.CacheStats()}, nil
}

func (a *api) getTemplate(_ http.ResponseWriter, r *http.Request) (any, error) {
	namespace, name, version := r.PathValue("namespace"), r.PathValue("name"), r.PathValue("version")
	t, err := a.Store.CurrentTemplate(r.Context(), namespace, name, version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, a.noTemplate(r.Context(), namespace, name, version)
	}
	if err != nil {
		return nil, err
	}
	return templateDetail(t)
}

// templateDetail takes the steps out of the stored definition, in the order their author wrote them.
func templateDetail(t *store.Template) (client.TemplateDetail, error) {
	detail := client.TemplateDetail{
		Name: t.Name, Namespace: t.Namespace, Version: t.Version, Description: orNull(t.Description),
		Configuration: t.Definition, Steps: []client.StepDefinition{},
	}
	var definition struct {
		Steps []struct {
			Name        string
			Description *string
			Retry       struct {
				Retryable   bool
				MaxAttempts int32 `json:"max_attempts"`
			}
			ResultSchema json.RawMessage `json:"result_schema"`
		}
	}
	if err := json.Unmarshal(t.Definition, &definition); err != nil {
		return detail, fmt.Errorf("decode template %s/%s %s: %w", t.Namespace, t.Name, t.Version, err)
	}
	for _, s := range definition.Steps {
		detail.Steps = append(detail.Steps, client.StepDefinition{
			Name: s.Name, Description: s.Description, DefaultRetryable: s.Retry.Retryable,
			DefaultMaxAttempts: s.Retry.MaxAttempts, ResultSchema: s.ResultSchema,
		})
	}
	return detail, nil
}

// noTemplate says that there is no such template, and which one may have been meant.
func (a *api) noTemplate(ctx context.Context, namespace, name, version string) error {
	wanted := key(namespace, name, version)
	templates, err := a.Store.Templates(ctx, "")
	if err != nil {
		return err
	}
	keys := make([]string, len(templates))
	for i, t := range templates {
		keys[i] = key(t.Namespace, t.Name, t.Version)
	}
	hint := "GET /v1/templates lists those there are"
	if near := nearest.Word(wanted, keys); near != "" {
		hint = "did you mean " + near + "?"
	} else if len(keys) == 0 {
		hint = "none is registered"
	}
	return refuse(http.StatusNotFound, client.CodeNotFound, "there is no template %s; %s", wanted, hint)
}

func key(namespace, name, version string) string { return namespace + "/" + name + "/" + version }

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
