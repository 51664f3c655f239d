package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Template is a task template as the database keeps it.
type Template struct {
	// ID is set by [Store.RegisterTemplate]. Content under an ID never changes.
	ID                       int32
	Namespace, Name, Version string
	Description              string
	ContentHash              string
	// IdentityStrategy is strict, caller_provided or always_unique.
	IdentityStrategy string
	// Definition is the whole template.
	Definition json.RawMessage
	Steps      []TemplateStep
}

// TemplateStep is a numbered step of a template. Steps, Parents and Children count from 0, parents before children.
type TemplateStep struct {
	No                int32
	Name              string
	Callable          string
	Initial, Sink     bool
	Parents, Children []int32
}

// TemplateConflictError reports that other content is registered under the same version.
type TemplateConflictError struct {
	Namespace, Name, Version string
}

func (e *TemplateConflictError) Error() string {
	return fmt.Sprintf("template %s/%s %s is registered with other content: give it a new version, or force the change (tasks that run keep the old content)",
		e.Namespace, e.Name, e.Version)
}

// RegisterTemplate stores a template and returns its ID. The same content under the same version is found again; other
// content is a [TemplateConflictError] unless force is set, and then supersedes the old.
func (s *Store) RegisterTemplate(ctx context.Context, t *Template, force bool) (id int32, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		id, err = registerTemplate(ctx, tx, t, force)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("register template %s/%s %s: %w", t.Namespace, t.Name, t.Version, err)
	}
	return id, nil
}

func registerTemplate(ctx context.Context, tx pgx.Tx, t *Template, force bool) (id int32, err error) {
	// The namespace row is the lock under which its templates change.
	if _, err := tx.Exec(ctx, `/* tasker:lock_namespace */ insert into tasker.task_namespaces (name) values ($1)
		on conflict (name) do update set name = excluded.name`, t.Namespace); err != nil {
		return 0, err
	}
	var hash string
	err = tx.QueryRow(ctx, `/* tasker:current_template */ select template_id, content_hash from tasker.task_templates
		where namespace = $1 and name = $2 and version = $3 and superseded_at is null`, t.Namespace, t.Name, t.Version).Scan(&id, &hash)
	switch {
	case err == nil && hash == t.ContentHash:
		return id, nil
	case err == nil && !force:
		return 0, &TemplateConflictError{t.Namespace, t.Name, t.Version}
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return 0, err
	}
	if _, err := tx.Exec(ctx, `/* tasker:supersede_template */ update tasker.task_templates set superseded_at = clock_timestamp()
		where namespace = $1 and name = $2 and version = $3 and superseded_at is null`, t.Namespace, t.Name, t.Version); err != nil {
		return 0, err
	}
	return insertTemplate(ctx, tx, t)
}

func insertTemplate(ctx context.Context, tx pgx.Tx, t *Template) (id int32, err error) {
	rows := planRows(t.Steps)
	err = tx.QueryRow(ctx, `/* tasker:insert_template */ insert into tasker.task_templates
		(namespace, name, version, description, content_hash, identity_strategy, definition, root_count, sink_count, step_count)
		values ($1, $2, $3, nullif($4, ''), $5, $6::text::tasker.identity_strategy, $7::text::jsonb, $8, $9, $10) returning template_id`,
		t.Namespace, t.Name, t.Version, t.Description, t.ContentHash, t.IdentityStrategy, string(t.Definition),
		rows.roots, rows.sinks, len(t.Steps)).Scan(&id)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, `/* tasker:insert_handlers */ insert into tasker.handlers (namespace, callable)
		select distinct $1, c from unnest($2::text[]) c order by c on conflict do nothing`, t.Namespace, rows.callables); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `/* tasker:insert_template_steps */ insert into tasker.template_steps
		(template_id, step_no, name, handler_id, initial, sink, waiting_on, parents, children)
		select $1, u.step_no, u.name, h.handler_id, u.initial, u.sink, u.waiting_on, u.parents::int[], u.children::int[]
		from unnest($3::int[], $4::text[], $5::text[], $6::bool[], $7::bool[], $8::int[], $9::text[], $10::text[])
		  as u(step_no, name, callable, initial, sink, waiting_on, parents, children)
		join tasker.handlers h on h.namespace = $2 and h.callable = u.callable`,
		id, t.Namespace, rows.numbers, rows.names, rows.callables, rows.initial, rows.sink, rows.waitingOn, rows.parents, rows.children)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `/* tasker:tell_template */ select pg_notify('tasker_templates', '')`)
	return id, err
}

