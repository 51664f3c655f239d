package payload

import "fmt"

// What can be wrong. Functions that scan return the offset after what they read and "", or the offset of a problem and
// the problem.
const (
	badEnd        = "the text ends too early"
	badStart      = "a value must start here"
	badTrailer    = "there is more text after the value"
	badKey        = "an object key in quotes must start here"
	badColon      = "a ':' must follow the key"
	badInObject   = "a ',' or '}' must follow"
	badInArray    = "a ',' or ']' must follow"
	badLiteral    = "only true, false and null stand without quotes"
	badControl    = "control characters in strings must be escaped"
	badUTF8       = "the text is not valid UTF-8"
	badEscape     = "no such escape"
	badNUL        = `\u0000 cannot be stored`
	badSurrogate  = "a surrogate without its other half"
	badNumber     = "not a JSON number"
	numberTooLong = "the number is beyond the database's range"
	digitsTooMany = "the numbers with exponents are too long when written out"
	tooDeep       = "too deep"
	tooManyKeys   = "too many keys"
)

// scanner reads one text. It keeps its own stack, a bit a level, so that hostile nesting cannot grow ours.
type scanner struct {
	raw        []byte
	objects    [HardMaxDepth / 64]uint64 // bit n: the open bracket at depth n+1 is an object's
	object     bool                      // whether the innermost one is
	depth      int
	maxDepth   int
	maxKeys    int
	keysLeft   int
	digitsLeft int // that exponents may still add
}

// start begins with raw, within limits that have no defaults left.
func (s *scanner) start(raw []byte, l *Limits) {
	s.raw, s.depth, s.object = raw, 0, false
	s.maxDepth, s.maxKeys, s.keysLeft, s.digitsLeft = l.MaxDepth, l.MaxKeys, l.MaxKeys, l.MaxBytes
}

// refusal is the error for a problem.
func (s *scanner) refusal(at int, problem string) error {
	switch problem {
	case "":
		return nil
	case tooDeep:
		problem = fmt.Sprintf("nested deeper than %d levels", s.maxDepth)
	case tooManyKeys:
		problem = fmt.Sprintf("more than %d object keys", s.maxKeys)
	}
	return &Error{int64(at), problem}
}

func (s *scanner) document() (at int, problem string) {
	if at, problem = s.value(skipSpace(s.raw, 0)); problem != "" {
		return at, problem
	}
	return s.end(at)
}

// end reads on from behind the outermost value.
func (s *scanner) end(at int) (int, string) {
	if at = skipSpace(s.raw, at); at < len(s.raw) {
		return at, badTrailer
	}
	return at, ""
}

// value reads the value at at.
func (s *scanner) value(at int) (_ int, problem string) {
	raw, around := s.raw, s.depth
	for {
		if at == len(raw) {
			return at, badEnd
		}
		switch c := raw[at]; c {
		case '{', '[':
			if at, problem = s.open(at, c == '{'); problem != "" {
				return at, problem
			}
			if at < len(raw) && raw[at] == c+2 { // in ASCII, a bracket closes two characters further on
				s.leave()
				at++
				break
			}
			if c == '{' {
				if _, at, problem = s.key(at); problem != "" {
					return at, problem
				}
			}
			continue
		case '"':
			at, problem = scanString(raw, at+1)
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			at, problem = s.number(at)
		case 't':
			at, problem = scanLiteral(raw, at, "true")
		case 'f':
			at, problem = scanLiteral(raw, at, "false")
		case 'n':
			at, problem = scanLiteral(raw, at, "null")
		default:
			problem = badStart
		}
		if problem != "" {
			return at, problem
		}
		if at, problem = s.next(at, around); problem != "" || s.depth == around {
			return at, problem
		}
	}
}

// open enters the bracket at at and returns where its first item would start.
func (s *scanner) open(at int, object bool) (int, string) {
	if s.depth == s.maxDepth {
		return at, tooDeep
	}
	if word, bit := &s.objects[s.depth/64], uint64(1)<<(s.depth%64); object {
		*word |= bit
	} else {
		*word &^= bit
	}
	s.depth++
	s.object = object
	return skipSpace(s.raw, at+1), ""
}

func (s *scanner) leave() {
	s.depth--
	if outer := s.depth - 1; outer >= 0 {
		s.object = s.objects[outer/64]>>(outer%64)&1 == 1
	}
}

// next goes on after a value, through closing brackets, to the next value, or to the end of the one at depth around.
func (s *scanner) next(at, around int) (_ int, problem string) {
	raw := s.raw
	for s.depth > around {
		if at = skipSpace(raw, at); at == len(raw) {
			return at, badEnd
		}
		switch c := raw[at]; {
		case c == ',':
			at = skipSpace(raw, at+1)
			if s.object {
				_, at, problem = s.key(at)
			}
			return at, problem
		case c == '}' && s.object, c == ']' && !s.object:
			s.leave()
			at++
		case s.object:
			return at, badInObject
		default:
			return at, badInArray
		}
	}
	return at, ""
}

// key reads a key and its colon, and returns where the key ends and where the value starts.
func (s *scanner) key(start int) (end, at int, problem string) {
	raw := s.raw
	if start == len(raw) {
		return start, start, badEnd
	}
	if raw[start] != '"' {
		return start, start, badKey
	}
	if s.keysLeft--; s.keysLeft < 0 {
		return start, start, tooManyKeys
	}
	if end, problem = scanString(raw, start+1); problem != "" {
		return end, end, problem
	}
	if at = skipSpace(raw, end); at == len(raw) {
		return end, at, badEnd
	}
	if raw[at] != ':' {
		return end, at, badColon
	}
	return end, skipSpace(raw, at+1), ""
}

func skipSpace(raw []byte, at int) int {
	for at < len(raw) && raw[at] <= ' ' && (raw[at] == ' ' || raw[at] == '\n' || raw[at] == '\t' || raw[at] == '\r') {
		at++
	}
	return at
}

func scanLiteral(raw []byte, at int, word string) (int, string) {
	if len(raw)-at < len(word) || string(raw[at:at+len(word)]) != word {
		return at, badLiteral
	}
	return at + len(word), ""
}
