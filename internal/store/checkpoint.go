package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/tasker-systems/tasker-go/sdk"
)

// historyKept bounds the history of a step's checkpoints, the present one included.
const historyKept = 20

var saveCheckpoint = `/* tasker:save_checkpoint */
update tasker.workflow_steps s set checkpoint = (
  select jsonb_build_object('cursor', $4::text::jsonb, 'items_processed', $5::bigint, 'timestamp', n.at,
      'history', coalesce((
        select jsonb_agg(h.mark order by h.i) from jsonb_array_elements(s.checkpoint -> 'history') with ordinality as h(mark, i)
        where h.i > jsonb_array_length(s.checkpoint -> 'history') - ` + strconv.Itoa(historyKept-1) + `), '[]')
        || jsonb_build_object('cursor', $4::text::jsonb, 'timestamp', n.at))
    || case when $6::text is null then '{}' else jsonb_build_object('accumulated_results', $6::text::jsonb) end
  from (select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at) n)
where s.task_uuid = $1 and s.step_no = $2 and s.attempt = $3 and s.state = 'in_progress'
returning s.checkpoint::text`

// SaveCheckpoint stores how far an attempt got, in place of what was stored before, and returns the checkpoint as it now
// stands: with its time and the history of the latest ones. It stays with the step until the step is run anew. An attempt that
// is over is [ErrNotFound].
func (s *Store) SaveCheckpoint(ctx context.Context, task sdk.UUID, stepNo, attempt int32, cursor json.RawMessage, items int64, results json.RawMessage) (json.RawMessage, error) {
	var raw string
	err := s.engine.QueryRow(ctx, saveCheckpoint, pgtype.UUID{Bytes: task, Valid: true}, stepNo, attempt, string(cursor), items,
		textOrNull(results)).Scan(&raw)
	if err != nil {
		return nil, fmt.Errorf("save the checkpoint of step %s: %w", sdk.StepUUID(task, stepNo), notFound(err))
	}
	return json.RawMessage(raw), nil
}
