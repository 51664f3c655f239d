package workflow

import (
	"container/heap"
	"slices"
	"strings"
)

// GraphStep is one step as it is declared: its name and the names of the steps it waits for.
type GraphStep struct {
	Name      string
	DependsOn []string
}

// Graph is the steps of a workflow and the edges between them, from a step to those that wait for it. Steps are named by
// their index in the declaration. A Graph is immutable; it may hold cycles, which [Graph.Cycles] finds.
type Graph struct {
	names    []string
	index    map[string]int
	parents  [][]int
	children [][]int
}

// GraphProblemKind says what is wrong with a declared step.
type GraphProblemKind string

// What a declaration may get wrong about a single step or edge.
const (
	DuplicateStep      GraphProblemKind = "duplicate_step"
	SelfDependency     GraphProblemKind = "self_dependency"
	MissingDependency  GraphProblemKind = "missing_dependency"
	RepeatedDependency GraphProblemKind = "repeated_dependency"
)

// GraphProblem is one thing in a declaration that the graph leaves out.
type GraphProblem struct {
	Kind GraphProblemKind
	// Step is the index of the step at fault.
	Step int
	// Dependency is the index in its DependsOn; -1 for [DuplicateStep].
	Dependency int
	// Earlier is the index of the step, or of the dependency, that stands for the same thing already. It is set for
	// [DuplicateStep] and [RepeatedDependency].
	Earlier int
}

// NewGraph builds the graph of the declared steps, and reports every step and edge that has no place in it: of several
// steps with one name the first has it, and an edge to itself, to nothing or to the same step again is left out.
func NewGraph(steps []GraphStep) (*Graph, []GraphProblem) {
	g := &Graph{
		names:    make([]string, len(steps)),
		index:    make(map[string]int, len(steps)),
		parents:  make([][]int, len(steps)),
		children: make([][]int, len(steps)),
	}
	var problems []GraphProblem
	for i, s := range steps {
		g.names[i] = s.Name
		if first, taken := g.index[s.Name]; taken {
			problems = append(problems, GraphProblem{DuplicateStep, i, -1, first})
			continue
		}
		g.index[s.Name] = i
	}
	for i, s := range steps {
		seen := make(map[string]int, len(s.DependsOn))
		for d, name := range s.DependsOn {
			parent, known := g.index[name]
			earlier, repeated := seen[name]
			switch {
			case name == s.Name:
				problems = append(problems, GraphProblem{SelfDependency, i, d, 0})
			case !known:
				problems = append(problems, GraphProblem{MissingDependency, i, d, 0})
			case repeated:
				problems = append(problems, GraphProblem{RepeatedDependency, i, d, earlier})
			default:
				seen[name] = d
				g.parents[i] = append(g.parents[i], parent)
				g.children[parent] = append(g.children[parent], i)
			}
		}
	}
	return g, problems
}

// Len is the number of steps.
func (g *Graph) Len() int { return len(g.names) }

// Name is the name of a step.
func (g *Graph) Name(step int) string { return g.names[step] }

// Index finds a step by its name.
func (g *Graph) Index(name string) (step int, ok bool) {
	step, ok = g.index[name]
	return step, ok
}

// Parents are the steps that a step waits for, in the order it names them. The caller must not change the slice.
func (g *Graph) Parents(step int) []int { return g.parents[step] }

// Children are the steps that wait for a step, in declaration order. The caller must not change the slice.
func (g *Graph) Children(step int) []int { return g.children[step] }

// Roots are the steps that wait for none, in declaration order.
func (g *Graph) Roots() []int { return stepsWithout(g.parents) }

// Sinks are the steps that none waits for, in declaration order.
func (g *Graph) Sinks() []int { return stepsWithout(g.children) }

func stepsWithout(edges [][]int) []int {
	var steps []int
	for i, e := range edges {
		if len(e) == 0 {
			steps = append(steps, i)
		}
	}
	return steps
}

// Ancestors are all the steps that must be done before a step, in declaration order.
func (g *Graph) Ancestors(step int) []int { return reach(g.parents, step) }

// Descendants are all the steps that come after a step, in declaration order.
func (g *Graph) Descendants(step int) []int { return reach(g.children, step) }

// reach lists what lies beyond start. On a cycle start is beyond itself.
func reach(edges [][]int, start int) []int {
	seen := make([]bool, len(edges))
	var found []int
	for next := slices.Clone(edges[start]); len(next) > 0; {
		step := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[step] {
			continue
		}
		seen[step] = true
		found = append(found, step)
		next = append(next, edges[step]...)
	}
	slices.Sort(found)
	return found
}

// TopologicalOrder lists the steps so that each comes after all its parents; among those that could come next, the one
// declared first does. It returns a [*CycleError] if the graph has a cycle.
func (g *Graph) TopologicalOrder() ([]int, error) {
	waiting := make([]int, g.Len())
	ready := new(lowestFirst)
	for i, parents := range g.parents {
		waiting[i] = len(parents)
		if len(parents) == 0 {
			*ready = append(*ready, i) // ascending, which is a heap
		}
	}
	order := make([]int, 0, g.Len())
	for ready.Len() > 0 {
		step := heap.Pop(ready).(int)
		order = append(order, step)
		for _, child := range g.children[step] {
			if waiting[child]--; waiting[child] == 0 {
				heap.Push(ready, child)
			}
		}
	}
	if len(order) < g.Len() {
		return nil, &CycleError{Path: g.PathNames(g.Cycles()[0])}
	}
	return order, nil
}

// Depths gives for each step the number of edges on the longest way from a root to it. It returns a [*CycleError] if the
// graph has a cycle.
func (g *Graph) Depths() ([]int, error) {
	order, err := g.TopologicalOrder()
	if err != nil {
		return nil, err
	}
	depths := make([]int, g.Len())
	for _, step := range order {
		for _, child := range g.children[step] {
			depths[child] = max(depths[child], depths[step]+1)
		}
	}
	return depths, nil
}

// PathNames are the names along a cycle from [Graph.Cycles], closed: the first name comes again at the end.
func (g *Graph) PathNames(cycle []int) []string {
	names := make([]string, 0, len(cycle)+1)
	for _, step := range cycle {
		names = append(names, g.names[step])
	}
	return append(names, g.names[cycle[0]])
}

// CycleError reports steps that wait for each other, so that none of them can ever start.
type CycleError struct {
	// Path is the whole circle in the order in which the steps would run; it ends with its first step.
	Path []string
}

func (e *CycleError) Error() string {
	return "steps wait for each other in a circle: " + strings.Join(e.Path, " -> ")
}

// lowestFirst is a heap of step indices.
type lowestFirst []int

func (h lowestFirst) Len() int           { return len(h) }
func (h lowestFirst) Less(i, j int) bool { return h[i] < h[j] }
func (h lowestFirst) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lowestFirst) Push(x any)        { *h = append(*h, x.(int)) }
func (h *lowestFirst) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
