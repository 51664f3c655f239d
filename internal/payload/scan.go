package payload

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

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

// scanner reads one document. It keeps its own stack, a bit a level, so that hostile nesting cannot grow ours.
type scanner struct {
	raw        []byte
	objects    [HardMaxDepth / 64]uint64 // bit n: the open bracket at depth n+1 is an object's
	object     bool                      // whether the innermost one is
	depth      int
	maxDepth   int
	keysLeft   int
	digitsLeft int // that exponents may still add
}

func (s *scanner) document() (at int, problem string) {
	raw := s.raw
	at = skipSpace(raw, 0)
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
				if at, problem = s.key(at); problem != "" {
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
		if at, problem = s.next(at); problem != "" || s.depth == 0 {
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

// next goes on after a value, through closing brackets, to the next value, or to the end at depth 0.
func (s *scanner) next(at int) (int, string) {
	raw := s.raw
	for {
		at = skipSpace(raw, at)
		if s.depth == 0 {
			if at < len(raw) {
				return at, badTrailer
			}
			return at, ""
		}
		if at == len(raw) {
			return at, badEnd
		}
		switch c := raw[at]; {
		case c == ',':
			at = skipSpace(raw, at+1)
			if s.object {
				return s.key(at)
			}
			return at, ""
		case c == '}' && s.object, c == ']' && !s.object:
			s.leave()
			at++
		case s.object:
			return at, badInObject
		default:
			return at, badInArray
		}
	}
}

// key reads a key and its colon, and returns where the value starts.
func (s *scanner) key(at int) (int, string) {
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
	at, problem := scanString(raw, at+1)
	if problem != "" {
		return at, problem
	}
	if at = skipSpace(raw, at); at == len(raw) {
		return at, badEnd
	}
	if raw[at] != ':' {
		return at, badColon
	}
	return skipSpace(raw, at+1), ""
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

// scanString reads on from behind the opening quote and returns the offset behind the closing one.
func scanString(raw []byte, at int) (int, string) {
	for {
		at = skipPlain(raw, at)
		if at >= len(raw) {
			return len(raw), badEnd
		}
		switch c := raw[at]; {
		case c == '"':
			return at + 1, ""
		case c == '\\':
			var problem string
			if at, problem = scanEscape(raw, at); problem != "" {
				return at, problem
			}
		case c < ' ':
			return at, badControl
		case c < utf8.RuneSelf:
			at++
		default:
			for at < len(raw) && raw[at] >= utf8.RuneSelf {
				r, size := utf8.DecodeRune(raw[at:])
				if r == utf8.RuneError && size == 1 {
					return at, badUTF8
				}
				at += size
			}
		}
	}
}

// skipPlain passes over printable ASCII but for the quote and the backslash, eight bytes at a time.
func skipPlain(raw []byte, at int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; at+8 <= len(raw); at += 8 {
		w := binary.LittleEndian.Uint64(raw[at:])
		quote, slash := w^ones*'"', w^ones*'\\'
		// The top bit of each byte that is below a space, a quote, a backslash or not ASCII. A borrow can set bits above
		// the first such byte only.
		if special := ((w - ones*' ') | (quote - ones) | (slash - ones) | w) & tops; special != 0 {
			return at + bits.TrailingZeros64(special)/8
		}
	}
	for at < len(raw) && raw[at] >= ' ' && raw[at] < utf8.RuneSelf && raw[at] != '"' && raw[at] != '\\' {
		at++
	}
	return at
}

// scanEscape reads the escape at at; two of them if they are a surrogate pair.
func scanEscape(raw []byte, at int) (int, string) {
	if at+1 == len(raw) {
		return at, badEnd
	}
	switch raw[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 2, ""
	case 'u':
	default:
		return at, badEscape
	}
	const size = len(`\u0000`)
	switch unit := hex4(raw, at); {
	case unit < 0:
		return at, badEscape
	case unit == 0:
		return at, badNUL
	case unit < 0xd800 || unit > 0xdfff:
		return at + size, ""
	case unit >= 0xdc00:
		return at, badSurrogate
	}
	if low := hex4(raw, at+size); low < 0xdc00 || low > 0xdfff {
		return at, badSurrogate
	}
	return at + 2*size, ""
}

// hex4 is the value of the \uXXXX at at, or -1.
func hex4(raw []byte, at int) (unit int) {
	if len(raw)-at < 6 || raw[at] != '\\' || raw[at+1] != 'u' {
		return -1
	}
	for _, c := range raw[at+2 : at+6] {
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | int(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			unit = unit<<4 | int(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return unit
}
