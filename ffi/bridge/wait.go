package bridge

// Alloc returns memory of the host for n bytes, or nil.
type Alloc func(n int) []byte

// source is something that hosts wait for.
type source interface {
	// take puts frames into memory of the host. Timeout means that there are none; if it is final the caller shall return
	// it to the host rather than wait.
	take(limit, maxBytes int, waits bool, alloc Alloc) (code Code, final bool)
	bell() *signal
}

// The bounds of a poll.
const (
	defaultFrames = 32
	mostFrames    = 10_000
	defaultBytes  = 1 << 20
)

// Poll takes frames of a worker or a client. With waits, an answer of Timeout that carries a Wait asks to be waited for.
func (l *Library) Poll(h uint64, maxFrames int32, maxBytes uint32, waits bool, alloc Alloc) Reply {
	e, err := l.endpoint(h)
	if err != nil {
		return fail(err)
	}
	return l.poll(e, maxFrames, maxBytes, waits, alloc)
}

func (l *Library) poll(s source, maxFrames int32, maxBytes uint32, waits bool, alloc Alloc) Reply {
	limit, size, err := bounds(maxFrames, maxBytes)
	if err != nil {
		return fail(err)
	}
	code, final := s.take(limit, size, waits, alloc)
	if code != Timeout || final || !waits {
		return Reply{Code: code}
	}
	return l.beginWait(s, Reply{Code: Timeout})
}

// PollAgain takes frames after a wait, which it ends unless it answers with the same one again.
func (l *Library) PollAgain(id uint64, maxFrames int32, maxBytes uint32, alloc Alloc) Reply {
	s, _, ok, _ := l.waits.get(handle(id))
	limit, size, err := bounds(maxFrames, maxBytes)
	if err != nil || !ok {
		return fail(Errorf(EInternal, "no such wait"))
	}
	code, final := s.take(limit, size, true, alloc)
	if code == Timeout && !final {
		return Reply{Code: Timeout, Wait: Waiting{ID: id}}
	}
	l.WaitDone(id)
	return Reply{Code: code}
}

func (l *Library) beginWait(s source, r Reply) Reply {
	fd, err := s.bell().wait()
	if err != nil {
		return fail(err)
	}
	id := l.waits.put(s)
	if id == 0 {
		s.bell().done()
		return fail(Errorf(EBusy, "too many threads wait"))
	}
	r.Wait = Waiting{FD: fd, ID: uint64(id)}
	return r
}

// WaitDone ends a wait.
func (l *Library) WaitDone(id uint64) {
	if s, ok := l.waits.remove(handle(id), ""); ok {
		s.bell().done()
	}
}

func bounds(maxFrames int32, maxBytes uint32) (limit, size int, err error) {
	if maxFrames < 0 {
		return 0, 0, Errorf(EInvalid, "max_frames is %d: it must not be negative", maxFrames).With("key", "max_frames")
	}
	limit, size = orDefault(int(maxFrames), defaultFrames), int(maxBytes)
	return min(limit, mostFrames), orDefault(size, defaultBytes), nil
}

// Wake makes one waiting poll return.
func (l *Library) Wake(h uint64) Reply {
	e, err := l.endpoint(h)
	if err != nil {
		return fail(err)
	}
	e.woken.Store(true)
	e.ready.raise()
	return Reply{}
}

// EventFD is the descriptor that is readable while there are frames.
func (l *Library) EventFD(h uint64) (fd int, r Reply) {
	e, err := l.endpoint(h)
	if err == nil {
		fd, err = e.ready.descriptor()
	}
	if err != nil {
		return -1, fail(err)
	}
	return fd, Reply{}
}
