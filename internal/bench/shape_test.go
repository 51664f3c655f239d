package bench

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShapesAreWorkflowsThatEndInOneStep(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ steps, width, depth int }{
		"linear4":  {4, 1, 4},
		"diamond":  {4, 2, 3},
		"dag7":     {7, 3, 4},
		"tree8":    {8, 4, 4},
		"chain:1":  {1, 1, 1},
		"chain:12": {12, 1, 12},
		"wide:1":   {3, 1, 3},
		"wide:100": {102, 100, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := ParseShape(name)
			require.NoError(t, err)
			require.Equal(t, want.steps, s.Steps())
			require.Equal(t, want.width, s.Width)
			require.Equal(t, want.depth, s.Depth())

			plan, err := s.Template().Plan()
			require.NoError(t, err)
			require.Len(t, plan.Steps, want.steps)
			var roots, sinks []string
			for _, step := range plan.Steps {
				if len(step.Parents) == 0 {
					roots = append(roots, step.Name)
				}
				if step.Sink {
					sinks = append(sinks, step.Definition.Handler.Callable)
				} else {
					require.Equal(t, stepHandler, step.Definition.Handler.Callable)
				}
			}
			require.Len(t, roots, 1)
			require.Equal(t, []string{lastHandler}, sinks, "the last step announces the end of the task")
		})
	}
}

func TestOtherShapesAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "linear", "wide", "chain:", "wide:0", "chain:-1", "wide:x", "wide:100001", "linear4:2"} {
		_, err := ParseShape(name)
		require.ErrorContains(t, err, "shape", name)
	}
}
