package engine

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
)

func splitPath(path string) []string { return strings.Split(path, "/") }

// object reads parameters by their names.
func object(params []byte) (map[string]json.RawMessage, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(params, &given); err != nil {
		return nil, bridge.Errorf(bridge.EInvalid, "the parameters must be an object")
	}
	return given, nil
}

// scalars reads parameters that are scalars, or arrays of them. null counts as not given.
func scalars(given map[string]json.RawMessage) (map[string][]string, error) {
	values := map[string][]string{}
	for key, value := range given {
		list := []json.RawMessage{value}
		if value[0] == '[' {
			if err := json.Unmarshal(value, &list); err != nil {
				return nil, bridge.Errorf(bridge.EInvalid, "%s: %s", key, err).With("key", key)
			}
		}
		for _, item := range list {
			text, ok := scalar(item)
			if !ok {
				return nil, bridge.Errorf(bridge.EInvalid, "%s must be a string, a number or a bool", key).With("key", key)
			}
			if string(item) != "null" {
				values[key] = append(values[key], text)
			}
		}
	}
	return values, nil
}

func scalar(raw json.RawMessage) (string, bool) {
	raw = bytes.TrimSpace(raw)
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err == nil
	case '{', '[':
		return "", false
	}
	return string(raw), true
}

// strictly decodes parameters into v, and names what it does not know.
func strictly(params []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(params))
	d.DisallowUnknownFields()
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		e := bridge.Errorf(bridge.EInvalid, "%s", strings.TrimPrefix(err.Error(), "json: "))
		if _, field, found := strings.Cut(err.Error(), "unknown field "); found {
			e.With("key", strings.Trim(field, `"`))
		}
		return e
	}
	return nil
}
