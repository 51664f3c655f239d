-- Domain events that were published durably, a queue for each namespace. Applications read it; the engine only appends.
-- Within a namespace, ids appear in the order of commits: a reader that has seen an id has missed none before it.
create table tasker.domain_events (
  id bigint generated always as identity,
  namespace text not null,
  event_id uuid not null unique,
  event_name text not null,
  body jsonb not null,
  published_at timestamptz not null default clock_timestamp(),
  primary key (namespace, id)
);
