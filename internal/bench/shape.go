package bench

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// Shape is a form of workflow, read by [ParseShape].
type Shape struct {
	Name string
	// Width is how many of a task's steps can run at once.
	Width int
	steps []shapeStep
}

type shapeStep struct {
	name  string
	after []string
}

// Shapes describes the shapes that there are.
const Shapes = "linear4, diamond, dag7, tree8, wide:N (one, N at once, one), chain:N (N, one after the other)"

// maxShape bounds N.
const maxShape = 100_000

// ParseShape finds a shape by its name.
func ParseShape(name string) (Shape, error) {
	kind, size, sized := strings.Cut(name, ":")
	n := 0
	if sized {
		var err error
		if n, err = strconv.Atoi(size); err != nil || n < 1 || n > maxShape {
			return Shape{}, fmt.Errorf("shape %q: the number after the colon is from 1 to %d", name, maxShape)
		}
	}
	s := Shape{Name: name}
	switch {
	case name == "linear4":
		s.chain(4)
	case kind == "chain" && sized:
		s.chain(n)
	case kind == "wide" && sized:
		s.wide(n)
	case name == "diamond":
		s.Width = 2
		s.add("start").add("left", "start").add("right", "start").add("end", "left", "right")
	case name == "dag7":
		s.Width = 3
		s.add("init").add("left", "init").add("right", "init").
			add("validate", "left", "right").add("transform", "left").add("analyze", "right").
			add("finalize", "validate", "transform", "analyze")
	case name == "tree8":
		s.Width = 4
		s.add("root").add("left", "root").add("right", "root").
			add("d", "left").add("e", "left").add("f", "right").add("g", "right").
			add("converge", "d", "e", "f", "g")
	default:
		return Shape{}, fmt.Errorf("there is no shape %q, but these: %s", name, Shapes)
	}
	return s, nil
}

func (s *Shape) add(name string, after ...string) *Shape {
	s.steps = append(s.steps, shapeStep{name, after})
	return s
}

func (s *Shape) chain(n int) {
	s.Width = 1
	s.add("step_1")
	for i := 2; i <= n; i++ {
		s.add(fmt.Sprintf("step_%d", i), fmt.Sprintf("step_%d", i-1))
	}
}

func (s *Shape) wide(n int) {
	s.Width = n
	s.add("root")
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("part_%d", i+1)
		s.add(all[i], "root")
	}
	s.add("join", all...)
}

// Steps is the number of steps in a task.
func (s Shape) Steps() int { return len(s.steps) }

// What tasks of the benchmark are made of. The last step of a task has a handler of its own, which announces the end.
const (
	namespace    = "tasker_bench"
	stepHandler  = "bench.step"
	lastHandler  = "bench.last"
	shapeVersion = "1.0.0"
)

// Depth is how many steps of a task follow on each other.
func (s Shape) Depth() int {
	depths := map[string]int{}
	deepest := 0
	for _, step := range s.steps { // each stands after those that it waits for
		for _, before := range step.after {
			depths[step.name] = max(depths[step.name], depths[before])
		}
		depths[step.name]++
		deepest = max(deepest, depths[step.name])
	}
	return deepest
}

// Template is the shape as the engine takes it.
func (s Shape) Template() *template.TaskTemplate { return s.templateFor("") }

// templateFor is the shape with handlers in another language.
func (s Shape) templateFor(language string) *template.TaskTemplate {
	t := &template.TaskTemplate{
		Name: handlerOf(language, strings.ReplaceAll(s.Name, ":", "_")), NamespaceName: namespace, Version: shapeVersion,
		IdentityStrategy: template.IdentityAlwaysUnique,
	}
	for i, step := range s.steps {
		handler := stepHandler
		if i == len(s.steps)-1 {
			handler = lastHandler
		}
		t.Steps = append(t.Steps, template.NewStep(step.name, handlerOf(language, handler), step.after...))
	}
	t.ApplyDefaults()
	return t
}
