package bridge

import (
	"context"
	"log/slog"
	"time"
)

// Library is the state of the library in a process.
type Library struct {
	opts    Options
	workers table[*worker]
	clients table[*client]
	tokens  table[heldStep]
	waits   table[*wait]
	tasks   supervisor
	logs    *logRing

	processors processors
}

// rememberedTokens are the ended tokens whose end is remembered, so that a late call is told it.
const rememberedTokens = 4096

// New makes the library.
func New(o Options) *Library {
	l := &Library{opts: o,
		workers: table[*worker]{kind: kindWorker}, clients: table[*client]{kind: kindClient},
		tokens: table[heldStep]{kind: kindToken, linger: rememberedTokens}, waits: table[*wait]{kind: kindWait},
	}
	l.logs = newLogRing(orDefault(o.LogRecords, 4096), l.newSignal())
	l.tasks.logger = l.Logger()
	return l
}

// Logger writes to the ring of log records.
func (l *Library) Logger() *slog.Logger { return slog.New(l.logs.handler()) }

func (l *Library) newSignal() *signal {
	return &signal{onOpen: l.opts.OnOpenFD, onClose: l.opts.OnCloseFD}
}

// Reply is the answer to a call of the host.
type Reply struct {
	Code Code
	// Document is for the host: a result, or an error.
	Document []byte
	// Wait tells the caller to wait and ask again, if it has the time.
	Wait Waiting
}

// Waiting is a promise to keep a descriptor open until [Library.WaitDone]. The zero value is none.
type Waiting struct {
	FD int
	ID uint64
	// Watched is another descriptor that ends the wait, or -1. Nothing keeps it open: if it is closed meanwhile, what it tells means
	// nothing.
	Watched int
}

func ok(document any) Reply { return Reply{Code: OK, Document: encode(document)} }

func fail(err error) Reply {
	e := toError(err)
	return Reply{Code: e.Code, Document: e.Document()}
}

// Panicked is the answer of a call that panicked.
func (l *Library) Panicked(what string, value any, stack []byte) Reply {
	l.tasks.panics.Add(1)
	l.Logger().Error("a panic was caught in the library", "while", what, "panic", value, "stack", string(stack))
	return fail(Errorf(EPanic, "%s: %v; this is a bug in the library, which goes on as it can", what, value).With("stack", string(stack[:min(len(stack), 4096)])))
}

func (l *Library) worker(h uint64) (*worker, error) {
	w, _, ok, known := l.workers.get(handle(h))
	if !ok {
		return nil, badHandle("worker", known)
	}
	return w, nil
}

// endpoint finds a worker or a client.
func (l *Library) endpoint(h uint64) (*endpoint, error) {
	if w, _, ok, _ := l.workers.get(handle(h)); ok {
		return w.endpoint, nil
	}
	c, _, ok, known := l.clients.get(handle(h))
	if !ok {
		return nil, badHandle("worker or client", known)
	}
	return c.endpoint, nil
}

func badHandle(kind string, known bool) error {
	if known {
		return Errorf(EHandle, "the %s was freed", kind).With("reason", "freed")
	}
	return Errorf(EHandle, "no such %s", kind).With("reason", "unknown")
}

// deadline turns a timeout of the host into a context: negative is without limit.
func deadline(parent context.Context, timeoutMS int32) (context.Context, context.CancelFunc) {
	if timeoutMS < 0 {
		return context.WithCancel(parent)
	}
	return context.WithTimeout(parent, time.Duration(timeoutMS)*time.Millisecond)
}
