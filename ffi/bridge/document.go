package bridge

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// SchemaVersion is the version of all documents.
const SchemaVersion = 1

// envelope is what a document may hold beside the payload that limits bound: errors, metadata, keys around it.
const (
	envelopeBytes = 256 << 10
	envelopeDepth = 4
	envelopeKeys  = 10_000
)

// documentLimits are those of a document: those of what it carries, and an envelope around that.
func documentLimits(raw []byte, limits payload.Limits) (payload.Limits, error) {
	l := payload.Limits{
		MaxBytes: orDefault(limits.MaxBytes, payload.DefaultMaxBytes) + envelopeBytes,
		MaxDepth: orDefault(limits.MaxDepth, payload.DefaultMaxDepth) + envelopeDepth,
		MaxKeys:  orDefault(limits.MaxKeys, payload.DefaultMaxKeys) + envelopeKeys,
	}
	if len(raw) > l.MaxBytes {
		return l, Errorf(ETooLarge, "the document has %d bytes, the limit is %d", len(raw), l.MaxBytes).With("limit", l.MaxBytes)
	}
	return l, nil
}

// check says whether raw is JSON that the database takes, within its limits.
func check(raw []byte, limits payload.Limits) error {
	l, err := documentLimits(raw, limits)
	if err != nil {
		return err
	}
	return payload.Check(raw, l)
}

// document calls fn for each member of a document, which it checks on the way.
func document(raw []byte, limits payload.Limits, fn func(at place, value json.RawMessage) error) error {
	l, err := documentLimits(raw, limits)
	if err != nil {
		return err
	}
	return eachMember(raw, "", l, fn)
}

func orDefault(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}

// keyError blames a key.
func keyError(path, format string, args ...any) *Error {
	e := Errorf(EInvalid, format, args...).With("key", path)
	if path != "" {
		e.Message = strconv.Quote(path) + ": " + e.Message
	}
	return e
}

// place is where a value stands in a document: a key of the object at parent. It becomes text only for an error.
type place struct {
	parent string
	key    []byte
}

func (p place) String() string {
	if p.parent == "" {
		return string(p.key)
	}
	return p.parent + "." + string(p.key)
}

// wrong blames the value.
func (p place) wrong(format string, args ...any) error { return keyError(p.String(), format, args...) }

func isNull(raw []byte) bool { return string(raw) == "null" }

func toBool(at place, raw []byte, into *bool) error {
	switch string(raw) {
	case "true":
		*into = true
	case "false":
		*into = false
	default:
		return at.wrong("must be true or false")
	}
	return nil
}

// toString takes null for the empty string.
func toString(at place, raw []byte, into *string) error {
	switch {
	case isNull(raw):
		*into = ""
	case raw[0] == '"':
		*into = string(payload.Text(raw))
	default:
		return at.wrong("must be a string")
	}
	return nil
}

// toCount reads a whole number from 0 to limit.
func toCount(at place, raw []byte, limit int64, into *int64) error {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 0 || n > limit {
		if limit == math.MaxInt64 {
			return at.wrong("must be a whole number that is not negative")
		}
		return at.wrong("must be a whole number from 0 to %d", limit)
	}
	*into = n
	return nil
}

func toUUID(at place, raw []byte, into *sdk.UUID) error {
	var s string
	if err := toString(at, raw, &s); err != nil {
		return err
	}
	id, err := sdk.ParseUUID(s)
	if err != nil || len(s) != 36 {
		return at.wrong("must be a hyphenated UUID")
	}
	*into = id
	return nil
}

func toTime(at place, raw []byte, into *sdk.Timestamp) error {
	var t sdk.Timestamp
	if raw[0] != '"' || t.UnmarshalJSON(raw) != nil {
		return at.wrong("must be a time like 2026-01-31T12:00:00Z")
	}
	*into = t
	return nil
}

// toMap reads a free-form object. Numbers keep their text.
func toMap(at place, raw []byte, into *map[string]any) error {
	if isNull(raw) {
		return nil
	}
	if raw[0] != '{' {
		return at.wrong("must be an object")
	}
	if len(raw) == len("{}") { // most often
		*into = map[string]any{}
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

// toStrings reads an array of strings that are not empty.
func toStrings(at place, raw []byte, into *[]string) error {
	list := []string{}
	path := at.String()
	err := items(raw, path, func(_ place, value json.RawMessage) error {
		if value[0] != '"' || len(value) == 2 {
			return keyError(path, "must hold strings that are not empty")
		}
		list = append(list, string(payload.Text(value)))
		return nil
	})
	*into = list
	return err
}

func checkVersion(at place, raw []byte) error {
	if string(raw) != strconv.Itoa(SchemaVersion) {
		return at.wrong("is %s; this library knows version %d", clip(string(raw)), SchemaVersion)
	}
	return nil
}

// unknownKey blames a key that has no business where it is, and says where it would have.
func unknownKey(at place, homes map[string]string) error {
	e := keyError(at.String(), "unknown key")
	if home, ok := homes[string(at.key)]; ok {
		e.Message = strconv.Quote(at.String()) + ": this key belongs elsewhere: write " + home
		e.With("belongs_to", home)
	}
	return e
}

// clip shortens what a host sent for an error message.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "..."
	}
	return s
}
