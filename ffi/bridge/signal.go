package bridge

import (
	"sync"
	"sync/atomic"
)

// signal is a descriptor that is readable while it is raised, for hosts to wait on in poll(2) or an event loop.
//
// The producer adds to its queue and then raises; the consumer lowers when it found the queue empty, and looks again. So a
// busy queue costs no system call, and no wake-up is lost.
type signal struct {
	// onOpen and onClose hear of the descriptor, for the fork handler. They may be nil.
	onOpen, onClose func(fd int)

	raised atomic.Bool
	waits  atomic.Int32
	freed  atomic.Bool
	mu     sync.Mutex
	fd     fdPair
	open   bool
	final  bool // raised for good
}

// raise makes the descriptor readable.
func (s *signal) raise() {
	if s.raised.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.raised.Swap(true) && s.open {
		s.fd.write()
	}
}

// lower makes the descriptor unreadable, unless again still says that there is something.
func (s *signal) lower(again func() bool) {
	if s.raised.Load() {
		s.mu.Lock()
		if s.raised.Load() && !s.final {
			if s.open {
				s.fd.drain()
			}
			s.raised.Store(false)
		}
		s.mu.Unlock()
	}
	if again() {
		s.raise()
	}
}

// finish raises for good.
func (s *signal) finish() {
	s.mu.Lock()
	s.final = true
	s.mu.Unlock()
	s.raise()
}

// descriptor opens the descriptor if need be. It stays open until free.
func (s *signal) descriptor() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openLocked()
}

func (s *signal) openLocked() (int, error) {
	if s.freed.Load() {
		return -1, Errorf(EHandle, "the handle is freed")
	}
	if !s.open {
		fd, err := openFD()
		if err != nil {
			return -1, Errorf(EInternal, "open an event descriptor: %s", err)
		}
		s.fd, s.open = fd, true
		if s.onOpen != nil {
			s.onOpen(fd.read)
		}
		if s.raised.Load() {
			s.fd.write()
		}
	}
	return s.fd.read, nil
}

// wait returns the descriptor for one wait, and keeps it open until done.
func (s *signal) wait() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fd, err := s.openLocked()
	if err == nil {
		s.waits.Add(1)
	}
	return fd, err
}

// done takes no lock that raise may hold: a thread of the host that had to wait for one would cost the scheduler two more
// switches.
func (s *signal) done() {
	if s.waits.Add(-1) == 0 && s.freed.Load() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closeIfUnused()
	}
}

func (s *signal) waiting() bool { return s.waits.Load() > 0 }

// free raises for good and closes the descriptor as soon as nobody waits on it: closed sooner, its number might be another
// file's by then.
func (s *signal) free() {
	s.finish()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freed.Store(true)
	s.closeIfUnused()
}

func (s *signal) closeIfUnused() {
	if s.freed.Load() && s.waits.Load() == 0 && s.open {
		if s.onClose != nil {
			s.onClose(s.fd.read)
		}
		s.fd.close()
		s.open = false
	}
}
