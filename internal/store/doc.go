// Package store keeps tasks, steps and workers in PostgreSQL, which is the only source of truth. Each hot operation is one
// fused statement over a batch; the SQL stands beside the method that runs it, and is named for pg_stat_activity.
//
// Ownership: a step in progress belongs to one attempt of one worker. Every later write names that attempt, and a write
// that names an older one changes nothing. Lock order, held by sorting every batch: steps by (task, number), then tasks.
package store
