package e2e

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// deadly kills its process at a statement, or at the commit of a transaction that makes a task grow.
type deadly struct {
	at    string
	after bool
	grows atomic.Uint32 // the backend of such a transaction
}

func (d *deadly) TraceQueryStart(ctx context.Context, conn *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.Contains(q.SQL, "tasker:lock_growth ") {
		d.grows.Store(conn.PgConn().PID())
	}
	here := strings.Contains(q.SQL, "tasker:"+d.at+" ") || q.SQL == "commit" && d.at == "commit" && d.grows.Load() == conn.PgConn().PID()
	if here && !d.after {
		die()
	}
	return context.WithValue(ctx, d, here)
}

func (d *deadly) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if here, _ := ctx.Value(d).(bool); here && d.after {
		die()
	}
}

func die() {
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {}
}

// growthTrace keeps the names of the statements in transactions that lock what they end.
type growthTrace struct {
	mu    sync.Mutex
	open  map[uint32][]string // by backend
	names map[string]bool
}

func (g *growthTrace) TraceQueryStart(ctx context.Context, conn *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	g.mu.Lock()
	defer g.mu.Unlock()
	backend := conn.PgConn().PID()
	sent, within := g.open[backend]
	switch name := statementName.FindStringSubmatch(q.SQL); {
	case q.SQL == "begin":
		g.open[backend] = []string{}
	case q.SQL == "commit":
		if slices.Contains(sent, "lock_growth") || slices.Contains(sent, "lock_outcomes") {
			for _, n := range append(sent, "commit") {
				g.names[n] = true
			}
		}
		delete(g.open, backend)
	case name != nil && within:
		g.open[backend] = append(sent, name[1])
	}
	return ctx
}

func (g *growthTrace) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
