package bridge

import "github.com/tasker-systems/tasker-go/dispatch"

// Alloc returns memory of the host for n bytes, or nil.
type Alloc func(n int) []byte

// source is something that hosts wait for.
type source interface {
	// take puts frames into memory of the host. Timeout means that there are none; if it is final the caller shall return
	// it to the host rather than wait.
	take(limit, maxBytes int, waits bool, alloc Alloc) (code Code, final bool)
	bell() *signal
	// watch returns an answer that may lead to frames, for one caller; nil: there is none.
	watch() *dispatch.Answer
	// ring raises the bell if there are frames.
	ring()
}

// wait is that of one thread of the host.
type wait struct {
	source
	// answer is what the thread waits for beside the bell; nil: nothing.
	answer *dispatch.Answer
}

// watchAnswer has the thread wait for an answer too, and returns its descriptor; -1: there is none.
func (w *wait) watchAnswer() (fd int) {
	if w.answer == nil {
		w.answer = w.watch()
	}
	if w.answer == nil {
		return -1
	}
	return w.answer.FD()
}

// leave leaves an answer to others.
func (w *wait) leave() {
	if w.answer != nil {
		w.answer.Leave()
		w.answer = nil
	}
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
	w := &wait{source: s}
	r := l.beginWait(w, Reply{Code: Timeout})
	if r.Wait.ID != 0 {
		r.Wait.Watched = w.watchAnswer()
	}
	return r
}

// PollAgain takes frames after a wait, which it ends unless it answers with the same one again. answered: the descriptor that the
// wait watches is readable.
func (l *Library) PollAgain(id uint64, answered bool, maxFrames int32, maxBytes uint32, alloc Alloc) Reply {
	w, _, ok, _ := l.waits.get(handle(id))
	limit, size, err := bounds(maxFrames, maxBytes)
	if err != nil || !ok {
		return fail(Errorf(EInternal, "no such wait"))
	}
	if answered = answered && w.answer != nil; answered {
		w.answer.Receive()
		w.answer = nil
	}
	code, final := w.take(limit, size, true, alloc)
	if answered {
		w.ring()
	}
	if code == Timeout && !final {
		return Reply{Code: Timeout, Wait: Waiting{ID: id, Watched: w.watchAnswer()}}
	}
	l.WaitDone(id)
	return Reply{Code: code}
}

func (l *Library) beginWait(w *wait, r Reply) Reply {
	fd, err := w.bell().wait()
	if err != nil {
		return fail(err)
	}
	id := l.waits.put(w)
	if id == 0 {
		w.bell().done()
		return fail(Errorf(EBusy, "too many threads wait"))
	}
	r.Wait = Waiting{FD: fd, ID: uint64(id), Watched: -1}
	return r
}

// WaitDone ends a wait.
func (l *Library) WaitDone(id uint64) {
	if w, ok := l.waits.remove(handle(id), ""); ok {
		w.leave()
		w.bell().done()
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
