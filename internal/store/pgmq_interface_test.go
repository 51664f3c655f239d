package store_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// The interface in plain SQL does what the extension's does, as far as programs that use its queues can tell.
func TestTheInterfaceInPlainSQLIsThatOfPgmq(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]struct{ sql, want string }{
		"a message is read, hidden, shown and deleted": {
			{`select pgmq.create('q')`, ``},
			{`select pgmq.create('q')`, ``}, // again is harmless
			{`select pgmq.send('q', '{"a": 1}')`, `1`},
			{`select msg_id, read_ct, message, vt > clock_timestamp() + interval '25 seconds' from pgmq.read('q', 30, 5)`, `1|1|{"a": 1}|t`},
			{`select count(*) from pgmq.read('q', 30, 5)`, `0`},
			{`select msg_id from pgmq.set_vt('q', 1, 0)`, `1`},
			{`select msg_id, read_ct from pgmq.read('q', 0, 5)`, `1|2`},
			{`select pgmq.delete('q', 1)`, `t`},
			{`select pgmq.delete('q', 1)`, `f`},
		},
		"messages are sent and read in batches, with headers": {
			{`select pgmq.create('q')`, ``},
			{`select pgmq.send_batch('q', array['{"n": 1}', '{"n": 2}', '{"n": 3}']::jsonb[])`, "1\n2\n3"},
			{`select pgmq.send_batch('q', array['{"n": 4}']::jsonb[], array['{"h": 1}']::jsonb[])`, `4`},
			{`select pgmq.send('q', '{"n": 5}', '{"h": 2}'::jsonb)`, `5`},
			{`select message ->> 'n', headers from pgmq.read('q', 30, 2)`, "1|\n2|"},
			{`select message ->> 'n' from pgmq.read('q', 30, 5, '{"n": 5}')`, `5`},
			{`select message ->> 'n', headers ->> 'h' from pgmq.read('q', 30, 9)`, "3|\n4|1"},
			{`select pgmq.delete('q', array[1, 2, 99])`, "1\n2"},
		},
		"a delayed message is not there yet": {
			{`select pgmq.create('q')`, ``},
			{`select pgmq.send('q', '{}', 60)`, `1`},
			{`select pgmq.send('q', '{}', clock_timestamp() + interval '1 hour')`, `2`},
			{`select pgmq.send_batch('q', array['{}']::jsonb[], 60)`, `3`},
			{`select count(*) from pgmq.read('q', 30, 5)`, `0`},
			{`select count(*) from pgmq.read_with_poll('q', 30, 5, 0)`, `0`},
			{`select queue_length, queue_visible_length, total_messages from pgmq.metrics('q')`, `3|0|3`},
		},
		"a message is popped": {
			{`select pgmq.create('q')`, ``},
			{`select pgmq.send_batch('q', array['1', '2', '3']::jsonb[])`, "1\n2\n3"},
			{`select message from pgmq.pop('q')`, `1`},
			{`select message from pgmq.pop('q', 5)`, "2\n3"},
			{`select count(*) from pgmq.pop('q')`, `0`},
		},
		"messages are archived and purged": {
			{`select pgmq.create('q')`, ``},
			{`select pgmq.send_batch('q', array['1', '2', '3', '4']::jsonb[])`, "1\n2\n3\n4"},
			{`select pgmq.archive('q', 2)`, `t`},
			{`select pgmq.archive('q', 2)`, `f`},
			{`select pgmq.archive('q', array[3, 99])`, `3`},
			{`select msg_id, message from pgmq.a_q order by 1`, "2|2\n3|3"},
			{`select pgmq.purge_queue('q')`, `2`},
			{`select count(*) from pgmq.q_q`, `0`},
		},
		"queues are listed and dropped": {
			{`select pgmq.create('Q1')`, ``},
			{`select pgmq.create_unlogged('q2')`, ``},
			{`select queue_name, is_partitioned, is_unlogged from pgmq.list_queues() order by 1 desc`, "q2|f|t\nQ1|f|f"},
			{`select pgmq.send('Q1', '{}')`, `1`},
			{`select queue_name, queue_length from pgmq.metrics_all() order by 1 desc`, "q2|0\nQ1|1"},
			{`select pgmq.drop_queue('Q1')`, `t`},
			{`select pgmq.drop_queue('Q1')`, `f`},
			{`select queue_name from pgmq.list_queues()`, `q2`},
		},
		"one message can be read by its id": {
			{`select pgmq.create('q')`, ``},
			{`select pgmq.send_batch('q', array['1', '2']::jsonb[])`, "1\n2"},
			{`select msg_id, read_ct, message from tasker.pgmq_read_specific_message('q', 2)`, `2|1|2`},
			{`select count(*) from tasker.pgmq_read_specific_message('q', 2)`, `0`},
			{`select tasker.pgmq_extend_vt_specific_message('q', 2, 0), tasker.pgmq_extend_vt_specific_message('q', 3, 0)`, `t|f`},
			{`select msg_id, read_ct from tasker.pgmq_read_specific_message('q', 2)`, `2|2`},
			{`select tasker.pgmq_delete_specific_message('q', 2), tasker.pgmq_delete_specific_message('q', 2)`, `t|f`},
		},
		"a queue's name says its namespace": {
			{`select tasker.extract_queue_namespace(q) from unnest(array['worker_orders_queue', 'orders_queue', 'orchestration_step_results', 'odd']) q`,
				"orders\norders\norchestration\ndefault"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newMessageWorld(t)
			w.db.Exec(t, "select pgmq.drop_queue(queue_name) from pgmq.list_queues()")
			for _, s := range steps {
				got := w.asText(t, s.sql)
				require.Equal(t, s.want, got, s.sql)
			}
		})
	}
	t.Run("a name that is too long or could be more than a name is refused", func(t *testing.T) {
		t.Parallel()
		w := newMessageWorld(t)
		for _, bad := range []string{"a;b", "a--b", "a$b", "a'b", "a1234567890123456789012345678901234567890123456789"} {
			_, err := w.db.Pool(t).Exec(t.Context(), "select pgmq.create($1)", bad)
			require.Error(t, err, bad)
		}
	})
}

// asText is what a query answers, as psql -At would show it.
func (w *world) asText(t testing.TB, sql string) string {
	t.Helper()
	rows, err := w.db.Pool(t).Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		return string(bytes.Join(row.RawValues(), []byte("|"))), nil
	})
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}
