package store

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/sdk"
)

// createCall picks the leaner form of the statement where that does, and makes its arguments.
func createCall(batch []NewTask, l Lease) (sql string, args []any) {
	if len(batch) == 1 && batch[0].Delay <= 0 {
		return createTask, createTaskArgs(&batch[0], l)
	}
	n := len(batch)
	delays, requested := make([]int64, n), make([]time.Time, n)
	hashes, parents := make([][]byte, n), make(pgtype.FlatArray[pgtype.UUID], n)
	tags := make(pgtype.FlatArray[pgtype.Text], n)
	for i := range batch {
		t := &batch[i]
		delays[i], requested[i], hashes[i] = t.Delay.Milliseconds(), t.RequestedAt, t.IdentityHash
		parents[i] = idOrNull(t.ParentCorrelationID)
		if len(t.Tags) > 0 {
			tags[i] = pgtype.Text{String: textArray(t.Tags), Valid: true}
		}
	}
	return createTasks, []any{
		ids(n, func(i int) sdk.UUID { return batch[i].TaskUUID }),
		ints(n, func(i int) int32 { return batch[i].TemplateID }),
		ints(n, func(i int) int32 { return batch[i].Priority }),
		hashes,
		ids(n, func(i int) sdk.UUID { return batch[i].CorrelationID }),
		parents,
		texts(n, func(i int) string { return batch[i].Initiator }),
		texts(n, func(i int) string { return batch[i].SourceSystem }),
		texts(n, func(i int) string { return batch[i].Reason }),
		tags,
		texts(n, func(i int) string { return string(batch[i].Context) }),
		requested, delays,
		l.WorkerID, orNone(l.Handlers), l.Budget,
	}
}

const createTask = `/* tasker:create_task */
select what, task_uuid, step_no, attempt, crashes, forgiven, handler_id, name, inputs, checkpoint
from tasker.create_task($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

func createTaskArgs(t *NewTask, l Lease) []any {
	return []any{
		idOrNull(t.TaskUUID), t.TemplateID, t.Priority, t.IdentityHash, idOrNull(t.CorrelationID), idOrNull(t.ParentCorrelationID),
		text(t.Initiator), text(t.SourceSystem), text(t.Reason), t.Tags, text(t.Context), t.RequestedAt,
		l.WorkerID, orNone(l.Handlers), l.Budget,
	}
}

// textArray writes PostgreSQL's text form of a text[].
func textArray(a []string) string {
	b := []byte{'{'}
	for i, v := range a {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		for j := range len(v) {
			if v[j] == '"' || v[j] == '\\' {
				b = append(b, '\\')
			}
			b = append(b, v[j])
		}
		b = append(b, '"')
	}
	return string(append(b, '}'))
}
