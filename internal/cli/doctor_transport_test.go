package cli_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheDoctorNamesTheTransportAndLooksAfterIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Regexp(t, `\nok  transport   postgres: rows, and notifications about them\n`, w.must("doctor"))

	w.write("t.yaml", "name: t\nnamespace_name: n\nversion: 1.0.0\nsteps:\n  - name: a\n    handler: {callable: noop}\n")
	w.must("template", "register", "t.yaml")
	healthy := `\nok  transport   pgmq by (its interface in plain SQL|the extension \S+): 3 queues\n`
	require.Regexp(t, healthy, w.must("doctor", "--transport", "pgmq"))
	require.Regexp(t, `\nwarn  transport   the database sends messages by pgmq, and this configuration reads none`, w.must("doctor"))

	w.db.Exec(t, "select pgmq.archive('worker_n_queue', pgmq.send('worker_n_queue', '{}'))")
	require.Regexp(t, `\nwarn  messages    1 message set aside, since they could not be processed`, w.must("doctor", "--transport", "pgmq"))
	w.db.Exec(t, "truncate pgmq.a_worker_n_queue")

	broken := func(found string) {
		t.Helper()
		a := w.run("doctor", "--transport", "pgmq")
		require.Equal(t, 1, a.code)
		require.Regexp(t, `\nfail  transport   `+found, a.stdout)
		w.must("migrate", "--transport", "postgres")
		require.Regexp(t, healthy, w.must("doctor", "--transport", "pgmq"), "what it says puts it right")
	}
	w.db.Exec(t, "alter table tasker.step_results_queue disable trigger step_results_told")
	broken("pgmq, but the database tells of no work: step_results_told not there or disabled")
	w.db.Exec(t, "select pgmq.drop_queue('worker_n_queue')")
	broken("pgmq without the queues worker_n_queue")
}
