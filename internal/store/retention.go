package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/sdk"
)

// A task's UUID tells when it was made, so that those that may be old enough stand at the start of the primary key.
const removeTasks = `/* tasker:remove_tasks */
with old as materialized (
  select t.task_uuid, t.state in ('complete', 'error', 'cancelled', 'resolved_manually') and t.completed_at < clock_timestamp() - $3::bigint * interval '1 second'
    and not exists (select from tasker.tasks_dlq d where d.task_uuid = t.task_uuid and d.resolution_status = 'pending') as gone
  from tasker.tasks t where t.task_uuid > $1 and t.task_uuid < $2 order by t.task_uuid limit $4
), gone as materialized (
  select t.task_uuid from tasker.tasks t join old using (task_uuid) where old.gone order by 1 for update of t skip locked
), s as (delete from tasker.workflow_steps x using gone g where x.task_uuid = g.task_uuid returning 1
), st as (delete from tasker.step_transitions x using gone g where x.task_uuid = g.task_uuid
), tt as (delete from tasker.task_transitions x using gone g where x.task_uuid = g.task_uuid
), tc as (delete from tasker.task_claims x using gone g where x.task_uuid = g.task_uuid
), tm as (delete from tasker.step_timers x using gone g where x.task_uuid = g.task_uuid
), rs as (delete from tasker.ready_steps x using gone g where x.task_uuid = g.task_uuid
), rq as (delete from tasker.step_results_queue x using gone g where x.task_uuid = g.task_uuid
), sb as (delete from tasker.step_batches x using gone g where x.task_uuid = g.task_uuid
), dl as (delete from tasker.tasks_dlq x using gone g where x.task_uuid = g.task_uuid
), t as (delete from tasker.tasks x using gone g where x.task_uuid = g.task_uuid returning 1
)
select (select task_uuid from old order by 1 desc limit 1), (select count(*)::int from old), (select count(*)::int from t)`

// RemoveTasks removes tasks, with all that is kept of them, that ended longer ago than age. It looks at the next batch of tasks
// after the one named, and returns the last it looked at; the zero UUID once there are no more. Tasks under investigation
// stay.
func (s *Store) RemoveTasks(ctx context.Context, after sdk.UUID, age time.Duration, batch int) (last sdk.UUID, removed int, err error) {
	var at pgtype.UUID
	var looked int
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, removeTasks, after, madeBefore(time.Now().Add(-age)), int64(age.Seconds()), batch).Scan(&at, &looked, &removed)
	})
	if err != nil {
		return after, 0, fmt.Errorf("remove old tasks: %w", err)
	}
	if looked < batch {
		return sdk.UUID{}, removed, nil
	}
	return sdk.UUID(at.Bytes), removed, nil
}

// madeBefore is a bound that the UUIDs of tasks made before a time are below.
func madeBefore(t time.Time) (id sdk.UUID) {
	ms := max(t.UnixMilli(), 0)
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id
}

const removeEvents = `/* tasker:remove_domain_events */
with old as materialized (
  select n.name, e.id from tasker.task_namespaces n cross join lateral (
    select x.id, x.published_at from tasker.domain_events x where x.namespace = n.name order by x.id limit $2) e
  where e.published_at < clock_timestamp() - $1::bigint * interval '1 second'
), gone as (
  delete from tasker.domain_events x using old o where x.namespace = o.name and x.id = o.id returning 1
)
select count(*)::int from gone`

// RemoveDomainEvents removes events that were published longer ago than age, at most batch of each namespace.
func (s *Store) RemoveDomainEvents(ctx context.Context, age time.Duration, batch int) (removed int, err error) {
	if err := s.query.QueryRow(ctx, removeEvents, int64(age.Seconds()), batch).Scan(&removed); err != nil {
		return 0, fmt.Errorf("remove old domain events: %w", err)
	}
	return removed, nil
}

const removeRemains = `/* tasker:remove_remains */
with t as (
  delete from tasker.task_templates t where t.superseded_at < clock_timestamp() - $1::bigint * interval '1 second'
    and not exists (select from tasker.tasks k where k.template_id = t.template_id)
  returning 1
), w as (
  delete from tasker.workers w where w.stopped_at < clock_timestamp() - $1::bigint * interval '1 second'
  returning 1
)
select (select count(*)::int from t) + (select count(*)::int from w)`

// RemoveRemains removes superseded templates by which no task runs, and workers that stopped longer ago than age.
func (s *Store) RemoveRemains(ctx context.Context, age time.Duration) (removed int, err error) {
	if err := s.query.QueryRow(ctx, removeRemains, int64(age.Seconds())).Scan(&removed); err != nil {
		return 0, fmt.Errorf("remove old templates and workers: %w", err)
	}
	return removed, nil
}

const archiveTables = `/* tasker:archive_tables */
select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'pgmq' and c.relname like 'a\_%' and c.relkind in ('r', 'p')
  and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'archived_at') order by 1`

const removeArchived = `/* tasker:remove_archived */
with gone as (
  delete from %s where ctid = any(array(
    select ctid from %[1]s where archived_at < clock_timestamp() - $1::bigint * interval '1 second' limit $2)) returning 1
)
select count(*)::int from gone`

// RemoveArchived removes messages that were archived longer ago than age, at most batch of each archive of pgmq. Without pgmq
// there are none.
func (s *Store) RemoveArchived(ctx context.Context, age time.Duration, batch int) (removed int, err error) {
	rows, err := s.query.Query(ctx, archiveTables)
	if err != nil {
		return 0, fmt.Errorf("find message archives: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("find message archives: %w", err)
	}
	for _, table := range tables {
		var n int
		if err := s.query.QueryRow(ctx, fmt.Sprintf(removeArchived, table), int64(age.Seconds()), batch).Scan(&n); err != nil {
			return removed, fmt.Errorf("remove archived messages: %w", err)
		}
		removed += n
	}
	return removed, nil
}
