package payload

// Reader reads the members of an object, or the items of an array, one after the other. It checks as it goes what [Check]
// does, so that a text need not be read twice to be read safely. Where there is an error, there may have been members
// before.
type Reader struct {
	// Key is a member's, without its quotes and escapes; nil in an array. Value is as it was written. They are parts of the
	// text, but for a key that had escapes.
	Key, Value []byte

	scanner scanner
	at      int // behind the last value, or the opening bracket
	first   bool
	err     error
}

// Open begins with raw, and says whether it starts as an object or an array: '{' or '['. 0 stands for anything else, which
// has no members.
func (r *Reader) Open(raw []byte, l Limits) byte {
	l = l.withDefaults()
	r.scanner.start(raw, &l)
	if r.err = l.checkLength(raw); r.err != nil {
		return 0
	}
	at := skipSpace(raw, 0)
	if at == len(raw) {
		r.refuse(at, badEnd)
		return 0
	}
	c := raw[at]
	if c != '{' && c != '[' {
		return 0
	}
	at, problem := r.scanner.open(at, c == '{')
	r.at, r.first = at, true
	r.refuse(at, problem)
	return c
}

// Next moves on to the next member or item; false means that there is none, or an error.
func (r *Reader) Next() bool {
	s := &r.scanner
	if r.err != nil || s.depth == 0 {
		return false
	}
	at, problem := r.toNext(skipSpace(s.raw, r.at))
	if problem == "" && s.depth > 0 {
		start := at
		at, problem = s.value(at)
		r.Value = s.raw[start:at:at]
	}
	r.at, r.first = at, false
	if problem != "" {
		r.refuse(at, problem)
		return false
	}
	return s.depth > 0
}

// Err is what is wrong with the text as far as it was read: an [Error].
func (r *Reader) Err() error { return r.err }

// toNext goes on to the value that follows, or to the end of the text, at depth 0.
func (r *Reader) toNext(at int) (_ int, problem string) {
	s := &r.scanner
	switch {
	case at == len(s.raw):
		return at, badEnd
	case s.raw[at] == '}' && s.object, s.raw[at] == ']' && !s.object:
		s.leave()
		return s.end(at + 1)
	case r.first:
	case s.raw[at] == ',':
		at = skipSpace(s.raw, at+1)
	case s.object:
		return at, badInObject
	default:
		return at, badInArray
	}
	if !s.object {
		return at, ""
	}
	start := at
	end, at, problem := s.key(start)
	if problem == "" {
		r.Key = Text(s.raw[start:end])
	}
	return at, problem
}

func (r *Reader) refuse(at int, problem string) { r.err = r.scanner.refusal(at, problem) }
