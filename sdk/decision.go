package sdk

// The keys of a result that decisions and batchable steps answer under.
const (
	decisionKey = "decision_point_outcome"
	batchesKey  = "batch_processing_outcome"
)

// CreateSteps is the result of a decision that chooses branches: steps of the template that depend on it. They come into
// being, with what follows them, as the decision completes. A choice that cannot be carried out fails the step for good, as
// DECISION_ERROR.
//
//	return sdk.CreateSteps("manager_approval", "finance_review").With("amount", 7000), nil
func CreateSteps(names ...string) StepResult {
	return outcome(decisionKey, map[string]any{"type": "create_steps", "step_names": names})
}

// NoBranches is the result of a decision that chooses none of its branches.
func NoBranches() StepResult { return outcome(decisionKey, map[string]any{"type": "no_branches"}) }

func outcome(key string, o map[string]any) StepResult { return Success(map[string]any{key: o}) }

// With adds a field to a result whose value is a map[string]any, as those of decisions and batchable steps are, for later
// steps to read. It panics for any other value.
func (r StepResult) With(key string, value any) StepResult {
	fields := make(map[string]any)
	for k, v := range r.Value.(map[string]any) {
		fields[k] = v
	}
	fields[key] = value
	r.Value = fields
	return r
}
