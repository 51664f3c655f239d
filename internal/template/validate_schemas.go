package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// checkSchemas compiles every JSON Schema of the template. The same schema is compiled once, however often it is written.
func (r *report) checkSchemas(t *TaskTemplate) {
	compiled := map[string][]schemaProblem{}
	check := func(schema any, path ...any) {
		if schema == nil || r.full {
			return
		}
		if _, isObject := schema.(map[string]any); !isObject {
			return // reported by its shape
		}
		text, err := json.Marshal(schema)
		if err != nil {
			return // as is what JSON cannot hold
		}
		problems, seen := compiled[string(text)]
		if !seen {
			problems = compileSchema(text)
			compiled[string(text)] = problems
		}
		for _, p := range problems {
			r.at(codeSchemaInvalid, p.hint, p.message, append(path[:len(path):len(path)], p.within(schema)...)...)
		}
	}
	check(t.InputSchema, "input_schema")
	for i, e := range t.DomainEvents {
		check(e.Schema, "domain_events", i, "schema")
	}
	for i, s := range t.Steps {
		check(s.ResultSchema, "steps", i, "result_schema")
		for j, e := range s.PublishesEvents {
			check(e.Schema, "steps", i, "publishes_events", j, "schema")
		}
	}
}

// MaxSchemaBytes bounds one JSON Schema. The compiler's work grows with the square of it.
const MaxSchemaBytes = 64 << 10

// schemaProblem is what is wrong at one place of a schema.
type schemaProblem struct {
	location []string
	message  string
	hint     string
}

// within is the location with the indices of lists as numbers.
func (p schemaProblem) within(schema any) []any {
	var path []any
	for _, part := range p.location {
		switch v := schema.(type) {
		case map[string]any:
			path, schema = append(path, part), v[part]
		case []any:
			index, err := strconv.Atoi(part)
			if err != nil || index >= len(v) {
				return path
			}
			path, schema = append(path, index), v[index]
		default:
			return path
		}
	}
	return path
}

// schemaURL stands for the schema under check in what the compiler says.
const (
	schemaBase = "tasker://template/"
	schemaURL  = schemaBase + "schema"
)

// noLoader refuses what a schema refers to outside itself: templates must not make the engine read files or URLs.
type noLoader struct{}

func (noLoader) Load(string) (any, error) { return nil, errors.New("not read") }

func compileSchema(text []byte) []schemaProblem {
	if len(text) > MaxSchemaBytes {
		return []schemaProblem{{message: fmt.Sprintf("the JSON Schema has %d bytes; it may have %d", len(text), MaxSchemaBytes)}}
	}
	var doc any
	err := decodeJSON(text, &doc)
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err == nil {
		err = compiler.AddResource(schemaURL, doc)
	}
	if err == nil {
		_, err = compiler.Compile(schemaURL)
	}
	if err == nil {
		return nil
	}
	var invalid *jsonschema.SchemaValidationError
	var details *jsonschema.ValidationError
	if errors.As(err, &invalid) && errors.As(invalid.Err, &details) {
		problems := schemaProblems(details)
		slices.SortStableFunc(problems, func(a, b schemaProblem) int { return slices.Compare(a.location, b.location) })
		return problems
	}
	var outside *jsonschema.LoadURLError
	if errors.As(err, &outside) {
		return []schemaProblem{{message: fmt.Sprintf("the JSON Schema refers to %s, which is outside of it", quote(strings.TrimPrefix(outside.URL, schemaBase))),
			hint: "copy what it needs into its $defs"}}
	}
	return []schemaProblem{{message: "the JSON Schema does not compile: " + strings.ReplaceAll(err.Error(), schemaURL, "")}}
}

// schemaProblems are the places where the schema is not one, and what is wrong there.
func schemaProblems(e *jsonschema.ValidationError) []schemaProblem {
	if len(e.Causes) == 0 {
		english := message.NewPrinter(language.English)
		return []schemaProblem{{location: e.InstanceLocation,
			message: "this is not JSON Schema: " + e.ErrorKind.LocalizedString(english)}}
	}
	var problems []schemaProblem
	seen := map[string]bool{}
	deepest := 0
	for _, cause := range e.Causes {
		for _, p := range schemaProblems(cause) {
			if at := strings.Join(p.location, "/"); !seen[at] { // the alternatives of one place say it once
				seen[at] = true
				problems = append(problems, p)
				deepest = max(deepest, len(p.location))
			}
		}
	}
	if _, alternatives := e.ErrorKind.(*kind.AnyOf); alternatives { // the one that came furthest is the one that was meant
		problems = slices.DeleteFunc(problems, func(p schemaProblem) bool { return len(p.location) < deepest })
	}
	return problems
}
