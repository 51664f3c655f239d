package bridge

import (
	"context"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
)

// processors gives the Go scheduler more processors (GOMAXPROCS) than it has by default while few steps are under way.
//
// A thread of the host that called in keeps a processor for a while after it has returned: to the scheduler it is in a system
// call that may end at once. With as many processors as CPUs there is then none left when the database answers or another
// thread calls, until the scheduler's monitor takes one back, about 100 µs later. Under load none is left unused for long, and
// more of them would only compete for the CPUs.
//
// A GOMAXPROCS in the environment is the user's own choice, and is left alone.
type processors struct {
	mu    sync.Mutex
	steps map[*dispatch.FfiDispatchChannel]struct{}
	extra bool
}

const (
	// spareProcessors are for the thread that ended a step and the one that waits for the next.
	spareProcessors = 2
	// lookAtLoad is how often the load is looked at. A change stops all goroutines for some 50 µs.
	lookAtLoad = 250 * time.Millisecond
)

// serve counts the steps of a worker until ctx is done.
func (p *processors) serve(ctx context.Context, steps *dispatch.FfiDispatchChannel) {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	p.join(steps)
	defer p.leave(steps)
	tick := time.NewTicker(lookAtLoad)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.adjust()
		case <-ctx.Done():
			return
		}
	}
}

func (p *processors) join(steps *dispatch.FfiDispatchChannel) {
	p.mu.Lock()
	if p.steps == nil {
		p.steps = map[*dispatch.FfiDispatchChannel]struct{}{}
	}
	p.steps[steps] = struct{}{}
	p.mu.Unlock()
	p.adjust()
}

func (p *processors) leave(steps *dispatch.FfiDispatchChannel) {
	p.mu.Lock()
	delete(p.steps, steps)
	p.mu.Unlock()
	p.adjust()
}

func (p *processors) adjust() {
	p.mu.Lock()
	defer p.mu.Unlock()
	underWay := 0
	for s := range p.steps {
		underWay += s.UnderWay()
	}
	extra := len(p.steps) > 0 && underWay <= runtime.NumCPU()
	if extra == p.extra {
		return
	}
	p.extra = extra
	runtime.SetDefaultGOMAXPROCS()
	if extra {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + spareProcessors)
	}
}
