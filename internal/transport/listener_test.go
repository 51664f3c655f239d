package transport_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/internal/testkit"
	"github.com/tasker-systems/tasker-go/internal/transport"
)

// ear is a listener that runs until its test ends.
type ear struct {
	*transport.Listener
	heard  chan string
	missed chan struct{}
	stop   func()
	logs   *testkit.Logs
}

func listen(t *testing.T, dsn string, channels ...string) *ear {
	t.Helper()
	e := &ear{heard: make(chan string, 1000), missed: make(chan struct{}, 100), logs: &testkit.Logs{}}
	e.Listener = transport.NewListener(dsn, channels, func(channel, payload string) { e.heard <- channel + " " + payload },
		func() { e.missed <- struct{}{} }, slog.New(slog.NewTextHandler(e.logs, nil)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	e.stop = func() { cancel(); <-done }
	t.Cleanup(e.stop)
	return e
}

func TestAListenerHearsItsChannelsAndNoOthers(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	e := listen(t, db.DSN(), transport.ChannelReady, transport.ChannelCancel)
	testkit.Receive(t, e.missed) // it may have missed what was said before
	require.True(t, e.Connected())
	db.Exec(t, "select pg_notify('tasker_ready', '7'), pg_notify('tasker_results', ''), pg_notify('tasker_cancel', 'x'), pg_notify('tasker_ready', '8')")
	require.Equal(t, "tasker_ready 7", testkit.Receive(t, e.heard))
	require.Equal(t, "tasker_cancel x", testkit.Receive(t, e.heard))
	require.Equal(t, "tasker_ready 8", testkit.Receive(t, e.heard))
	require.Empty(t, e.heard)
	require.Empty(t, e.missed)
	e.stop()
	require.False(t, e.Connected())
	require.Empty(t, e.logs.String(), "an end that was asked for is no trouble")
}

func TestAListenerConnectsAgainAndTellsThatItMayHaveMissedSomething(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	e := listen(t, db.DSN(), transport.ChannelReady)
	for range 3 {
		testkit.Receive(t, e.missed)
		db.Exec(t, "notify tasker_ready, 'before'")
		require.Equal(t, "tasker_ready before", testkit.Receive(t, e.heard))
		const listening = ` from pg_stat_activity where datname = current_database() and query like 'listen %'`
		testkit.Eventually(t, func() bool { return db.Count(t, "select count(*)"+listening) == 1 }, "the one before it stays")
		db.Exec(t, "select pg_terminate_backend(pid)"+listening)
	}
	testkit.Receive(t, e.missed)
	db.Exec(t, "notify tasker_ready, 'after'")
	require.Equal(t, "tasker_ready after", testkit.Receive(t, e.heard))
	e.logs.Await(t, "the queue is looked at regularly instead")
}

func TestAListenerKeepsTryingWithoutSayingAPassword(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-canary"
	e := listen(t, "postgres://u:"+secret+"@127.0.0.1:1/db?connect_timeout=2", transport.ChannelReady)
	require.Eventually(t, func() bool { return bytes.Count([]byte(e.logs.String()), []byte("again_in")) >= 3 }, testkit.Patience, testkit.Moment)
	require.False(t, e.Connected())
	require.Empty(t, e.missed)
	require.NotContains(t, e.logs.String(), secret)
	e.stop()
}

func TestAChannelsNameIsNoStatement(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	odd := `odd"; drop schema tasker cascade; --`
	e := listen(t, db.DSN(), odd)
	testkit.Receive(t, e.missed)
	db.Exec(t, "select pg_notify($1, 'x')", odd)
	require.Equal(t, odd+" x", testkit.Receive(t, e.heard))
	require.Zero(t, db.Count(t, "select count(*) from tasker.tasks"))
}
