package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

func typed(kind template.StepType, name string, parents ...string) template.StepDefinition {
	s := step(name, parents...)
	s.Type = kind
	return s
}

func TestATemplateOfStandardStepsHasNoBlueprint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	tt := w.register(t, step("a"), step("b", "a"))
	require.Nil(t, tt.Blueprint)
	require.Nil(t, tt.Step(2))
	require.Nil(t, tt.Step(-1))
}

func TestTheNumberOfABatchLeadsToItsPattern(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	tt := w.register(t, typed(template.BatchableStep, "split"), typed(template.BatchWorkerStep, "work", "split"))
	require.Equal(t, "work", tt.Step(1).Definition.Name)
	require.Equal(t, "work", tt.Step(tt.Blueprint.Batch(1, 40_000)).Definition.Name)
	require.Nil(t, tt.Step(-1))
}

func TestBatchesRunAsTheirWorkerSaysOrElseTheStepThatIsSplit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, catalog.Config{})
	ofSplit := &template.BatchConfiguration{BatchSize: 10, Parallelism: 3, CursorField: "row", WorkerTemplate: "second", FailureStrategy: template.Isolate}
	ofWorker := &template.BatchConfiguration{BatchSize: 10, Parallelism: 7, CursorField: "key", FailureStrategy: template.FailFast}
	split, second := typed(template.BatchableStep, "split"), typed(template.BatchWorkerStep, "second", "split")
	split.BatchConfig, second.BatchConfig = ofSplit, ofWorker
	tt := w.register(t, split, typed(template.BatchWorkerStep, "first", "split"), second, typed(template.BatchableStep, "plain"), typed(template.BatchWorkerStep, "third", "plain"))
	policy := func(name string) workflow.BatchPolicy {
		no, ok := tt.StepNumber(name)
		require.True(t, ok)
		p := tt.Blueprint.Policy(no)
		p.Initialization = nil
		return p
	}
	require.Equal(t, workflow.BatchPolicy{Parallelism: 3, CursorField: "row", FailureStrategy: "isolate"}, policy("first"))
	require.Equal(t, workflow.BatchPolicy{Parallelism: 7, CursorField: "key", FailureStrategy: "fail_fast", FailFast: true, Preferred: true}, policy("second"))
	require.Equal(t, workflow.BatchPolicy{Parallelism: 10, CursorField: "id", FailureStrategy: "continue_on_failure", Tolerant: true}, policy("third"))
}
