package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Schema is a JSON Schema that documents are held against. A nil one is met by everything. It is safe for concurrent use.
type Schema struct{ compiled *jsonschema.Schema }

// CompileSchema compiles a schema as a template has it; nil stays nil. What [Validate] found no fault with compiles.
func CompileSchema(schema any) (*Schema, error) {
	if schema == nil {
		return nil, nil
	}
	text, err := json.Marshal(schema)
	if err != nil {
		return nil, fmt.Errorf("encode the JSON Schema: %w", err)
	}
	var doc any
	if err := decodeJSON(text, &doc); err != nil {
		return nil, fmt.Errorf("decode the JSON Schema: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaURL, doc); err != nil {
		return nil, fmt.Errorf("compile the JSON Schema: %w", err)
	}
	compiled, err := compiler.Compile(schemaURL)
	if err != nil {
		return nil, fmt.Errorf("compile the JSON Schema: %w", err)
	}
	return &Schema{compiled}, nil
}

// maxViolations bounds those that are listed.
const maxViolations = 50

// Violations lists everything in a JSON document that does not meet the schema: the place, as a JSON pointer after what, and
// what is wrong there.
func (s *Schema) Violations(what string, document json.RawMessage) []string {
	if s == nil {
		return nil
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return []string{what + ": it is not JSON"}
	}
	var broken *jsonschema.ValidationError
	if err := s.compiled.Validate(value); !errors.As(err, &broken) {
		return nil
	}
	var list []string
	english := message.NewPrinter(language.English)
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			list = append(list, what+pointer(e.InstanceLocation)+": "+wrong(e.ErrorKind, english))
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(broken)
	slices.Sort(list)
	list = slices.Compact(list)
	if more := len(list) - maxViolations; more > 0 {
		list = append(list[:maxViolations], fmt.Sprintf("%s: and %d more", what, more))
	}
	return list
}

// wrong says what a document does wrong at one place. Bounds are spelled out, since the library writes them as a table would.
func wrong(e jsonschema.ErrorKind, english *message.Printer) string {
	switch k := e.(type) {
	case *kind.Minimum:
		return fmt.Sprintf("%s is less than %s", decimal(k.Got), decimal(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("%s is more than %s", decimal(k.Got), decimal(k.Want))
	case *kind.ExclusiveMinimum:
		return fmt.Sprintf("%s is not more than %s", decimal(k.Got), decimal(k.Want))
	case *kind.ExclusiveMaximum:
		return fmt.Sprintf("%s is not less than %s", decimal(k.Got), decimal(k.Want))
	}
	return e.LocalizedString(english)
}

// decimal writes a number without a power of ten, cut after some digits.
func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(10), "0")
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// pointer writes a place in a document as a JSON pointer.
func pointer(location []string) string {
	var b strings.Builder
	for _, part := range location {
		b.WriteString("/" + pointerEscapes.Replace(part))
	}
	return b.String()
}
