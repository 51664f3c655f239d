package template

import (
	"bytes"
	"encoding/json"
)

// JSONSchema is the JSON Schema of template files, for editors: it offers the fields and what they mean, and marks the
// ones that do not exist. It is made from the table that [Parse] reads, and ends with a line break.
func JSONSchema() []byte {
	doc := templateShape.jsonSchema()
	doc["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	doc["title"] = "Tasker task template"
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		panic("template: the table of fields holds what JSON cannot: " + err.Error())
	}
	return out.Bytes()
}

func (s *shape) jsonSchema() map[string]any {
	switch s.kind {
	case textShape:
		doc := map[string]any{"type": "string"}
		if s.enum != nil {
			doc["enum"] = s.enum
		}
		if s.longest > 0 {
			doc["maxLength"] = s.longest
		}
		return doc
	case flagShape:
		return map[string]any{"type": "boolean"}
	case wholeShape:
		return map[string]any{"type": "integer", "minimum": s.min, "maximum": s.max}
	case momentShape:
		return map[string]any{"type": "string", "format": "date-time"}
	case listShape:
		return map[string]any{"type": "array", "items": s.of.jsonSchema()}
	case objectShape:
		return s.objectSchema()
	case namedShape:
		return map[string]any{"type": "object", "additionalProperties": s.of.jsonSchema()}
	case freeShape, schemaShape:
		return map[string]any{"type": "object"}
	default:
		return map[string]any{}
	}
}

func (s *shape) objectSchema() map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, k := range s.keys {
		doc := k.is.jsonSchema()
		doc["description"] = k.doc
		if k.def != nil {
			doc["default"] = k.def
		}
		if k.is.pattern != nil {
			doc["pattern"] = k.is.pattern.String()
		}
		if k.required {
			required = append(required, k.name)
		}
		properties[k.name] = doc
		if k.alias != "" {
			properties[k.alias] = doc
		}
	}
	doc := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		doc["required"] = required
	}
	return doc
}
