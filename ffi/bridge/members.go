package bridge

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// memberReader reads the members of a document's object, one after the other. The document was checked before. Keys must be
// unique.
type memberReader struct {
	place
	value json.RawMessage
	err   error

	start, rest []byte
	seen        uint64 // a bit for each key, not always another one
}

// read begins with an object.
func (r *memberReader) read(raw []byte, path string) {
	raw = skip(raw)
	r.parent, r.start = path, raw
	if len(raw) == 0 || raw[0] != '{' {
		r.err = keyError(path, "must be an object")
		return
	}
	r.rest = skip(raw[1:])
}

// next moves on to the next member; false means that there is none, or err.
func (r *memberReader) next() bool {
	if r.err != nil || r.rest[0] == '}' {
		return false
	}
	r.key, r.value, r.rest = cutMember(r.rest)
	bit := uint64(1) << ((uint(len(r.key)) + 7*uint(at(r.key, 0)) + 13*uint(at(r.key, len(r.key)-1))) % 64)
	if r.seen&bit != 0 && r.isTwice() {
		r.err = r.wrong("stands there twice")
		return false
	}
	r.seen |= bit
	return true
}

func at(b []byte, i int) byte {
	if i < 0 || i >= len(b) {
		return 0
	}
	return b[i]
}

// isTwice looks for the key among the members before.
func (r *memberReader) isTwice() bool {
	for rest := skip(r.start[1:]); ; {
		var key []byte
		key, _, rest = cutMember(rest)
		if len(rest) == len(r.rest) {
			return false
		}
		if bytes.Equal(key, r.key) {
			return true
		}
	}
}

// members calls fn for each member of a document's object.
func members(raw []byte, path string, fn func(at place, value json.RawMessage) error) error {
	var r memberReader
	r.read(raw, path)
	for r.next() {
		if err := fn(r.place, r.value); err != nil {
			return err
		}
	}
	return r.err
}

// eachMember calls fn for each member of an object that is the handler's own.
func eachMember(raw []byte, fn func(key []byte, value json.RawMessage) error) error {
	for rest := skip(raw[1:]); rest[0] != '}'; {
		var key, value []byte
		key, value, rest = cutMember(rest)
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}

// cutMember reads the member that b starts with, and returns what follows: another member, or the closing bracket.
func cutMember(b []byte) (key, value, rest []byte) {
	end := stringEnd(b)
	key = b[1 : end-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		key = []byte(text(b[:end]))
	}
	b = skip(skip(b[end:])[1:])
	end = valueEnd(b)
	value = b[:end:end]
	if rest = skip(b[end:]); rest[0] == ',' {
		rest = skip(rest[1:])
	}
	return key, value, rest
}

// items calls fn for each item of a JSON array that was checked before.
func items(raw []byte, path string, fn func(at place, value json.RawMessage) error) error {
	raw = skip(raw)
	if len(raw) == 0 || raw[0] != '[' {
		return keyError(path, "must be an array")
	}
	n := 0
	for rest := skip(raw[1:]); rest[0] != ']'; n++ {
		end := valueEnd(rest)
		if err := fn(place{key: []byte(path + "[" + strconv.Itoa(n) + "]")}, json.RawMessage(rest[:end:end])); err != nil {
			return err
		}
		if rest = skip(rest[end:]); rest[0] == ',' {
			rest = skip(rest[1:])
		}
	}
	return nil
}

func skip(b []byte) []byte {
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return b[i:]
}

// stringEnd returns the offset behind the string that b starts with.
func stringEnd(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd returns the offset behind the value that b starts with.
func valueEnd(b []byte) int {
	switch b[0] {
	case '"':
		return stringEnd(b)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch b[i] {
			case '"':
				i += stringEnd(b[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i, c := range b {
		if c == ',' || c == ']' || c == '}' || c <= ' ' {
			return i
		}
	}
	return len(b)
}

// text is the value of a JSON string.
func text(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // it was checked
	return s
}
