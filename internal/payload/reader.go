package payload

// Reader reads the members of an object, or the items of an array, one after the other, and those of the values in them that
// it is told to enter. It checks as it goes what [Check] does, so that a text need not be read twice to be read safely.
// Where there is an error, there may have been members before.
type Reader struct {
	// Key is that of the member at hand, without its quotes and escapes; it means nothing in an array. It is a part of the
	// text, unless it had escapes.
	Key []byte

	scanner scanner
	at      int  // the start of the value at hand, or what follows the one before
	unread  bool // there is a value at hand
	first   bool // nothing follows the opening bracket yet
	err     error
}

// Open begins with raw, and says whether it is an object or an array: '{' or '['. 0 stands for anything else, which has no
// members.
func (r *Reader) Open(raw []byte, l Limits) (kind byte) {
	l = l.withDefaults()
	r.scanner.start(raw, &l)
	r.unread = false
	if r.err = l.checkLength(raw); r.err != nil {
		return 0
	}
	if r.at = skipSpace(raw, 0); r.at == len(raw) {
		r.refuse(badEnd)
		return 0
	}
	return r.Enter()
}

// Enter goes into the value at hand, if it is an object or an array, and says which: '{' or '['. Next then moves on in
// there; once it has returned false, it goes on behind the value.
func (r *Reader) Enter() (kind byte) {
	s := &r.scanner
	if r.err != nil || r.at == len(s.raw) {
		return 0
	}
	if kind = s.raw[r.at]; kind != '{' && kind != '[' {
		return 0
	}
	var problem string
	r.at, problem = s.open(r.at)
	r.unread, r.first = false, true
	r.refuse(problem)
	return kind
}

// Next moves on to the next member or item; false means that there is none, or an error.
func (r *Reader) Next() bool {
	if r.unread {
		r.Value()
	}
	s := &r.scanner
	if r.err != nil || s.depth == 0 {
		return false
	}
	at, problem := skipSpace(s.raw, r.at), ""
	switch {
	case at == len(s.raw):
		problem = badEnd
	case s.raw[at] == s.closer:
		s.leave()
		if at++; s.depth == 0 {
			at, problem = s.end(at)
		}
		r.at, r.first = at, false
		r.refuse(problem)
		return false
	case r.first:
	case s.raw[at] == ',':
		at = skipSpace(s.raw, at+1)
	default:
		problem = s.badItem()
	}
	if problem == "" && s.closer == '}' {
		if at, problem = s.key(at); problem == "" {
			r.Key = s.lastKey()
		}
	}
	r.at, r.first, r.unread = at, false, problem == ""
	r.refuse(problem)
	return r.unread
}

// Value is the value at hand as it was written, a part of the text. It is null if it cannot be read: Next then returns false.
func (r *Reader) Value() []byte {
	s, start := &r.scanner, r.at
	var problem string
	r.at, problem = s.value(start)
	r.unread = false
	if problem != "" {
		r.refuse(problem)
		return []byte("null")
	}
	return s.raw[start:r.at:r.at]
}

// Rest is the text from the value at hand on.
func (r *Reader) Rest() []byte { return r.scanner.raw[r.at:] }

// Err is what is wrong with the text as far as it was read: an [Error].
func (r *Reader) Err() error { return r.err }

func (r *Reader) refuse(problem string) {
	if problem != "" {
		r.err = r.scanner.refusal(r.at, problem)
	}
}
