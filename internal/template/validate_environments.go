package template

import (
	"fmt"
	"maps"
	"slices"
)

// checkEnvironments checks that overrides name steps, and leave the delays of the steps they change in order.
func (r *report) checkEnvironments(t *TaskTemplate) {
	names, retries := make([]string, 0, len(t.Steps)+1), make(map[string]RetryConfiguration, len(t.Steps))
	for _, s := range t.Steps {
		names = append(names, s.Name)
		retries[s.Name] = s.Retry
	}
	names = append(names, AllSteps)
	for _, env := range slices.Sorted(maps.Keys(t.Environments)) {
		for i, o := range t.Environments[env].Steps {
			own, known := retries[o.Name]
			changed := []RetryConfiguration{own}
			if o.Name == AllSteps {
				changed = slices.Collect(maps.Values(retries))
			} else if !known {
				r.missingStep(codeUnknownOverride, fmt.Sprintf("environment %s changes", quote(env)), o.Name, names,
					"environments", env, "steps", i, "name")
				continue
			}
			if o.Retry != nil {
				r.checkOverriddenDelays(*o.Retry, changed, "environments", env, "steps", i, "retry")
			}
		}
	}
}

// checkOverriddenDelays reports the first of the changed retries that the override leaves out of order.
func (r *report) checkOverriddenDelays(o RetryOverride, changed []RetryConfiguration, path ...any) {
	for _, retry := range changed {
		if retry = retry.overridden(o); retry.MaxBackoffMS < retry.BackoffBaseMS {
			r.backoffOrder(retry, path...)
			return
		}
	}
}
