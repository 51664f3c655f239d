package transport

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
)

// The channels of NOTIFY, and their payloads.
const (
	ChannelReady     = "tasker_ready"     // a handler's id: steps were queued for it
	ChannelTemplates = "tasker_templates" // "": a template was registered
	ChannelCancel    = "tasker_cancel"    // a task's UUID: it was cancelled
	ChannelResults   = "tasker_results"   // "": results wait to be processed
)

// Listener hears notifications on a connection of its own. It reconnects by itself, and tells when it has, since what was
// said in between is lost.
type Listener struct {
	dsn      string
	channels []string
	hear     func(channel, payload string)
	missed   func()
	logger   *slog.Logger
	up       atomic.Bool
}

// NewListener makes a listener. hear is called for each notification, and missed after each (re)connection; both must not
// wait.
func NewListener(dsn string, channels []string, hear func(channel, payload string), missed func(), logger *slog.Logger) *Listener {
	return &Listener{dsn: dsn, channels: channels, hear: hear, missed: missed, logger: logger}
}

// Connected says whether notifications are being heard.
func (l *Listener) Connected() bool { return l.up.Load() }

// Run listens until ctx is done.
func (l *Listener) Run(ctx context.Context) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 50*time.Millisecond, 5*time.Second
	for ctx.Err() == nil {
		err := l.listen(ctx, wait)
		l.up.Store(false)
		if ctx.Err() != nil {
			return
		}
		pause := wait.NextBackOff()
		l.logger.Warn("notifications are not heard; the queue is looked at regularly instead", "again_in", pause.Round(time.Millisecond), "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (l *Listener) listen(ctx context.Context, wait *backoff.ExponentialBackOff) error {
	conn, err := pgx.Connect(ctx, l.dsn)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing)
		select { // one that was interrupted goes on closing by itself
		case <-conn.PgConn().CleanupDone():
		case <-closing.Done():
		}
	}()
	for _, channel := range l.channels {
		if _, err := conn.Exec(ctx, "listen "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return fmt.Errorf("listen on %s: %w", channel, err)
		}
	}
	l.up.Store(true)
	wait.Reset()
	l.missed()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		l.hear(n.Channel, n.Payload)
	}
}
