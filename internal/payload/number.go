package payload

// The digits PostgreSQL's numeric holds before and after the point.
const (
	maxIntDigits  = 131_072
	maxFracDigits = 16_383
)

// number reads the number at at.
func (s *scanner) number(start int) (int, string) {
	raw, at := s.raw, start
	if raw[at] == '-' {
		at++
	}
	first := at
	at = skipDigits(raw, at)
	whole, frac := at-first, 0
	if whole == 0 || whole > 1 && raw[first] == '0' {
		return start, badNumber
	}
	if at < len(raw) && raw[at] == '.' {
		end := skipDigits(raw, at+1)
		if frac = end - at - 1; frac == 0 {
			return start, badNumber
		}
		at = end
	}
	if at < len(raw) && raw[at]|0x20 == 'e' {
		return s.exponent(start, at+1, whole, frac)
	}
	if whole > maxIntDigits || frac > maxFracDigits {
		return start, numberTooLong
	}
	return at, ""
}

// exponent reads what follows the e of the number at start. jsonb keeps 1e9 in few bytes and writes it in ten: what
// exponents add is counted, lest a short text become one too long to be read back.
func (s *scanner) exponent(start, at, whole, frac int) (int, string) {
	raw, sign := s.raw, 1
	if at < len(raw) && (raw[at] == '+' || raw[at] == '-') {
		if raw[at] == '-' {
			sign = -1
		}
		at++
	}
	end, exp := skipDigits(raw, at), 0
	if end == at {
		return start, badNumber
	}
	for _, c := range raw[at:end] {
		if exp = exp*10 + int(c-'0'); exp > maxIntDigits+maxFracDigits {
			return start, numberTooLong
		}
	}
	if whole+sign*exp > maxIntDigits || frac-sign*exp > maxFracDigits || whole > maxIntDigits || frac > maxFracDigits {
		return start, numberTooLong
	}
	if s.digitsLeft -= exp; s.digitsLeft < 0 {
		return start, digitsTooMany
	}
	return end, ""
}

func skipDigits(raw []byte, at int) int {
	for at < len(raw) && raw[at] >= '0' && raw[at] <= '9' {
		at++
	}
	return at
}
