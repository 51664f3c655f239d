-- What operators need: a task can be held, and what went wrong is kept until somebody has looked at it.

-- Set while a task is paused. Its open steps then wait for one thing more than their parents.
alter table tasker.tasks add column paused_at timestamptz;

-- The tasks in state blocked_by_failures, so that they are found without reading all others. The trigger keeps it exact
-- whatever statement moves the task; reported_at is set once the failure is in the dead letters.
create table tasker.blocked_tasks (
  task_uuid uuid primary key,
  blocked_at timestamptz not null default clock_timestamp(),
  reported_at timestamptz
);

create function tasker.note_blocked() returns trigger language plpgsql as $$
begin
  if new.state = 'blocked_by_failures' then
    insert into tasker.blocked_tasks (task_uuid) values (new.task_uuid);
  else
    delete from tasker.blocked_tasks where task_uuid = new.task_uuid;
  end if;
  return null;
end $$;

create trigger tasks_blocked after update of state on tasker.tasks for each row
when ((old.state = 'blocked_by_failures') <> (new.state = 'blocked_by_failures'))
execute function tasker.note_blocked();

insert into tasker.blocked_tasks (task_uuid) select task_uuid from tasker.tasks where state = 'blocked_by_failures';

create type tasker.dlq_reason as enum (
  'staleness_timeout', 'max_retries_exceeded', 'dependency_cycle_detected', 'worker_unavailable', 'manual_dlq', 'permanent_failure');
create type tasker.dlq_resolution_status as enum ('pending', 'manually_resolved', 'permanently_failed', 'cancelled');

-- Dead letters: a ledger of investigations beside the tasks, which keep their own state.
create table tasker.tasks_dlq (
  dlq_entry_uuid uuid primary key default gen_random_uuid(),
  task_uuid uuid not null,
  original_state tasker.task_state not null,
  dlq_reason tasker.dlq_reason not null,
  dlq_timestamp timestamptz not null default clock_timestamp(),
  resolution_status tasker.dlq_resolution_status not null default 'pending',
  resolution_timestamp timestamptz,
  resolution_notes text,
  resolved_by text,
  task_snapshot jsonb not null,
  metadata jsonb,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
create unique index tasks_dlq_pending on tasker.tasks_dlq (task_uuid) where resolution_status = 'pending';
create index tasks_dlq_task on tasker.tasks_dlq (task_uuid, dlq_timestamp);
create index tasks_dlq_time on tasker.tasks_dlq (dlq_timestamp);
