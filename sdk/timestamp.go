package sdk

import (
	"fmt"
	"strings"
	"time"
)

// Timestamp is a time in JSON documents. It is written as RFC 3339 in UTC with microseconds, always all six digits, so that the
// texts sort as the times do: 2026-01-31T12:00:00.500000Z. It is read with or without a zone, which is then UTC: existing
// clients and servers write both.
type Timestamp struct{ time.Time }

// At is t as a [Timestamp], cut to microseconds: what is read from its JSON form equals it.
func At(t time.Time) Timestamp { return Timestamp{t.UTC().Truncate(time.Microsecond)} }

// MarshalJSON writes the time in UTC.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000000Z"`), nil
}

// UnmarshalJSON reads RFC 3339, with or without a zone.
func (t *Timestamp) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" {
		return nil
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999 MST",
	} {
		if at, err := time.Parse(layout, text); err == nil {
			t.Time = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("time %q is not like 2026-01-31T12:00:00Z", text)
}
