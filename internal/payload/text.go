package payload

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"unicode/utf8"
)

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

// Text is what a JSON string that was checked stands for: a part of quoted, unless it has escapes.
func Text(quoted []byte) []byte {
	plain := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(plain, '\\') < 0 {
		return plain
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it was checked
	return []byte(s)
}
