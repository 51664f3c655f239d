-- The engine's tables. Two rules shape them:
--   * No index, and no partial index predicate, stands on a column of workflow_steps that changes, so that every step
--     update is a heap-only (HOT) one. Queues, timers and claims are small tables of their own.
--   * Hot tables carry no foreign keys; `tasker check` asserts what they would.

create type tasker.task_state as enum (
  'pending', 'initializing', 'enqueuing_steps', 'steps_in_process', 'evaluating_results', 'waiting_for_dependencies',
  'waiting_for_retry', 'blocked_by_failures', 'complete', 'error', 'cancelled', 'resolved_manually');

create type tasker.step_state as enum (
  'pending', 'enqueued', 'in_progress', 'enqueued_for_orchestration', 'enqueued_as_error_for_orchestration',
  'waiting_for_retry', 'complete', 'error', 'cancelled', 'resolved_manually');

create type tasker.identity_strategy as enum ('strict', 'caller_provided', 'always_unique');

-- A handler is what steps are queued by: a callable within a namespace. offered_at is set once any worker has had it.
create table tasker.handlers (
  handler_id int generated always as identity primary key,
  namespace text not null,
  callable text not null,
  offered_at timestamptz,
  unique (namespace, callable)
);

create table tasker.task_namespaces (
  name text primary key,
  description text,
  created_at timestamptz not null default clock_timestamp()
);

-- A row never changes once tasks run by it: new content under the same version is a new row that supersedes the old one.
create table tasker.task_templates (
  template_id int generated always as identity primary key,
  namespace text not null,
  name text not null,
  version text not null,
  description text,
  content_hash text not null,
  identity_strategy tasker.identity_strategy not null default 'strict',
  definition jsonb not null,
  root_count int not null,
  sink_count int not null,
  step_count int not null,
  registered_at timestamptz not null default clock_timestamp(),
  superseded_at timestamptz
);
create unique index task_templates_current on tasker.task_templates (namespace, name, version) where superseded_at is null;

-- The numbered steps of a template. initial ones are created with the task.
create table tasker.template_steps (
  template_id int not null references tasker.task_templates on delete cascade,
  step_no int not null,
  name text not null,
  handler_id int not null references tasker.handlers,
  initial boolean not null,
  sink boolean not null,
  waiting_on int not null,
  parents int[] not null,
  children int[] not null,
  primary key (template_id, step_no)
);

create table tasker.tasks (
  task_uuid uuid primary key,
  template_id int not null,
  state tasker.task_state not null,
  priority int not null,
  -- Final steps still open. Zero means complete, so that other steps never touch this row.
  sinks_left int not null,
  -- Steps in state error. Above zero the task is blocked_by_failures.
  failed_steps int not null default 0,
  identity_hash bytea not null,
  correlation_id uuid not null,
  parent_correlation_id uuid,
  initiator text,
  source_system text,
  reason text,
  tags text[] not null default '{}',
  context jsonb not null,
  requested_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  start_at timestamptz,
  completed_at timestamptz
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create unique index tasks_identity on tasker.tasks (identity_hash);
create index tasks_template on tasker.tasks (template_id);

create table tasker.workflow_steps (
  task_uuid uuid not null,
  step_no int not null,
  state tasker.step_state not null,
  -- Parents that are neither complete nor resolved yet.
  waiting_on int not null,
  -- Claims so far. The number of the latest one is the fencing token: what does not name it changes nothing.
  attempt int not null default 0,
  crashes int not null default 0,
  forgiven int not null default 0,
  worker_id int,
  handler_id int not null,
  priority int not null,
  sink boolean not null,
  run_at timestamptz,
  name text not null,
  children int[] not null,
  -- Null: the parents are those of the template's step of the same number.
  parents int[],
  inputs jsonb,
  checkpoint jsonb,
  -- What the handler returned, and what there is to say beside it: error, metadata.
  result jsonb,
  outcome jsonb,
  primary key (task_uuid, step_no)
) with (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.05);

-- Steps that wait for a worker. A row is inserted and deleted, never updated.
create table tasker.ready_steps (
  ready_id bigint generated always as identity,
  handler_id int not null,
  priority int not null,
  step_no int not null,
  task_uuid uuid not null,
  ready_at timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index ready_steps_order on tasker.ready_steps (handler_id, priority desc, ready_id);

-- Steps that wait for a time: retries and delayed starts.
create table tasker.step_timers (
  run_at timestamptz not null,
  task_uuid uuid not null,
  step_no int not null,
  attempt int not null,
  primary key (run_at, task_uuid, step_no)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

-- A worker's life, from its registration until it stops or its lease runs out. A process that lost its lease comes back
-- as a new worker.
create table tasker.workers (
  worker_id int generated always as identity primary key,
  name text not null,
  hostname text not null,
  pid int not null,
  version text not null,
  namespaces text[] not null default '{}',
  -- The handlers it offers.
  handlers int[] not null default '{}',
  slots int not null,
  busy int not null default 0,
  started_at timestamptz not null default clock_timestamp(),
  heartbeat_at timestamptz not null default clock_timestamp(),
  lease_ms int not null,
  lease_until timestamptz not null,
  stopped_at timestamptz
) with (fillfactor = 50);

-- Where to look for a lost worker's steps: the tasks it may hold steps of.
create table tasker.task_claims (
  worker_id int not null,
  task_uuid uuid not null,
  primary key (task_uuid, worker_id)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index task_claims_worker on tasker.task_claims (worker_id);

-- The audit trail of steps: one row for each statement that moved a step, with all the states it walked through. The first
-- of path is where the step stood; a step's first row starts at pending.
create table tasker.step_transitions (
  transition_id bigint generated always as identity,
  task_uuid uuid not null,
  step_no int not null,
  attempt int not null,
  worker_id int,
  exec_ms int,
  at timestamptz not null default clock_timestamp(),
  path tasker.step_state[] not null,
  detail jsonb
);
create index step_transitions_step on tasker.step_transitions (task_uuid, step_no);

create table tasker.task_transitions (
  transition_id bigint generated always as identity,
  task_uuid uuid not null,
  at timestamptz not null default clock_timestamp(),
  path tasker.task_state[] not null,
  detail jsonb
);
create index task_transitions_task on tasker.task_transitions (task_uuid);

-- The ledger of attempts, read off the transitions. The outcome is the state that the attempt left its step in; of a
-- result that waits for a server it is the state it waits in.
create view tasker.step_attempts as
select c.task_uuid, c.step_no, c.attempt, c.worker_id, c.at as claimed_at, e.at as ended_at, e.exec_ms,
       coalesce(d.path[array_upper(d.path, 1)], e.path[array_upper(e.path, 1)]) as outcome, e.detail
from tasker.step_transitions c
left join tasker.step_transitions e
  on e.task_uuid = c.task_uuid and e.step_no = c.step_no and e.attempt = c.attempt
 and e.path[1] = 'in_progress'
left join tasker.step_transitions d
  on d.task_uuid = e.task_uuid and d.step_no = e.step_no and d.attempt = e.attempt
 and d.path[1] in ('enqueued_for_orchestration', 'enqueued_as_error_for_orchestration')
where c.path[array_upper(c.path, 1)] = 'in_progress';

-- Results that a worker stored and a server has yet to process (orchestration mode "queue").
create table tasker.step_results_queue (
  result_id bigint generated always as identity primary key,
  task_uuid uuid not null,
  step_no int not null,
  attempt int not null,
  -- Taken by a server until then.
  hidden_until timestamptz not null default '-infinity'
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
