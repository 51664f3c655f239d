package workflow_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// repairTask is the garden as an operator's action finds it, once all of its steps are complete.
func (g *garden) repairTask() workflow.RepairTask {
	t := workflow.RepairTask{State: workflow.TaskComplete, Steps: map[int32]*workflow.RepairStep{}, Blueprint: g.Blueprint, Standing: g.now}
	for no, s := range g.now.Steps {
		t.Steps[no] = &workflow.RepairStep{State: workflow.StepComplete, Attempt: 1, Parents: s.Parents}
	}
	for no := range g.now.Steps {
		for _, p := range g.parentsOf(no) {
			t.Steps[p].Children = append(t.Steps[p].Children, no)
		}
	}
	for _, s := range t.Steps {
		slices.Sort(s.Children)
		s.Sink = len(s.Children) == 0
	}
	return t
}

func (g *garden) parentsOf(no int32) []int32 {
	if g.steps[no].Initial {
		return slices.DeleteFunc(slices.Clone(g.steps[no].Parents), func(p int32) bool { _, ok := g.now.Steps[p]; return !ok })
	}
	return g.now.Steps[no].Parents
}

// runAgain does to the garden what a plan says, and holds that the edges of what is left fit each other.
func (g *garden) runAgain(t require.TestingT, task workflow.RepairTask, p *workflow.RepairPlan) {
	children := map[int32][]int32{}
	for no, s := range task.Steps {
		children[no] = s.Children
	}
	for _, c := range p.Steps {
		if c.Removed {
			delete(g.now.Steps, c.No)
			delete(children, c.No)
			continue
		}
		s := g.now.Steps[c.No]
		if c.Rewired {
			s.Parents, children[c.No] = c.Parents, c.Children
		}
		if len(c.Path) > 0 {
			s.Open, s.Result = true, nil
		}
		g.now.Steps[c.No] = s
	}
	inverse := map[int32][]int32{}
	for no := range g.now.Steps {
		for _, parent := range g.parentsOf(no) {
			require.Contains(t, g.now.Steps, parent)
			inverse[parent] = append(inverse[parent], no)
		}
	}
	for no := range g.now.Steps {
		require.ElementsMatch(t, inverse[no], children[no], "children of %s", g.steps[no].Name)
	}
}

// Whatever runs again, the same choices make the same task of it, in whatever order they are made.
func TestATaskThatRunsAgainGrowsToTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := drawPlan(t)
		g := plan(lines...)
		if g.Blueprint == nil {
			return
		}
		choices := map[int32][]string{}
		for no, s := range g.steps {
			for _, child := range s.Children {
				if s.Kind == workflow.DecisionStep && rapid.Bool().Draw(t, "chosen") {
					choices[int32(no)] = append(choices[int32(no)], g.steps[child].Name)
				}
			}
		}
		next := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") }
		first := g.run(t, choices, next)
		for range 3 {
			var there []int32
			for no := range g.now.Steps {
				there = append(there, no)
			}
			slices.Sort(there)
			task := g.repairTask()
			p, err := workflow.RetryFrom(task, there[next(len(there))])
			require.NoError(t, err)
			g.runAgain(t, task, p)
			require.Equal(t, first, g.run(t, choices, next))
		}
	})
}
