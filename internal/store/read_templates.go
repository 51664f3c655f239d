package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// TemplateSummary names a template that tasks can be made from.
type TemplateSummary struct {
	Namespace, Name, Version string
	Description              string
	Steps                    int
}

const listTemplates = `/* tasker:list_templates */
select namespace, name, version, coalesce(description, ''), step_count from tasker.task_templates
where superseded_at is null and ($1 = '' or namespace = $1) order by namespace, name, version`

// Templates lists the current templates of a namespace or, with "", of all.
func (s *Store) Templates(ctx context.Context, namespace string) ([]TemplateSummary, error) {
	rows, err := s.query.Query(ctx, listTemplates, namespace)
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	templates, err := pgx.CollectRows(rows, pgx.RowToStructByPos[TemplateSummary])
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	return templates, nil
}

// NamespaceSummary counts the current templates of a namespace.
type NamespaceSummary struct {
	Name, Description string
	Templates         int
}

const listNamespaces = `/* tasker:list_namespaces */
select n.name, coalesce(n.description, ''), count(t.template_id) from tasker.task_namespaces n
left join tasker.task_templates t on t.namespace = n.name and t.superseded_at is null
where $1 = '' or n.name = $1 group by 1, 2 order by 1`

// Namespaces lists the namespaces, or only the one named.
func (s *Store) Namespaces(ctx context.Context, name string) ([]NamespaceSummary, error) {
	rows, err := s.query.Query(ctx, listNamespaces, name)
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	namespaces, err := pgx.CollectRows(rows, pgx.RowToStructByPos[NamespaceSummary])
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	return namespaces, nil
}
