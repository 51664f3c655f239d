package template

import (
	"fmt"
	"maps"
	"slices"
)

// checkEnvironments checks that overrides name steps, and leave the steps they change in order.
func (r *report) checkEnvironments(t *TaskTemplate) {
	names := make([]string, len(t.Steps), len(t.Steps)+1)
	for i, s := range t.Steps {
		names[i] = s.Name
	}
	for _, env := range slices.Sorted(maps.Keys(t.Environments)) {
		for i, o := range t.Environments[env].Steps {
			path := []any{"environments", env, "steps", i}
			if o.Name != AllSteps && !slices.Contains(names, o.Name) {
				r.missingStep(codeUnknownOverride, fmt.Sprintf("environment %s changes", quote(env)), o.Name, append(names, AllSteps), append(path, "name")...)
				continue
			}
			if o.Retry == nil {
				continue
			}
			for _, s := range t.Steps {
				if o.Name != AllSteps && o.Name != s.Name {
					continue
				}
				if retry := s.Retry.overridden(*o.Retry); retry.MaxBackoffMS < retry.BackoffBaseMS {
					r.backoffOrder(retry, append(path, "retry")...)
					break
				}
			}
		}
	}
}
