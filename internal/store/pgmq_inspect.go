package store

import (
	"context"
	"fmt"
)

// MessagesView is what a database that sends messages says of that.
type MessagesView struct {
	// InUse says whether messages tell of ready steps and results. The rest is empty if they do not.
	InUse bool
	// Extension is the version of pgmq; empty if the same interface is there in plain SQL.
	Extension string
	// Silent are the triggers that should send messages and do not.
	Silent []string
	// Missing are the queues that should be there and are not.
	Missing []string
	// Queues are those there are of ours. Archived counts what was set aside in them, up to the limit that was given.
	Queues   int
	Archived int64
}

// The triggers, and the queues that each namespace and the servers need.
const inspectMessages = `/* tasker:inspect_messages */
with needed as (
  select 'worker_' || namespace || '_queue' as name from (select distinct namespace from tasker.handlers) h
  union all select unnest(array['` + StepResultsQueue + `', '` + TaskRequestsQueue + `'])
)
select coalesce((select extversion from pg_extension where extname = 'pgmq'), ''),
  array(select t.name from (values ('ready_steps', 'ready_steps_told'), ('step_results_queue', 'step_results_told'), ('handlers', 'handlers_told')) as t(of, name)
    where not exists (select from pg_trigger g where g.tgrelid = ('tasker.' || t.of)::regclass and g.tgname = t.name and g.tgenabled in ('O', 'A')) order by 1),
  array(select name from needed where to_regclass('pgmq.' || quote_ident('q_' || lower(name))) is null order by 1),
  array(select name from needed where to_regclass('pgmq.' || quote_ident('q_' || lower(name))) is not null order by 1)`

const countArchived = `/* tasker:count_archived */ select count(*) from (select from %s limit $1) a`

// InspectMessages looks whether messages can be sent and where they would go. It counts up to limit messages of each archive.
func (s *Store) InspectMessages(ctx context.Context, limit int) (v MessagesView, err error) {
	if v.InUse, err = s.PgmqInUse(ctx); err != nil || !v.InUse {
		return v, err
	}
	var there []string
	if err := s.query.QueryRow(ctx, inspectMessages).Scan(&v.Extension, &v.Silent, &v.Missing, &there); err != nil {
		return v, fmt.Errorf("inspect the queues of pgmq: %w", err)
	}
	v.Queues = len(there)
	for _, queue := range there {
		var n int64
		if err := s.query.QueryRow(ctx, fmt.Sprintf(countArchived, archiveTable(queue)), limit).Scan(&n); err != nil {
			return v, fmt.Errorf("count the archive of queue %s: %w", queue, err)
		}
		v.Archived += n
	}
	return v, nil
}
