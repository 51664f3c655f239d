package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// maxCachedSchemas bounds the compiled schemas that are kept. A template that changes leaves its old ones behind; the cache
// starts anew when it is full.
const maxCachedSchemas = 4096

// schemaCache compiles each JSON Schema once. Its zero value is ready to use, by one goroutine.
type schemaCache struct {
	compiled map[string]compiledSchema // by the text of the schema
}

type compiledSchema struct {
	schema *jsonschema.Schema
	err    error
}

// schemaError says why a payload is not published. It names places and rules, never values.
type schemaError struct{ reason string }

func (e *schemaError) Error() string { return e.reason }

// CheckPayload returns an error unless the payload, which is JSON, meets the schema. It names places and rules, never values.
func CheckPayload(schema any, payload json.RawMessage) error {
	return new(schemaCache).check(schema, payload)
}

// check returns a [schemaError] unless the payload, which is JSON, meets the schema. Everything meets no schema.
func (c *schemaCache) check(schema any, payload json.RawMessage) error {
	if schema == nil {
		return nil
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return &schemaError{"the event's schema is not JSON: " + err.Error()}
	}
	compiled, err := c.compile(text)
	if err != nil {
		return &schemaError{"the event's schema does not compile: " + err.Error()}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		return err
	}
	var broken *jsonschema.ValidationError
	if err := compiled.Validate(value); errors.As(err, &broken) {
		return &schemaError{"the payload does not meet the event's schema: " + strings.Join(violations(broken), ", ")}
	} else if err != nil {
		return err
	}
	return nil
}

func (c *schemaCache) compile(text []byte) (*jsonschema.Schema, error) {
	if known, ok := c.compiled[string(text)]; ok {
		return known.schema, known.err
	}
	schema, err := compileSchema(text)
	if c.compiled == nil || len(c.compiled) >= maxCachedSchemas {
		c.compiled = map[string]compiledSchema{}
	}
	c.compiled[string(text)] = compiledSchema{schema, err}
	return schema, err
}

const schemaURL = "tasker://event/schema"

// noLoader refuses what a schema refers to outside itself: templates must not make the engine read files or URLs.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("a schema may refer to itself only")
}

func compileSchema(text []byte) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaURL, doc); err != nil {
		return nil, err
	}
	return compiler.Compile(schemaURL)
}

// violations lists the broken rules, each as "/place: rule".
func violations(e *jsonschema.ValidationError) []string {
	var all []string
	for _, cause := range e.Causes {
		all = append(all, violations(cause)...)
	}
	if len(e.Causes) > 0 {
		slices.Sort(all)
		return slices.Compact(all)
	}
	rule := strings.Join(e.ErrorKind.KeywordPath(), "/")
	switch broken := e.ErrorKind.(type) {
	case *kind.Required:
		rule += " " + strings.Join(broken.Missing, " ")
	case *kind.FalseSchema:
		rule = "not allowed"
	}
	return []string{"/" + strings.Join(e.InstanceLocation, "/") + ": " + rule}
}
