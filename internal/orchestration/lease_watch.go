package orchestration

import (
	"math"
	"sync"
	"time"
)

// leaseWatch measures for how long sweeps have found the database at hand without a break. Heartbeats that came in none of
// that time prove a worker lost; before it they may have had nowhere to go.
type leaseWatch struct {
	// longestGap between two sweeps is no break.
	longestGap time.Duration

	mu    sync.Mutex
	since time.Time // zero until something broke the watch
	last  time.Time // zero before the first sweep, and after one that failed
	began bool
}

// unbroken is the watch's length at now.
func (w *leaseWatch) unbroken(now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.began:
		return math.MaxInt64 // the server's own start bounds it
	case w.last.IsZero() || now.Sub(w.last) > w.longestGap:
		return 0
	case w.since.IsZero():
		return math.MaxInt64
	}
	return now.Sub(w.since)
}

// swept tells of a sweep at now.
func (w *leaseWatch) swept(now time.Time, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began && (w.last.IsZero() || now.Sub(w.last) > w.longestGap) {
		w.since = now
	}
	w.began, w.last = true, now
	if err != nil {
		w.last = time.Time{}
	}
}
