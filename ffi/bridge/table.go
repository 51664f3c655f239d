package bridge

import (
	"math"
	"sync"
)

// handle names a value of a table: kind:8 | index:24 | generation:32. It is never used again: whoever takes over an index
// has a later generation, and an index whose generations are used up is left alone.
type handle uint64

// The kinds of handles. A kind is never 0, so neither is a handle.
const (
	kindWorker = 0xA1 + iota
	kindClient
	kindToken
	kindWait
)

const maxIndex = 1<<24 - 1

func newHandle(kind uint8, index, generation uint32) handle {
	return handle(kind)<<56 | handle(index)<<32 | handle(generation)
}

func (h handle) kind() uint8        { return uint8(h >> 56) }
func (h handle) index() uint32      { return uint32(h>>32) & maxIndex }
func (h handle) generation() uint32 { return uint32(h) }

// table keeps values of one kind under handles. It is safe for concurrent use.
type table[T any] struct {
	kind uint8
	// linger is how many indexes are used before the first is used again, so that what ended lately is remembered.
	linger int

	mu    sync.Mutex
	slots []slot[T]
	free  []uint32 // the longest free first
	live  int
}

type slot[T any] struct {
	generation uint32
	live       bool
	value      T
	end        string // of the generation that was the last to live here
}

// put keeps v; 0 means that the table is full.
func (t *table[T]) put(v T) handle {
	t.mu.Lock()
	defer t.mu.Unlock()
	var index uint32
	switch {
	case len(t.free) > 0 && len(t.slots) >= t.linger:
		index = t.free[0]
		if t.free = t.free[1:]; len(t.free) == 0 {
			t.free = nil
		}
	case len(t.slots) > maxIndex:
		return 0
	default:
		index = uint32(len(t.slots))
		t.slots = append(t.slots, slot[T]{})
	}
	s := &t.slots[index]
	s.generation++
	s.live, s.value = true, v
	t.live++
	return newHandle(t.kind, index, s.generation)
}

// get finds a value. If it is gone, known says that it once was there, and end how it ended, if that is still known.
func (t *table[T]) get(h handle) (v T, end string, ok, known bool) {
	t.mu.Lock()
	s := t.slot(h)
	switch {
	case s == nil || h.generation() == 0 || h.generation() > s.generation:
	case h.generation() < s.generation:
		known = true
	case s.live:
		v, ok, known = s.value, true, true
	default:
		end, known = s.end, true
	}
	t.mu.Unlock()
	return v, end, ok, known
}

// slot is where a value is or was, or nil. The caller holds mu.
func (t *table[T]) slot(h handle) *slot[T] {
	if i := int(h.index()); h.kind() == t.kind && i < len(t.slots) {
		return &t.slots[i]
	}
	return nil
}

// remove drops a value and remembers how it ended; false means that it was gone.
func (t *table[T]) remove(h handle, end string) (v T, ok bool) {
	t.mu.Lock()
	if s := t.slot(h); s != nil && s.live && s.generation == h.generation() {
		var zero T
		v, ok = s.value, true
		s.live, s.value, s.end = false, zero, end
		t.live--
		if s.generation < math.MaxUint32 {
			t.free = append(t.free, h.index())
		}
	}
	t.mu.Unlock()
	return v, ok
}

func (t *table[T]) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.live
}
