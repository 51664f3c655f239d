package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

func TestEveryStateOfTheDatabaseHasItsRemedy(t *testing.T) {
	t.Parallel()
	for remedy, states := range map[store.Remedy]string{
		store.RemedyRetry: `40001 serialization failure, 40P01 deadlock, 55P03 lock not available, 53100 disk full, 53200 out of memory,
			53300 too many connections, 57014 query canceled by a timeout`,
		store.RemedyReconnect: `08000 connection exception, 08001 cannot connect, 08003 no connection, 08004 connection rejected, 08006 connection failure,
			57P01 admin shutdown, 57P02 crash shutdown, 57P03 cannot connect now, 25006 read-only, 26000 unknown prepared statement, 42P05 duplicate prepared statement`,
		store.RemedyRefuse: `22P05 NUL, 22P02 invalid text, 22021 not UTF-8, 22003 out of range, 54000 program limit, 54001 too complex,
			23502 not null, 23503 foreign key, 23505 unique, 23514 check`,
		store.RemedyStop: `42501 insufficient privilege, 42601 syntax error, 42703 undefined column, 42804 datatype mismatch, 42883 undefined function,
			42P01 undefined table`,
		store.RemedyNone: `P0001 raised, XX000 internal error, 0A000 not supported`,
	} {
		for state := range strings.SplitSeq(states, ",") {
			code, name, _ := strings.Cut(strings.TrimSpace(state), " ")
			err := fmt.Errorf("apply 1 outcomes: %w", &pgconn.PgError{Code: code, Message: name})
			require.Equal(t, remedy, store.Classify(err), "%s %s", code, name)
		}
	}
}

func TestErrorsOfTheConnectionAreMetByReconnecting(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want store.Remedy
	}{
		"none":                           {nil, store.RemedyNone},
		"no row":                         {pgx.ErrNoRows, store.RemedyNone},
		"the caller gave up":             {context.Canceled, store.RemedyNone},
		"something else":                 {errors.New("something else"), store.RemedyNone},
		"end of file":                    {io.EOF, store.RemedyReconnect},
		"in the middle of a message":     {io.ErrUnexpectedEOF, store.RemedyReconnect},
		"closed under way":               {net.ErrClosed, store.RemedyReconnect},
		"closed before":                  {errors.New("conn closed"), store.RemedyReconnect},
		"the pool was closed":            {errors.New("closed pool"), store.RemedyReconnect},
		"the network takes too long":     {&net.OpError{Op: "read", Err: timeout{}}, store.RemedyReconnect},
		"the statement takes too long":   {context.DeadlineExceeded, store.RemedyReconnect},
		"the server cannot be reached":   {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, store.RemedyReconnect},
		"the name cannot be looked up":   {&net.DNSError{Err: "no such host"}, store.RemedyReconnect},
		"the server shuts down, wrapped": {errors.Join(errors.New("x"), &pgconn.PgError{Code: "57P01"}), store.RemedyReconnect},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, store.Classify(tt.err))
			if tt.err != nil {
				require.Equal(t, tt.want, store.Classify(fmt.Errorf("claim steps: %w", tt.err)))
			}
		})
	}
}

type timeout struct{}

func (timeout) Error() string { return "i/o timeout" }
func (timeout) Timeout() bool { return true }

func TestErrorsOfARealServerHaveTheirRemedies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, store.RemedyReconnect, store.Classify(func() error {
		_, err := store.Open(t.Context(), "postgres://u@127.0.0.1:1/db?connect_timeout=2", store.Options{})
		return err
	}()))
	closed, err := store.Open(t.Context(), w.db.DSN(), store.Options{})
	require.NoError(t, err)
	closed.Close()
	_, _, err = closed.ClaimSteps(t.Context(), store.Lease{})
	require.Equal(t, store.RemedyReconnect, store.Classify(err), "%v", err)
	require.Error(t, closed.Ping(t.Context()))

	gone := emptyDatabase(t)
	s, err := store.Open(t.Context(), gone.DSN(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	_, _, err = s.ClaimSteps(t.Context(), store.Lease{})
	require.Equal(t, store.RemedyStop, store.Classify(err), "%v", err)
}

func TestAStatementThatIsCutOffIsTriedOnANewConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	template := w.register(t, single)
	l := w.worker(t, 1)
	task := w.create(t, template, l)
	tx, err := w.db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(context.Background())
	_, err = tx.Exec(t.Context(), "select from tasker.workflow_steps for update")
	require.NoError(t, err)
	cut := make(chan error, 1)
	go func() {
		_, err := w.ApplyOutcomes(t.Context(), completedNow(task), l)
		cut <- err
	}()
	testkit.Eventually(t, func() bool {
		return w.db.Count(t, `select count(pg_terminate_backend(pid)) from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock' and query like '/* tasker:end_attempt %'`) == 1
	}, "nothing waits for the lock")
	err = <-cut
	require.Equal(t, store.RemedyReconnect, store.Classify(err), "%v", err)
	require.NoError(t, tx.Rollback(t.Context()))
	require.Len(t, w.apply(t, l, completedNow(task)...).Ended, 1)
}

func completedNow(task [16]byte) []store.Outcome {
	return []store.Outcome{outcome(task, 0, 1, store.OutcomeComplete)}
}

const secret = "hunter2-canary"

func TestAPasswordIsNeverPartOfAnError(t *testing.T) {
	t.Parallel()
	real, err := pgx.ParseConfig(testdb.New(t).DSN())
	require.NoError(t, err)
	for name, dsn := range map[string]string{
		"a URL, no server":             "postgres://u:" + secret + "@127.0.0.1:1/db?connect_timeout=2",
		"a URL that cannot be parsed":  "postgres://u:" + secret + "@localhost:notaport/db",
		"a URL with a bad option":      "postgres://u:" + secret + "@localhost/db?sslmode=nonsense",
		"keywords, no server":          "host=127.0.0.1 port=1 user=u password=" + secret + " connect_timeout=2",
		"keywords with a bad option":   "host=localhost port=notaport user=u password=" + secret,
		"a quoted password":            "host=localhost port=notaport user=u password='my " + secret + "'",
		"an option of a URL":           "postgres://u@localhost:notaport/db?password=" + secret,
		"a database that is not there": fmt.Sprintf("host=%s port=%d user=%s password=%s dbname=no_such_database sslmode=disable", real.Host, real.Port, real.User, secret),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, openErr := store.Open(t.Context(), dsn, store.Options{})
			migrateErr := store.Migrate(t.Context(), dsn)
			_, effectsErr := store.OpenEffects(t.Context(), dsn)
			for _, err := range []error{openErr, migrateErr, effectsErr} {
				require.Error(t, err)
				require.NotContains(t, err.Error(), secret)
				require.NotContains(t, fmt.Sprintf("%+v %q", err, err), secret)
			}
		})
	}
}