// planColumns are a template's steps, a slice a column.
type planColumns struct {
	numbers, waitingOn []int32
	names, callables   []string
	initial, sink      []bool
	parents, children  []string
	roots, sinks       int
}

func planRows(steps []TemplateStep) planColumns {
	var c planColumns
	initial := map[int32]bool{}
	for i := range steps {
		initial[steps[i].No] = steps[i].Initial
	}
	within := func(numbers []int32) []int32 {
		kept := []int32{}
		for _, n := range numbers {
			if initial[n] {
				kept = append(kept, n)
			}
		}
		return kept
	}
	for i := range steps {
		st := &steps[i]
		parents, children := st.Parents, st.Children
		if st.Initial {
			children = within(children)
			c.roots += boolInt(len(parents) == 0)
			c.sinks += boolInt(st.Sink)
		}
		c.numbers = append(c.numbers, st.No)
		c.waitingOn = append(c.waitingOn, int32(len(parents)))
		c.names = append(c.names, st.Name)
		c.callables = append(c.callables, st.Callable)
		c.initial = append(c.initial, st.Initial)
		c.sink = append(c.sink, st.Sink)
		c.parents = append(c.parents, intArray(parents))
		c.children = append(c.children, intArray(children))
	}
	return c
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// intArray writes PostgreSQL's text form of an int[].
func intArray(a []int32) string {
	b := []byte{'{'}
	for i, v := range a {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Append(b, v)
	}
	return string(append(b, '}'))
}

const templateColumns = `template_id, namespace, name, version, coalesce(description, ''), content_hash, identity_strategy::text, definition::text`

// TemplateByID reads a template, current or superseded, with its steps.
func (s *Store) TemplateByID(ctx context.Context, id int32) (*Template, error) {
	t, err := s.readTemplate(ctx, `/* tasker:template_by_id */ select `+templateColumns+` from tasker.task_templates where template_id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("read template %d: %w", id, err)
	}
	return t, nil
}

// CurrentTemplate reads the template that new tasks of this name and version run by.
func (s *Store) CurrentTemplate(ctx context.Context, namespace, name, version string) (*Template, error) {
	t, err := s.readTemplate(ctx, `/* tasker:current_template */ select `+templateColumns+` from tasker.task_templates
		where namespace = $1 and name = $2 and version = $3 and superseded_at is null`, namespace, name, version)
	if err != nil {
		return nil, fmt.Errorf("read template %s/%s %s: %w", namespace, name, version, err)
	}
	return t, nil
}

func (s *Store) readTemplate(ctx context.Context, sql string, args ...any) (*Template, error) {
	var t Template
	var definition string
	err := s.query.QueryRow(ctx, sql, args...).Scan(&t.ID, &t.Namespace, &t.Name, &t.Version, &t.Description, &t.ContentHash,
		&t.IdentityStrategy, &definition)
	if err != nil {
		return nil, notFound(err)
	}
	t.Definition = json.RawMessage(definition)
	rows, err := s.query.Query(ctx, `/* tasker:template_steps */ select ts.step_no, ts.name, h.callable, ts.initial, ts.sink, ts.parents, ts.children
		from tasker.template_steps ts join tasker.handlers h using (handler_id) where ts.template_id = $1 order by ts.step_no`, t.ID)
	if err != nil {
		return nil, err
	}
	t.Steps, err = pgx.CollectRows(rows, pgx.RowToStructByPos[TemplateStep])
	return &t, err
}
