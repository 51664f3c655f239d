package template

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// ContentHash is the SHA-256, in hex, of what the template says. Formatting, comments, the order of fields, defaults that
// are written out and different spellings of a number do not change it, nor does a way through the database. It is empty
// for a template that JSON cannot hold, which [Validate] refuses.
func (t *TaskTemplate) ContentHash() string {
	data, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	var doc any
	if err := decodeJSON(data, &doc); err != nil {
		return ""
	}
	canonical, err := json.Marshal(canonicalJSON(doc)) // which sorts the keys
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// canonicalJSON gives numbers one spelling, in place where it can.
func canonicalJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = canonicalJSON(item)
		}
	case []any:
		for i, item := range v {
			v[i] = canonicalJSON(item)
		}
	case json.Number:
		return canonicalNumber(string(v))
	}
	return v
}

// canonicalNumber spells a JSON number as its digits and a power of ten, without zeros at either end: 1.50, 15e-1 and
// 150E-2 are all 15e-1.
func canonicalNumber(text string) json.Number {
	digits, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	power, err := strconv.Atoi(exponent)
	if err != nil && exponent != "" {
		return json.Number(text) // the power itself is too large to add to
	}
	digits, negative := strings.CutPrefix(digits, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	power -= len(fraction)
	significant := strings.TrimRight(digits, "0")
	power += len(digits) - len(significant)
	switch {
	case significant == "":
		return "0"
	case negative:
		significant = "-" + significant
	}
	if power == 0 {
		return json.Number(significant)
	}
	return json.Number(significant + "e" + strconv.Itoa(power))
}
