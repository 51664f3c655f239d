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
	closer     byte                      // the bracket that closes the innermost one
	depth      int
	maxDepth   int
	maxKeys    int
	keysLeft   int
	digitsLeft int // that exponents may still add

	keyStart, keyEnd int  // of the last key, with its quotes
	keyPlain         bool // it has no escapes
}

// start begins with raw, within limits that have no defaults left.
func (s *scanner) start(raw []byte, l *Limits) {
	s.raw, s.depth, s.closer = raw, 0, 0
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
	for at < len(raw) {
		switch c := raw[at]; c {
		case '"':
			at, problem = scanString(raw, at+1)
		case '{', '[':
			if at, problem = s.open(at); problem != "" {
				return at, problem
			}
			if at < len(raw) && raw[at] == s.closer {
				s.leave()
				at++
				break
			}
			if c == '{' {
				if at, problem = s.key(at); problem != "" {
					return at, problem
				}
			}
			continue
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
		for { // closing brackets that follow the value
			if problem != "" || s.depth == around {
				return at, problem
			}
			if at = skipSpace(raw, at); at == len(raw) {
				return at, badEnd
			}
			if raw[at] != s.closer {
				break
			}
			s.leave()
			at++
		}
		if raw[at] != ',' {
			return at, s.badItem()
		}
		if at = skipSpace(raw, at+1); s.closer == '}' {
			if at, problem = s.key(at); problem != "" {
				return at, problem
			}
		}
	}
	return at, badEnd
}

// badItem is the problem with what follows a value, in a bracket, but neither closes that nor is a comma.
func (s *scanner) badItem() string {
	if s.closer == '}' {
		return badInObject
	}
	return badInArray
}

// open enters the bracket at at and returns where its first item would start.
func (s *scanner) open(at int) (int, string) {
	if s.depth == s.maxDepth {
		return at, tooDeep
	}
	s.closer = s.raw[at] + 2 // in ASCII, a bracket closes two characters further on
	if word, bit := &s.objects[s.depth/64], uint64(1)<<(s.depth%64); s.closer == '}' {
		*word |= bit
	} else {
		*word &^= bit
	}
	s.depth++
	return skipSpace(s.raw, at+1), ""
}

func (s *scanner) leave() {
	s.depth--
	if outer := s.depth - 1; outer >= 0 {
		s.closer = ']'
		if s.objects[outer/64]>>(outer%64)&1 == 1 {
			s.closer = '}'
		}
	}
}

// key reads the key at at and its colon, and returns where the value starts.
func (s *scanner) key(at int) (_ int, problem string) {
	raw := s.raw
	if at == len(raw) {
		return at, badEnd
	}
	if raw[at] != '"' {
		return at, badKey
	}
	if s.keysLeft--; s.keysLeft < 0 {
		return at, tooManyKeys
	}
	s.keyStart, at = at, skipPlain(raw, at+1)
	if s.keyPlain = at < len(raw) && raw[at] == '"'; s.keyPlain {
		at++
	} else if at, problem = scanString(raw, at); problem != "" {
		return at, problem
	}
	s.keyEnd = at
	if at = skipSpace(raw, at); at == len(raw) {
		return at, badEnd
	}
	if raw[at] != ':' {
		return at, badColon
	}
	return skipSpace(raw, at+1), ""
}

// lastKey is the key that was read last, without its quotes and escapes.
func (s *scanner) lastKey() []byte {
	if s.keyPlain {
		return s.raw[s.keyStart+1 : s.keyEnd-1]
	}
	return Text(s.raw[s.keyStart:s.keyEnd])
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
