package template_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/tasker-systems/tasker-go/internal/template"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var doc any
	require.NoError(t, json.Unmarshal(template.JSONSchema(), &doc))
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("template.json", doc))
	schema, err := compiler.Compile("template.json")
	require.NoError(t, err)
	return schema
}

func TestTheEditorSchemaOfTheFormat(t *testing.T) {
	t.Parallel()
	requireGolden(t, "template.schema.json", string(template.JSONSchema()))
}

func TestTheEditorSchemaTakesEveryTemplateThatTheParserTakes(t *testing.T) {
	t.Parallel()
	schema := compiledSchema(t)
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "templates", "*.yaml"))
	require.NoError(t, err)
	for _, file := range append(files, filepath.Join("testdata", "invoice_run.yaml")) {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		var doc any
		require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(string(src), "_at: 202", "_at: !!str 202")), &doc))
		require.NoError(t, schema.Validate(doc), file)
	}
	var broken any
	require.NoError(t, yaml.Unmarshal(read(t, "broken.yaml"), &broken))
	problems := schema.Validate(broken).Error()
	for _, part := range []string{"'Billing' does not match pattern", "got number, want string", "additional properties 'methd' not allowed", "missing property 'callable'", "'/steps/1/type'"} {
		require.Contains(t, problems, part)
	}
}

// TestTheTableOfFieldsAgreesWithTheTypes compares the editor schema, which is the table, with the JSON tags of the types.
func TestTheTableOfFieldsAgreesWithTheTypes(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(template.JSONSchema(), &doc))
	aliases := []string{"step_type", "depends_on"}
	var visit func(path string, typ reflect.Type, node map[string]any)
	visit = func(path string, typ reflect.Type, node map[string]any) {
		for typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch kind, _ := node["type"].(string); {
		case typ.Kind() == reflect.Interface: // a schema or any JSON
		case typ.Kind() == reflect.Slice:
			require.Equal(t, "array", kind, path)
			visit(path+"[]", typ.Elem(), node["items"].(map[string]any))
		case typ == reflect.TypeFor[map[string]any]():
			require.Equal(t, "object", kind, path)
			require.NotContains(t, node, "properties", path)
		case typ.Kind() == reflect.Map:
			visit(path+"{}", typ.Elem(), node["additionalProperties"].(map[string]any))
		case node["format"] == "date-time":
			require.Equal(t, "Time", typ.Name(), path)
		case typ.Kind() == reflect.Struct:
			require.Equal(t, "object", kind, path)
			properties := node["properties"].(map[string]any)
			var fields []string
			for i := range typ.NumField() {
				name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
				fields = append(fields, name)
				require.Contains(t, properties, name, path)
				visit(path+"."+name, typ.Field(i).Type, properties[name].(map[string]any))
			}
			for name, property := range properties {
				if !slices.Contains(aliases, name) {
					require.Contains(t, fields, name, path)
				}
				require.NotEmpty(t, property.(map[string]any)["description"], "%s.%s", path, name)
			}
		default:
			want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int32: "integer", reflect.Int64: "integer"}
			require.Equal(t, want[typ.Kind()], kind, path)
		}
	}
	visit("template", reflect.TypeFor[template.TaskTemplate](), doc)
}

func TestDefaultsInTheTableAreThoseOfTheTypes(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(template.JSONSchema(), &doc))
	stored, err := json.Marshal(parsed(t, head+"lifecycle: {}\nsteps: [{name: a, handler: {callable: h}, batch_config: {}, publishes_events: [{name: a.b}]}]"))
	require.NoError(t, err)
	var tmpl map[string]any
	require.NoError(t, json.Unmarshal(stored, &tmpl))
	checked := 0
	var visit func(path string, value any, node map[string]any)
	visit = func(path string, value any, node map[string]any) {
		if items, ok := node["items"].(map[string]any); ok {
			list, _ := value.([]any)
			for _, item := range list {
				visit(path, item, items)
			}
		}
		properties, _ := node["properties"].(map[string]any)
		object, isObject := value.(map[string]any)
		for name, property := range properties {
			property := property.(map[string]any)
			if !isObject {
				continue
			}
			here, written := object[name]
			if def, ok := property["default"]; ok && written && here != nil {
				if name != "version" { // which head sets
					require.Equal(t, def, here, path+"."+name)
				}
				checked++
			}
			visit(path+"."+name, here, property)
		}
	}
	visit("", tmpl, doc)
	require.Greater(t, checked, 14)
}
