package bridge

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"

	"github.com/tasker-systems/tasker-go/internal/payload"
)

// checked are the limits of what is part of a document that was held against its own.
var checked = payload.Limits{MaxBytes: payload.HardMaxBytes, MaxDepth: payload.HardMaxDepth, MaxKeys: math.MaxInt}

// memberReader reads the members of an object, one after the other, and those of an object in it. Keys must be unique.
type memberReader struct {
	scope
	key    []byte
	err    error
	reader payload.Reader
	around scope // while it is in an object in another
}

// scope is the object that a reader is in.
type scope struct {
	path string
	text []byte // from the object on
	read int    // members
	seen uint64 // a bit for each key, not always another one
}

// set copies field by field: a processor stalls when it copies at once what was written in parts a moment ago.
func (s *scope) set(from *scope) {
	s.path, s.text, s.read, s.seen = from.path, from.text, from.read, from.seen
}

// open begins with an object.
func (r *memberReader) open(raw []byte, path string, limits payload.Limits) {
	r.path, r.text = path, raw
	if r.reader.Open(raw, limits) != '{' {
		if r.err = r.reader.Err(); r.err == nil {
			r.err = keyError(path, "must be an object")
		}
	}
}

// enter goes into the value at hand, if it is an object: next reads its members, until leave.
func (r *memberReader) enter(path string) bool {
	text := r.reader.Rest()
	if len(text) == 0 || text[0] != '{' {
		return false
	}
	r.reader.Enter()
	r.around.set(&r.scope)
	r.path, r.text, r.read, r.seen = path, text, 0, 0
	return true
}

// leave goes back to the object around the one that was read.
func (r *memberReader) leave() { r.scope.set(&r.around) }

// next moves on to the next member; false means that there is none, or err.
func (r *memberReader) next() bool {
	if r.err != nil || !r.reader.Next() {
		if r.err == nil {
			r.err = r.reader.Err()
		}
		return false
	}
	r.key = r.reader.Key
	bit := uint64(1) << ((uint(len(r.key)) + 7*uint(at(r.key, 0)) + 13*uint(at(r.key, len(r.key)-1))) % 64)
	if r.seen&bit != 0 && r.isTwice() {
		r.err = r.place().wrong("stands there twice")
		return false
	}
	r.seen |= bit
	r.read++
	return true
}

// place is where the value at hand stands.
func (r *memberReader) place() place { return place{r.path, r.key} }

// value is the value at hand.
func (r *memberReader) value() (json.RawMessage, error) {
	value := r.reader.Value()
	return value, r.reader.Err()
}

func at(b []byte, i int) byte {
	if i < 0 || i >= len(b) {
		return 0
	}
	return b[i]
}

// isTwice looks for the key among the members before.
func (r *memberReader) isTwice() bool {
	var before payload.Reader
	before.Open(r.text, checked)
	for range r.read {
		if before.Next(); bytes.Equal(before.Key, r.key) {
			return true
		}
	}
	return false
}

// members calls fn for each member of a document's object.
func members(raw []byte, path string, fn func(at place, value json.RawMessage) error) error {
	return eachMember(raw, path, checked, fn)
}

func eachMember(raw []byte, path string, limits payload.Limits, fn func(at place, value json.RawMessage) error) error {
	var r memberReader
	r.open(raw, path, limits)
	for r.next() {
		value, err := r.value()
		if err == nil {
			err = fn(r.place(), value)
		}
		if err != nil {
			return err
		}
	}
	return r.err
}

// items calls fn for each item of a document's array.
func items(raw []byte, path string, fn func(at place, value json.RawMessage) error) error {
	var r payload.Reader
	if r.Open(raw, checked) != '[' {
		return keyError(path, "must be an array")
	}
	for n := 0; r.Next(); n++ {
		if err := fn(place{key: []byte(path + "[" + strconv.Itoa(n) + "]")}, r.Value()); err != nil {
			return err
		}
	}
	return r.Err()
}
