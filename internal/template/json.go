package template

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MarshalJSON writes the configuration as it is stored and served. Defaults are filled in.
func (t TaskTemplate) MarshalJSON() ([]byte, error) {
	c := t.clone()
	c.ApplyDefaults()
	type plain TaskTemplate
	return json.Marshal((*plain)(c))
}

// UnmarshalJSON reads a stored configuration and fills in the defaults. Unknown fields are ignored, since a newer version
// may have written them; for text written by people there is [Parse].
func (t *TaskTemplate) UnmarshalJSON(data []byte) error {
	type plain TaskTemplate
	var p plain
	if err := decodeJSON(data, &p); err != nil {
		return fmt.Errorf("decode task template: %w", err)
	}
	*t = TaskTemplate(p)
	t.ApplyDefaults()
	return nil
}

// MarshalJSON writes the step as it stands in its template's configuration. Defaults are filled in.
func (s StepDefinition) MarshalJSON() ([]byte, error) {
	c := s.clone()
	c.applyDefaults()
	type plain StepDefinition
	return json.Marshal((*plain)(&c))
}

// UnmarshalJSON reads a stored step and fills in the defaults.
func (s *StepDefinition) UnmarshalJSON(data []byte) error {
	type plain StepDefinition
	var p struct {
		plain
		StepType  *StepType `json:"step_type"`
		DependsOn []string  `json:"depends_on"`
	}
	if err := decodeJSON(data, &p); err != nil {
		return fmt.Errorf("decode step %q: %w", p.Name, err)
	}
	if p.StepType != nil {
		if p.Type != "" {
			return fmt.Errorf("decode step %q: type and step_type are the same field", p.Name)
		}
		p.Type = *p.StepType
	}
	if p.DependsOn != nil {
		if p.Dependencies != nil {
			return fmt.Errorf("decode step %q: dependencies and depends_on are the same field", p.Name)
		}
		p.Dependencies = p.DependsOn
	}
	*s = StepDefinition(p.plain)
	s.applyDefaults()
	return nil
}

// MarshalJSON leaves out the fields that upstream does not have where they hold their defaults.
func (r RetryConfiguration) MarshalJSON() ([]byte, error) {
	r.applyDefaults()
	type plain RetryConfiguration
	out := struct {
		plain
		Jitter     *bool  `json:"jitter,omitempty"`
		MaxCrashes *int32 `json:"max_crashes,omitempty"`
	}{plain: plain(r)}
	if !r.Jitter {
		out.Jitter = &r.Jitter
	}
	if r.MaxCrashes != DefaultMaxCrashes {
		out.MaxCrashes = &r.MaxCrashes
	}
	return json.Marshal(out)
}

// UnmarshalJSON fills in the defaults of what is left out.
func (r *RetryConfiguration) UnmarshalJSON(data []byte) error {
	type plain RetryConfiguration
	p := plain(DefaultRetry())
	p.MaxBackoffMS = 0 // its default depends on the base
	if err := decodeJSON(data, &p); err != nil {
		return err
	}
	*r = RetryConfiguration(p)
	r.applyDefaults()
	return nil
}

// decodeJSON keeps the digits of numbers: a float64 would lose those of large ones.
func decodeJSON(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(into)
}
