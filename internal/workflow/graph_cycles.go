package workflow

import "slices"

// Cycles finds steps that wait for each other: one cycle for each knot of them, the shortest through its step declared
// first, which is where the cycle starts. Edges run from a step to the one that waits for it. A graph without cycles
// gives none.
func (g *Graph) Cycles() [][]int {
	var cycles [][]int
	for _, knot := range g.knots() {
		cycles = append(cycles, g.shortestCycle(knot))
	}
	slices.SortFunc(cycles, func(a, b []int) int { return a[0] - b[0] })
	return cycles
}

// knots are the strongly connected components with more than one step, each in declaration order. This is Tarjan's
// algorithm with its own stack, since a chain of all steps would otherwise nest as many calls.
func (g *Graph) knots() [][]int {
	const unseen = -1
	type frame struct{ step, child int }
	var (
		knots  [][]int
		count  int
		number = slices.Repeat([]int{unseen}, g.Len()) // order of discovery
		low    = make([]int, g.Len())                  // lowest number reachable within the component
		open   = make([]bool, g.Len())
		trail  []int
		calls  []frame
	)
	enter := func(step int) {
		number[step], low[step] = count, count
		count++
		open[step] = true
		trail = append(trail, step)
		calls = append(calls, frame{step: step})
	}
	for start := range g.Len() {
		if number[start] != unseen {
			continue
		}
		for enter(start); len(calls) > 0; {
			top := &calls[len(calls)-1]
			step := top.step
			if top.child < len(g.children[step]) {
				child := g.children[step][top.child]
				top.child++
				switch {
				case number[child] == unseen:
					enter(child)
				case open[child]:
					low[step] = min(low[step], number[child])
				}
				continue
			}
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				caller := calls[len(calls)-1].step
				low[caller] = min(low[caller], low[step])
			}
			if low[step] != number[step] {
				continue
			}
			var component []int
			for open[step] { // until step itself comes off the trail
				last := len(trail) - 1
				component = append(component, trail[last])
				open[trail[last]] = false
				trail = trail[:last]
			}
			if len(component) > 1 {
				slices.Sort(component)
				knots = append(knots, component)
			}
		}
	}
	return knots
}

// shortestCycle searches a knot, breadth first, for the shortest way from its first step back to it.
func (g *Graph) shortestCycle(knot []int) []int {
	start := knot[0]
	inside := make(map[int]bool, len(knot))
	for _, step := range knot {
		inside[step] = true
	}
	cameFrom := map[int]int{}
	for queue := []int{start}; ; queue = queue[1:] {
		step := queue[0]
		for _, child := range g.children[step] {
			if child == start {
				cycle := []int{step}
				for ; step != start; step = cameFrom[step] {
					cycle = append(cycle, cameFrom[step])
				}
				slices.Reverse(cycle)
				return cycle
			}
			if _, seen := cameFrom[child]; !seen && inside[child] {
				cameFrom[child] = step
				queue = append(queue, child)
			}
		}
	}
}
