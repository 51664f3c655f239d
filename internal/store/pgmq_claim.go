package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// QueueOf names the queue that tells of a namespace's ready steps.
func QueueOf(namespace string) string { return "worker_" + namespace + "_queue" }

// queueTable is the table of a queue, quoted.
func queueTable(queue string) string { return messageTable("q_", queue) }

// archiveTable is where what is set aside of a queue goes, quoted.
func archiveTable(queue string) string { return messageTable("a_", queue) }

func messageTable(prefix, queue string) string {
	return pgx.Identifier{"pgmq", prefix + strings.ToLower(queue)}.Sanitize()
}

// claimMessages is [claimSteps] by messages: it takes those that a worker can run, the most urgent and oldest first, and
// with each its ready row, which it goes by. A message whose row is gone goes without effect; one whose row another
// transaction holds stays. %s are the queue's table and, in named messages, what else they must meet.
const claimMessages = `/* tasker:claim_messages */
with me as materialized (
  select from tasker.workers where worker_id = $1 and lease_until > clock_timestamp() and stopped_at is null
), seen as materialized (
  select m.at from unnest($2::int[]) as h(handler_id)
  cross join lateral (
    select q.ctid as at, (q.headers ->> 'priority')::int as priority, q.msg_id from %[1]s q
    where (q.headers ->> 'handler_id')::int = h.handler_id and q.vt <= clock_timestamp()%[2]s
    order by (q.headers ->> 'priority')::int desc, q.msg_id limit $3 * 4) m
  where exists (select from me)
  order by m.priority desc, m.msg_id limit $3 * 4
), told as materialized (
  select q.ctid as at, (q.headers ->> 'handler_id')::int as handler_id, (q.headers ->> 'priority')::int as priority,
    tasker.bigint_or_null(q.headers ->> 'ready_id') as ready_id
  from %[1]s q where q.ctid = any(array(select at from seen)) and q.vt <= clock_timestamp()
  order by 3 desc, q.msg_id limit $3 for update skip locked
), picked as materialized (
  select k.*, r.at as ready_at from told k left join lateral (
    select q.ctid as at from tasker.ready_steps q
    where q.handler_id = k.handler_id and q.priority = k.priority and q.ready_id = k.ready_id for update skip locked) r on true
), taken as (
  delete from tasker.ready_steps q where q.ctid = any(array(select ready_at from picked)) returning q.task_uuid, q.step_no
), gone as (
  delete from %[1]s q where q.ctid = any(array(
    select p.at from picked p where p.ready_at is not null or not (select exists (select from tasker.ready_steps r
      where r.handler_id = p.handler_id and r.priority = p.priority and r.ready_id = p.ready_id))))
` + leaseTaken + `(select count(*)::int from told)`

// ClaimMessages leases up to l.Budget steps that messages of a queue name, the most urgent first, and removes the messages,
// in one transaction. more says that the queue holds further ones.
func (s *Store) ClaimMessages(ctx context.Context, queue string, l Lease) (steps []ClaimedStep, more bool, err error) {
	return s.claimMessages(ctx, queue, fmt.Sprintf(claimMessages, queueTable(queue), ""), l.WorkerID, orNone(l.Handlers), l.Budget)
}

// ClaimNamedMessages is [Store.ClaimMessages] of these messages only. One that is gone, hidden or another worker's to run is
// passed over.
func (s *Store) ClaimNamedMessages(ctx context.Context, queue string, ids []int64, l Lease) ([]ClaimedStep, error) {
	sql := fmt.Sprintf(claimMessages, queueTable(queue), " and q.msg_id = any($4::bigint[])")
	steps, _, err := s.claimMessages(ctx, queue, sql, l.WorkerID, orNone(l.Handlers), l.Budget, ids)
	return steps, err
}

func (s *Store) claimMessages(ctx context.Context, queue, sql string, args ...any) ([]ClaimedStep, bool, error) {
	rows, err := s.engine.Query(ctx, sql, args...)
	if err != nil {
		return nil, false, fmt.Errorf("claim steps from queue %s: %w", queue, err)
	}
	steps, left, err := collectClaimed(rows, args[0].(int32))
	if err != nil {
		return nil, false, fmt.Errorf("claim steps from queue %s: %w", queue, err)
	}
	return steps, left > 0, nil
}
