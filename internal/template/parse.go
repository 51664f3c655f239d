package template

import (
	"encoding/json"
	"fmt"
)

// ParseOptions tune [Parse]. The zero value is how files are read at run time.
type ParseOptions struct {
	// Strict makes every warning an error.
	Strict bool
	// Lint adds remarks on what is allowed but unusual, with [SeverityInfo].
	Lint bool
}

// Bounds of a template that does not come from a file.
const (
	MaxTemplateBytes = 8 << 20 // as JSON
	MaxSteps         = 20_000
)

// Parse reads a template file; file is its name, for messages. It returns all problems at once, in the order of the file,
// and the template with its defaults filled in, or nil if any problem is an error. JSON is read as well, being YAML.
func Parse(src []byte, file string, opts ParseOptions) (*TaskTemplate, Diagnostics) {
	r := &report{file: file, text: src, strict: opts.Strict, lint: opts.Lint}
	t := r.parse()
	found := r.diagnostics()
	if found.Err() != nil {
		return nil, found
	}
	return t, found
}

func (r *report) parse() *TaskTemplate {
	r.root = r.readYAML()
	if r.root == nil {
		return nil
	}
	check{report: r, node: r.root, is: templateShape}.run()
	if r.root.faulty {
		return nil
	}
	data, err := json.Marshal(r.root.value())
	t := new(TaskTemplate)
	if err == nil {
		err = json.Unmarshal(data, t)
	}
	if err != nil {
		r.at(codeNotJSON, "", fmt.Sprintf("the template cannot be stored as JSON: %v", err))
		return nil
	}
	if len(t.Steps) > MaxFileSteps {
		r.at(codeTooManySteps, "declare very large workflows in code",
			fmt.Sprintf("the template has %d steps; a file may declare %d", len(t.Steps), MaxFileSteps), "steps")
		return nil
	}
	r.validate(t)
	return t
}

// Validate checks a template that was built in Go or came as JSON, as thoroughly as [Parse] checks a file. Places are told
// by [Diagnostic.Path].
func Validate(t *TaskTemplate) Diagnostics {
	r := &report{root: &tree{}}
	r.check(t)
	return r.diagnostics()
}

func (r *report) check(t *TaskTemplate) {
	if len(t.Steps) > MaxSteps {
		r.at(codeTooManySteps, "split the work into batches, or into several tasks",
			fmt.Sprintf("the template has %d steps; it may have %d", len(t.Steps), MaxSteps), "steps")
		return
	}
	data, err := json.Marshal(t)
	if err != nil {
		r.at(codeNotJSON, "", fmt.Sprintf("the template cannot be stored as JSON: %v", err))
		return
	}
	if len(data) > MaxTemplateBytes {
		r.at(codeTooLarge, "pass large values with the task's context",
			fmt.Sprintf("the template has %d bytes as JSON; it may have %d", len(data), MaxTemplateBytes))
		return
	}
	var doc any
	if err := decodeJSON(data, &doc); err != nil {
		r.at(codeNotJSON, "", fmt.Sprintf("the template cannot be read back from JSON: %v", err))
		return
	}
	r.root = newTree(doc)
	r.checkJSON(r.root, nil, 1)
	check{report: r, node: r.root, is: templateShape}.run()
	complete := t.clone()
	complete.ApplyDefaults()
	r.validate(complete)
}

// checkJSON holds values that came from Go to what a file is held to as it is read.
func (r *report) checkJSON(node *tree, at *trail, depth int) {
	if depth > MaxDepth {
		node.faulty = true
		r.add(codeTooDeep, SeverityError, span{}, pathText(at.path()), fmt.Sprintf("values are nested more than %d deep", MaxDepth), "")
		return
	}
	problem := ""
	switch {
	case node.kind == textTree && hasZeroByte(node.text):
		problem = zeroByteMessage
	case node.kind == numberTree && !finite(node.text):
		problem = notJSONNumber(node.text)
	}
	if problem != "" {
		node.faulty = true
		r.add(codeNotJSON, SeverityError, span{}, pathText(at.path()), problem, "")
	}
	for i, item := range node.items {
		r.checkJSON(item, &trail{up: at, part: i}, depth+1)
	}
	for _, e := range node.entries {
		if hasZeroByte(e.key) {
			r.add(codeNotJSON, SeverityError, span{}, pathText(at.path()), zeroByteMessage, "")
		}
		r.checkJSON(e.value, &trail{up: at, part: e.key}, depth+1)
	}
}
