package client

import (
	"strconv"
	"strings"

	"github.com/tasker-systems/tasker-go/sdk"
)

// NaiveTime is a time that is written without its zone, as some fields of the contract are.
type NaiveTime struct{ sdk.Timestamp }

// MarshalJSON writes the time in UTC without a zone.
func (t NaiveTime) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000000"`), nil
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
