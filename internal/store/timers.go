package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// timerBatch bounds the steps that one statement wakes.
const timerBatch = 1000

const fireTimers = `/* tasker:fire_timers */
with due as materialized (
  select t.run_at, t.task_uuid, t.step_no, t.attempt from tasker.step_timers t
  where t.run_at <= clock_timestamp() order by t.run_at limit $1 for update skip locked
), gone as (
  delete from tasker.step_timers t using due d
  where t.run_at = any(array[d.run_at]) and t.task_uuid = d.task_uuid and t.step_no = d.step_no
), woken as (
  update tasker.workflow_steps s set state = 'enqueued', run_at = null
  from (select * from due order by task_uuid, step_no) d
  where s.task_uuid = any(array[d.task_uuid]) and s.step_no = d.step_no and s.attempt = d.attempt
    and s.state in ('waiting_for_retry', 'pending') and s.waiting_on = 0
  returning s.task_uuid, s.step_no, s.attempt, s.handler_id, s.priority
), queued as (
  insert into tasker.ready_steps (handler_id, priority, task_uuid, step_no)
  select handler_id, priority, task_uuid, step_no from woken
  returning handler_id
), moved as (
  insert into tasker.step_transitions (task_uuid, step_no, attempt, path)
  select task_uuid, step_no, attempt, case attempt when 0 then '{pending,enqueued}'::tasker.step_state[]
    else '{waiting_for_retry,pending,enqueued}' end from woken
), started as (
  update tasker.tasks t set state = 'steps_in_process'
  from (select distinct task_uuid from woken where attempt = 0 order by 1) w
  where t.task_uuid = any(array[w.task_uuid]) and t.state = 'pending'
  returning t.task_uuid
), walked as (
  insert into tasker.task_transitions (task_uuid, path)
  select task_uuid, '{pending,initializing,enqueuing_steps,steps_in_process}' from started
), told as (
  select count(pg_notify('tasker_ready', q.handler_id::text)) as n from (select distinct handler_id from queued) q
)
select (select count(*)::int from due), (select n::int from told)`

// FireTimers readies the steps whose time has come, and returns how many timers it took. Processes that fire at once
// share the work.
func (s *Store) FireTimers(ctx context.Context) (int, error) {
	var fired, told int
	if err := s.engine.QueryRow(ctx, fireTimers, timerBatch).Scan(&fired, &told); err != nil {
		return 0, fmt.Errorf("fire timers: %w", err)
	}
	return fired, nil
}

const nextTimer = `/* tasker:next_timer */
select run_at - clock_timestamp() from tasker.step_timers order by run_at limit 1`

// NextTimer is the time until the next timer is due, by the database's clock; ok is false when there is none.
func (s *Store) NextTimer(ctx context.Context) (until time.Duration, ok bool, err error) {
	var left pgtype.Interval
	switch err := notFound(s.engine.QueryRow(ctx, nextTimer).Scan(&left)); err {
	case nil:
		days := time.Duration(left.Days) + 30*time.Duration(left.Months)
		return days*24*time.Hour + time.Duration(left.Microseconds)*time.Microsecond, true, nil
	case ErrNotFound:
		return 0, false, nil
	default:
		return 0, false, fmt.Errorf("find the next timer: %w", err)
	}
}
