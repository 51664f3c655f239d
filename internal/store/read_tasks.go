package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// TaskFilter picks tasks; an empty field picks all.
type TaskFilter struct {
	Namespace, Name         string
	Initiator, SourceSystem string
	// States are visible ones; a task in any of them is picked.
	States []workflow.TaskState
	// Tags that a task must carry, all of them.
	Tags []string
	// Context is JSON that a task's context must contain: objects their fields, lists their items.
	Context json.RawMessage
	// Tasks created at or after Since, and before Until.
	Since, Until time.Time
	// Limit bounds the tasks of one page; Offset skips those of earlier ones.
	Limit, Offset int
}

// TaskPage is a page of tasks, newest first.
type TaskPage struct {
	Tasks []TaskView
	// Total counts the tasks of all pages.
	Total int64
}

// visibleState is [workflow.TaskExecutionContext.VisibleState] in SQL.
const visibleState = `case when t.state = 'steps_in_process' and (
    select bool_or(s.state = 'waiting_for_retry') and not bool_or(` + stepBusy + ` or ` + stepReady + `)
    from tasker.workflow_steps s where s.task_uuid = t.task_uuid)
  then 'waiting_for_retry' else t.state::text end`

const taskFilter = `($1 = '' or tt.namespace = $1) and ($2 = '' or tt.name = $2)
  and ($3 = '' or t.initiator = $3) and ($4 = '' or t.source_system = $4)
  and (cardinality($5::text[]) = 0 or t.tags @> $5)
  and (cardinality($6::text[]) = 0 or t.state = any($7::text[]::tasker.task_state[]) and (t.state <> 'steps_in_process' or ` + visibleState + ` = any($6)))
  and ($8::text is null or t.context @> $8::text::jsonb)
  and t.task_uuid >= $9 and t.created_at >= $10 and t.created_at < $11`

// UUIDs of version 7 are ordered by time, so the newest tasks stand at the end of the primary key.
const listTasks = `/* tasker:list_tasks */
select ` + taskColumns + ` from (
  select t.* from tasker.tasks t join tasker.task_templates tt using (template_id) where ` + taskFilter + `
  order by t.task_uuid desc limit $12 offset $13) t, ` + taskTables + `
order by t.task_uuid desc`

const countTasks = `/* tasker:count_tasks */
select count(*) from tasker.tasks t join tasker.task_templates tt using (template_id) where ` + taskFilter

// Tasks reads one page of tasks, newest first, and counts all. A page with more than 64 MiB of contexts is [ErrTooLarge].
func (s *Store) Tasks(ctx context.Context, f TaskFilter) (page TaskPage, err error) {
	args := f.args()
	if err := s.query.QueryRow(ctx, countTasks, args...).Scan(&page.Total); err != nil {
		return page, fmt.Errorf("count tasks: %w", err)
	}
	if int64(f.Offset) >= page.Total {
		return page, nil
	}
	rows, err := s.query.Query(ctx, listTasks, append(args, f.Limit, f.Offset)...)
	if err != nil {
		return page, fmt.Errorf("list tasks: %w", err)
	}
	left := s.maxRead
	page.Tasks, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (TaskView, error) {
		t, err := scanTask(row)
		if left -= len(t.Context); err == nil && left < 0 {
			err = ErrTooLarge
		}
		return t, err
	})
	if err != nil {
		return page, fmt.Errorf("list tasks: %w", err)
	}
	return page, nil
}

func (f *TaskFilter) args() []any {
	tags, visible, stored := f.Tags, []string{}, []string{}
	if tags == nil {
		tags = []string{}
	}
	for _, state := range f.States {
		visible, stored = append(visible, string(state)), append(stored, string(state))
		if state == workflow.TaskWaitingForRetry {
			stored = append(stored, string(workflow.TaskStepsInProcess))
		}
	}
	return []any{
		f.Namespace, f.Name, f.Initiator, f.SourceSystem, tags, visible, stored, textOrNull(f.Context),
		firstSince(f.Since), orInfinity(f.Since, pgtype.NegativeInfinity), orInfinity(f.Until, pgtype.Infinity),
	}
}
