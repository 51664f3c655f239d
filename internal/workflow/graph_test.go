package workflow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// graphOf reads "a; b: a; c: a b" as three steps, two of which wait for others.
func graphOf(t *testing.T, text string) *workflow.Graph {
	t.Helper()
	g, problems := workflow.NewGraph(declared(text))
	require.Empty(t, problems)
	return g
}

func declared(text string) []workflow.GraphStep {
	var steps []workflow.GraphStep
	for part := range strings.SplitSeq(text, ";") {
		name, parents, _ := strings.Cut(part, ":")
		steps = append(steps, workflow.GraphStep{Name: strings.TrimSpace(name), DependsOn: strings.Fields(parents)})
	}
	return steps
}

func TestTopologicalOrderKeepsTheDeclarationAmongEquals(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		declared string
		want     []int
	}{
		"a chain declared forwards":              {"a; b: a; c: b", []int{0, 1, 2}},
		"a chain declared backwards":             {"c: b; b: a; a", []int{2, 1, 0}},
		"independent steps":                      {"z; y; x", []int{0, 1, 2}},
		"a diamond":                              {"end: left right; right: start; left: start; start", []int{3, 1, 2, 0}},
		"a step is listed as soon as it may run": {"late: root; other; root", []int{1, 2, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			order, err := graphOf(t, tt.declared).TopologicalOrder()
			require.NoError(t, err)
			require.Equal(t, tt.want, order)
		})
	}
}

func TestACycleIsNamedFromItsFirstDeclaredStepBackToIt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ declared, want string }{
		"two steps":                    {"a: b; b: a", "a -> b -> a"},
		"three steps":                  {"a: c; b: a; c: b", "a -> b -> c -> a"},
		"steps beside it stay out":     {"x; b: x c; c: b; y: c", "b -> c -> b"},
		"the shortest of several ways": {"a: c d; b: a; c: b; d: a", "a -> d -> a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := graphOf(t, tt.declared).TopologicalOrder()
			var cycle *workflow.CycleError
			require.ErrorAs(t, err, &cycle)
			require.EqualError(t, err, "steps wait for each other in a circle: "+tt.want)
			require.Equal(t, strings.Split(tt.want, " -> "), cycle.Path)
		})
	}
}

func TestEachKnotOfStepsGivesOneCycle(t *testing.T) {
	t.Parallel()
	g := graphOf(t, "a: b; b: a; c: d b; d: c; e: d")
	require.Equal(t, [][]int{{0, 1}, {2, 3}}, g.Cycles())
	_, err := g.Depths()
	require.ErrorContains(t, err, "a -> b -> a")
}

func TestNewGraphReportsAllProblemsAndLeavesThemOut(t *testing.T) {
	t.Parallel()
	g, problems := workflow.NewGraph(declared("a; b: a b nope a; a: b; c: b"))
	require.Equal(t, []workflow.GraphProblem{
		{Kind: workflow.DuplicateStep, Step: 2, Dependency: -1, Earlier: 0},
		{Kind: workflow.SelfDependency, Step: 1, Dependency: 1},
		{Kind: workflow.MissingDependency, Step: 1, Dependency: 2},
		{Kind: workflow.RepeatedDependency, Step: 1, Dependency: 3, Earlier: 0},
	}, problems)
	step, ok := g.Index("a")
	require.True(t, ok)
	require.Zero(t, step, "the name belongs to the first step that has it")
	require.Equal(t, []int{0}, g.Parents(1))
	require.Equal(t, []int{1}, g.Parents(2))
	_, ok = g.Index("nope")
	require.False(t, ok)
}

func TestAGraphKnowsItsEndsAndWhatLiesBetween(t *testing.T) {
	t.Parallel()
	g := graphOf(t, "start; left: start; right: start; end: left right; aside")
	require.Equal(t, []int{0, 4}, g.Roots())
	require.Equal(t, []int{3, 4}, g.Sinks())
	require.Equal(t, []int{0, 1, 2}, g.Ancestors(3))
	require.Equal(t, []int{1, 2, 3}, g.Descendants(0))
	require.Equal(t, []int{1, 2}, g.Children(0))
	require.Empty(t, g.Ancestors(0))
	depths, err := g.Depths()
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 1, 2, 0}, depths)
}

func TestAChainOfAsManyStepsAsATemplateMayHoldIsSearchedForCycles(t *testing.T) {
	t.Parallel()
	const n = 20_000
	steps := make([]workflow.GraphStep, n)
	for i := range steps {
		steps[i] = workflow.GraphStep{Name: fmt.Sprint(i), DependsOn: []string{fmt.Sprint((i + n - 1) % n)}}
	}
	ring, problems := workflow.NewGraph(steps)
	require.Empty(t, problems)
	require.Len(t, ring.Cycles(), 1)
	require.Len(t, ring.Cycles()[0], n)

	steps[0].DependsOn = nil
	chain, _ := workflow.NewGraph(steps)
	require.Empty(t, chain.Cycles())
	require.Len(t, chain.Ancestors(n-1), n-1)
}

