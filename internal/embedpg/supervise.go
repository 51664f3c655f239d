package embedpg

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	superviseEvery = 200 * time.Millisecond // how often a supervised server is looked at
	minBackoff     = 100 * time.Millisecond // after a restart that failed; doubles up to maxBackoff
	maxBackoff     = 10 * time.Second
)

// Supervise restarts the server whenever it dies, until ctx is done or Close is called, and returns at once. Processes
// that supervise the same server agree on who restarts it. Users' connections break with the server: they reconnect.
func (s *Server) Supervise(ctx context.Context) {
	s.guards.post(ctx, func(ctx context.Context) {
		for pause(ctx, superviseEvery) == nil {
			if s.PostmasterPID() != 0 {
				continue
			}
			for backoff := minBackoff; !s.revive(ctx) && pause(ctx, backoff) == nil; {
				backoff = min(2*backoff, maxBackoff)
			}
		}
	})
}

// revive makes one attempt to restart a server that died.
func (s *Server) revive(ctx context.Context) (done bool) {
	s.log.Warn("the private PostgreSQL server died; restarting it", "data_dir", s.dataDir, "log", s.LogPath())
	err := s.Start(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.Error("the private PostgreSQL server could not be restarted; trying again", "error", err)
	}
	return err == nil
}

// guards are the goroutines that supervise a server. Once dismissed, no more can be posted.
type guards struct {
	mu        sync.Mutex
	dismissed bool
	cancels   []context.CancelFunc
	running   sync.WaitGroup
}

func (g *guards) post(ctx context.Context, guard func(context.Context)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dismissed {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	g.cancels = append(g.cancels, cancel)
	g.running.Go(func() { guard(ctx) })
}

func (g *guards) dismiss() {
	g.mu.Lock()
	g.dismissed = true
	for _, cancel := range g.cancels {
		cancel()
	}
	g.mu.Unlock()
	g.running.Wait()
}
