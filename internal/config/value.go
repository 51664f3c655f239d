package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// setText stores a value that came as text: an environment variable, a flag, a default, or a TOML string that referred
// to a variable.
func (k *key) setText(c *Config, text string) error {
	switch k.in(c).(type) {
	case *string, *Secret:
		return k.set(c, text)
	case *[]string:
		return k.set(c, splitList(text))
	case *bool:
		if v, err := strconv.ParseBool(strings.TrimSpace(text)); err == nil {
			return k.set(c, v)
		}
	case *float64:
		if v, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
			return k.set(c, v)
		}
	case *int, *time.Duration:
		if v, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
			return k.set(c, v)
		}
	}
	return k.wanted()
}

// set stores a value as the TOML decoder gives it. Its error says what the key takes, never the value.
func (k *key) set(c *Config, value any) error {
	var ok bool
	switch field := k.in(c).(type) {
	case *string:
		ok = k.storeString(field, value)
	case *Secret:
		ok = k.storeString((*string)(field), value)
	case *[]string:
		ok = storeList(field, value)
	case *bool:
		ok = store(field, value)
	case *float64:
		n, whole := value.(int64)
		if whole {
			value = float64(n)
		}
		ok = k.within(value) && store(field, value)
	case *int:
		n, whole := value.(int64)
		ok = whole && k.within(n) && store(field, any(int(n)))
	case *time.Duration:
		n, whole := value.(int64)
		ok = whole && k.within(n) && n <= math.MaxInt64/int64(k.unit) && store(field, any(time.Duration(n)*k.unit))
	}
	if !ok {
		return k.wanted()
	}
	return nil
}

func store[T any](field *T, value any) bool {
	v, ok := value.(T)
	if ok {
		*field = v
	}
	return ok
}

// storeString brings a value that has a list of allowed spellings to the one in the list; case does not matter.
func (k *key) storeString(field *string, value any) bool {
	s, ok := value.(string)
	if !ok || len(k.oneOf) == 0 {
		return store(field, value)
	}
	for _, allowed := range k.oneOf {
		if strings.EqualFold(strings.TrimSpace(s), allowed) {
			*field = allowed
			return true
		}
	}
	return false
}

func storeList(field *[]string, value any) bool {
	items, ok := value.([]any)
	if !ok {
		return store(field, value)
	}
	var list []string
	for _, item := range items {
		s, ok := item.(string)
		if !ok || s == "" {
			return false
		}
		list = append(list, s)
	}
	*field = list
	return true
}

// within reports whether value is a number inside the bounds of the key.
func (k *key) within(value any) bool {
	switch n := value.(type) {
	case int64:
		return float64(n) >= k.min && float64(n) <= k.max
	case float64:
		return n >= k.min && n <= k.max // false for NaN
	}
	return false
}

// wanted is the error for a value of the wrong type or outside the bounds.
func (k *key) wanted() error { return errors.New("want " + k.takes()) }

// takes describes the values of the key, such as "a whole number of milliseconds, at least 500".
func (k *key) takes() string {
	if len(k.oneOf) > 0 {
		return "one of " + strings.Join(k.oneOf, ", ")
	}
	switch k.in(&Config{}).(type) {
	case *[]string:
		return "a list of strings, none empty"
	case *bool:
		return "true or false"
	case *float64:
		return "a number" + k.bounds()
	case *int:
		return "a whole number" + k.bounds()
	case *time.Duration:
		unit := k.leaf[strings.LastIndexByte(k.leaf, '_')+1:]
		if unit == "ms" {
			unit = "milliseconds"
		}
		return "a whole number of " + unit + k.bounds()
	}
	return "a string"
}

func (k *key) bounds() string {
	low := strconv.FormatFloat(k.min, 'f', -1, 64)
	if math.IsInf(k.max, 1) {
		return ", at least " + low
	}
	return " from " + low + " to " + strconv.FormatFloat(k.max, 'f', -1, 64)
}

// text returns the value of the key in c as TOML; a secret as "***".
func (k *key) text(c *Config) string {
	switch field := k.in(c).(type) {
	case *string:
		return quote(*field)
	case *[]string:
		quoted := make([]string, len(*field))
		for i, s := range *field {
			quoted[i] = quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case *bool:
		return strconv.FormatBool(*field)
	case *int:
		return strconv.Itoa(*field)
	case *time.Duration:
		return strconv.FormatInt(int64(*field/k.unit), 10)
	case *float64:
		s := strconv.FormatFloat(*field, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	default:
		return quote(fmt.Sprint(*field.(*Secret)))
	}
}

// quote writes s as a TOML string that the loader reads back as s.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "${", "$${") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, "\\u%04X", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// splitList takes "a, b" apart; empty items are dropped.
func splitList(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}
