package client

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Time is written as RFC 3339 in UTC, and read with or without a zone, which is then UTC: existing servers write both.
type Time struct{ time.Time }

// At is t as a [Time].
func At(t time.Time) Time { return Time{t.UTC()} }

// MarshalJSON writes RFC 3339.
func (t Time) MarshalJSON() ([]byte, error) { return t.UTC().MarshalJSON() }

// UnmarshalJSON reads the forms that servers write.
func (t *Time) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, naiveLayout, "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999 MST"} {
		if at, err := time.Parse(layout, text); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("time %q is not like 2026-01-31T12:00:00Z", text)
}

const naiveLayout = "2006-01-02T15:04:05.999999999"

// NaiveTime is a [Time] that is written without its zone, as some fields of the contract are.
type NaiveTime struct{ Time }

// MarshalJSON writes the time in UTC without a zone.
func (t NaiveTime) MarshalJSON() ([]byte, error) {
	return strconv.AppendQuote(nil, t.UTC().Format(naiveLayout)), nil
}

// Float is written with a decimal point even where it is whole, since some clients tell integers from floats.
type Float float64

// MarshalJSON writes the number with a point.
func (f Float) MarshalJSON() ([]byte, error) {
	b := strconv.AppendFloat(nil, float64(f), 'f', -1, 64)
	if !strings.Contains(string(b), ".") {
		b = append(b, '.', '0')
	}
	return b, nil
}
