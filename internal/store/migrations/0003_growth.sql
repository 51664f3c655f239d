-- The batches of a task: one row for each batchable step that was split. Their steps are numbered worker_no plus a multiple of
-- stride, the number of steps of the template. Those beyond the first `released` ones are held: each waits for one thing more
-- than its parents, until a batch before it has ended.
create table tasker.step_batches (
  task_uuid uuid not null,
  -- The template's number of the step of type batch_worker.
  worker_no int not null,
  -- The batchable step.
  split_no int not null,
  stride int not null,
  batches int not null,
  -- How many may run at once.
  parallelism int not null,
  released int not null,
  -- The first batch that fails for good ends the others.
  fail_fast boolean not null,
  primary key (task_uuid, worker_no)
);
create index step_batches_held on tasker.step_batches (task_uuid) where released < batches;
