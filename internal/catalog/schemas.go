package catalog

import (
	"encoding/json"
	"fmt"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// compileSchemas readies the schemas that the engine enforces: that of the task's context, and those of results where the
// template asks for it.
func (t *Template) compileSchemas() (err error) {
	if t.input, err = template.CompileSchema(t.Definition.InputSchema); err != nil {
		return fmt.Errorf("input_schema: %w", err)
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Definition == nil || !s.Definition.EnforceResultSchema {
			continue
		}
		if s.result, err = template.CompileSchema(s.Definition.ResultSchema); err != nil {
			return fmt.Errorf("result_schema of step %s: %w", s.Definition.Name, err)
		}
	}
	return nil
}

// CheckContext lists what in a task's context does not meet the template's input_schema.
func (t *Template) CheckContext(context json.RawMessage) []string {
	return t.input.Violations("context", context)
}

// CheckResult lists what in a step's result does not meet its result_schema, if the template enforces it.
func (s *Step) CheckResult(result json.RawMessage) []string {
	return s.result.Violations("result", result)
}