// oracleOrder is Kahn's algorithm in its plainest form: again and again the first step all of whose parents are done.
func oracleOrder(g *workflow.Graph) []int {
	done := make([]bool, g.Len())
	var order []int
	for range g.Len() {
		for i := range g.Len() {
			if !done[i] && !slices.ContainsFunc(g.Parents(i), func(p int) bool { return !done[p] }) {
				done[i] = true
				order = append(order, i)
				break
			}
		}
	}
	return order
}

// oracleReach is the transitive closure by Warshall's algorithm.
func oracleReach(g *workflow.Graph) [][]bool {
	reach := make([][]bool, g.Len())
	for i := range reach {
		reach[i] = make([]bool, g.Len())
		for _, c := range g.Children(i) {
			reach[i][c] = true
		}
	}
	for k := range reach {
		for i := range reach {
			for j := range reach {
				reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
			}
		}
	}
	return reach
}

func declaredSteps() *rapid.Generator[[]workflow.GraphStep] {
	return rapid.Custom(func(t *rapid.T) []workflow.GraphStep {
		n := rapid.IntRange(0, 14).Draw(t, "steps")
		named := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("s%d", rapid.IntRange(0, n).Draw(t, "name")) })
		steps := make([]workflow.GraphStep, n)
		for i := range steps {
			steps[i].Name = fmt.Sprintf("s%d", i)
			if rapid.IntRange(0, 9).Draw(t, "rename") == 0 {
				steps[i].Name = named.Draw(t, "name")
			}
			steps[i].DependsOn = rapid.SliceOfN(named, 0, 3).Draw(t, "depends_on")
		}
		return steps
	})
}

func TestTheGraphAgreesWithTheOracles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g, problems := workflow.NewGraph(declaredSteps().Draw(t, "steps"))
		checkGraph(t, g, problems)
	})
}

func FuzzGraph(f *testing.F) {
	f.Add("a; b: a; c: a b")
	f.Add("a: b; b: c; c: a")
	f.Add("a: a; a: nope a; b: b b")
	f.Fuzz(func(t *testing.T, text string) {
		steps := declared(text)
		if len(steps) > 60 {
			steps = steps[:60] // the oracles are cubic
		}
		g, problems := workflow.NewGraph(steps)
		checkGraph(t, g, problems)
		edges, reported := 0, 0
		for i, s := range steps {
			edges += len(s.DependsOn)
			reported += len(g.Parents(i))
		}
		for _, p := range problems {
			if p.Kind != workflow.DuplicateStep {
				reported++
			}
		}
		require.Equal(t, edges, reported, "every declared edge is in the graph or among the problems")
	})
}

func checkGraph(t require.TestingT, g *workflow.Graph, problems []workflow.GraphProblem) {
	for _, p := range problems {
		require.Contains(t, []workflow.GraphProblemKind{workflow.DuplicateStep, workflow.SelfDependency,
			workflow.MissingDependency, workflow.RepeatedDependency}, p.Kind)
		require.Less(t, p.Step, g.Len())
		require.Equal(t, p.Kind == workflow.DuplicateStep, p.Dependency == -1)
	}
	reach, oracle := oracleReach(g), oracleOrder(g)
	order, err := g.TopologicalOrder()
	if len(oracle) == g.Len() {
		require.NoError(t, err)
		require.Equal(t, append([]int{}, oracle...), order)
		require.Empty(t, g.Cycles())
	} else {
		require.Error(t, err)
		require.NotEmpty(t, g.Cycles())
	}
	inCycle := map[int]bool{}
	for _, cycle := range g.Cycles() {
		for i, step := range cycle {
			require.GreaterOrEqual(t, step, cycle[0], "a cycle starts at its step declared first")
			require.Contains(t, g.Children(step), cycle[(i+1)%len(cycle)], "a cycle follows edges")
			require.False(t, inCycle[step], "cycles share no step")
			inCycle[step] = true
		}
	}
	for i := range g.Len() {
		var after, before []int
		for j := range g.Len() {
			if reach[i][j] {
				after = append(after, j)
			}
			if reach[j][i] {
				before = append(before, j)
			}
		}
		require.Equal(t, after, g.Descendants(i))
		require.Equal(t, before, g.Ancestors(i))
		if reach[i][i] {
			require.True(t, slices.ContainsFunc(g.Cycles(), func(c []int) bool { return reach[c[0]][i] && reach[i][c[0]] }),
				"every knot has its cycle")
		}
	}
}
