package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tasker-systems/tasker-go/sdk"
)

// endsChannel is where the benchmark's database tells of tasks that have ended, whoever ended them.
const endsChannel = "tasker_bench_ends"

// tellEnds has the database tell. A notification holds up to 8000 bytes: 200 UUIDs and the commas between them.
const tellEnds = `
create function bench_tell_ends() returns trigger language plpgsql as $$
begin
  perform pg_notify('` + endsChannel + `', string_agg(task_uuid::text, ','))
    from (select task_uuid, (row_number() over () - 1) / 200 as part from ended where state = 'complete') tasks group by part;
  return null;
end $$;
create trigger bench_tell_ends after update on tasker.tasks referencing new table as ended
  for each statement execute function bench_tell_ends()`

// endsListener hears of tasks that ended in processes that have no way of their own to tell.
type endsListener struct {
	conn *pgx.Conn
	stop context.CancelFunc
	done chan struct{}
}

// listenEnds calls ended with each task that completes, and lost if it cannot hear any more.
func listenEnds(ctx context.Context, dsn string, ended func(sdk.UUID), lost func(error)) (*endsListener, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("connect to hear of ended tasks: %w", err)
	}
	for _, sql := range []string{tellEnds, "listen " + endsChannel} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return nil, errors.Join(fmt.Errorf("have the database tell of ended tasks: %w", err), conn.Close(ctx))
		}
	}
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &endsListener{conn: conn, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for {
			n, err := conn.WaitForNotification(listening)
			if err != nil {
				if listening.Err() == nil {
					lost(fmt.Errorf("hear of ended tasks: %w", err))
				}
				return
			}
			for text := range strings.SplitSeq(n.Payload, ",") {
				if task, err := sdk.ParseUUID(text); err == nil {
					ended(task)
				}
			}
		}
	}()
	return l, nil
}

func (l *endsListener) close() {
	l.stop()
	<-l.done
	_ = l.conn.Close(context.Background())
}
