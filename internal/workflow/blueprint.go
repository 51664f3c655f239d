package workflow

import (
	"cmp"
	"encoding/json"
	"slices"
)

// StepKind says how a step takes part in the growth of its task.
type StepKind uint8

// The kinds of steps.
const (
	// PlainStep comes into being when all that it depends on is there.
	PlainStep StepKind = iota
	// DecisionStep chooses which of its branches come into being.
	DecisionStep
	// ConvergenceStep comes into being when anything that it depends on is there, and waits for what there is.
	ConvergenceStep
	// BatchableStep says into how many batches its work is split.
	BatchableStep
	// BatchWorkerStep is a pattern, of which there is one step for each batch.
	BatchWorkerStep
)

// BlueprintStep is a numbered step of a template.
type BlueprintStep struct {
	Name     string
	Kind     StepKind
	Initial  bool
	Parents  []int32
	Children []int32
	// Batches say how the batches of a BatchWorkerStep are run.
	Batches BatchPolicy
}

// BatchPolicy says how batches are run.
type BatchPolicy struct {
	// Parallelism bounds how many of them run at once. At least 1.
	Parallelism int32
	// FailFast ends all of them when the first one fails for good. Tolerant goes on without those that failed. With neither,
	// the failed ones keep the task open, for somebody to repair, while the others run.
	FailFast, Tolerant bool
	// CursorField and FailureStrategy are told to the workers, and Initialization is what their inputs begin with.
	CursorField, FailureStrategy string
	Initialization               map[string]any
	// Preferred patterns take the placeholder when there is nothing to split.
	Preferred bool
}

// Blueprint is a template whose tasks grow: decisions and batches add steps to them. Steps are numbered so that parents come
// before their children. It is immutable.
type Blueprint struct {
	steps  []BlueprintStep
	byName map[string]int32
	// below are the descendants of each step that grows the task, and depth how many decisions lie on the longest way to a step.
	below     map[int32]map[int32]bool
	depth     []int
	decisions []int32
	limits    GrowthLimits
}

// Limits of what one task may grow to.
const (
	DefaultStepsPerDecision = 100
	DefaultDecisionDepth    = 20
	// MaxBatches bounds the batches of one step.
	MaxBatches = 100_000
)

// GrowthLimits bound what one task may grow to.
type GrowthLimits struct {
	// StepsPerDecision bounds the steps that one decision creates. Defaults to [DefaultStepsPerDecision].
	StepsPerDecision int
	// DecisionDepth bounds how many decisions may follow each other. Defaults to [DefaultDecisionDepth].
	DecisionDepth int
}

// NewBlueprint makes a blueprint of numbered steps. It is nil for a template all of whose steps are there from the start.
func NewBlueprint(steps []BlueprintStep, limits GrowthLimits) *Blueprint {
	grows := slices.ContainsFunc(steps, func(s BlueprintStep) bool { return s.Kind.Grows() })
	if !grows {
		return nil
	}
	limits.StepsPerDecision, limits.DecisionDepth = cmp.Or(limits.StepsPerDecision, DefaultStepsPerDecision), cmp.Or(limits.DecisionDepth, DefaultDecisionDepth)
	b := &Blueprint{
		steps: steps, byName: make(map[string]int32, len(steps)), below: map[int32]map[int32]bool{}, depth: make([]int, len(steps)), limits: limits,
	}
	for i := range steps {
		s := &steps[i]
		b.byName[s.Name] = int32(i)
		for _, p := range s.Parents {
			b.depth[i] = max(b.depth[i], b.depth[p])
		}
		if s.Kind == DecisionStep {
			b.decisions = append(b.decisions, int32(i))
			b.depth[i]++
		}
		if s.Kind.Grows() {
			b.below[int32(i)] = b.descendants(int32(i))
		}
	}
	return b
}

// Grows says whether the end of such a step adds others to its task.
func (k StepKind) Grows() bool { return k == DecisionStep || k == BatchableStep }

func (b *Blueprint) descendants(no int32) map[int32]bool {
	all, next := map[int32]bool{}, []int32{no}
	for len(next) > 0 {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		for _, child := range b.steps[at].Children {
			if !all[child] {
				all[child] = true
				next = append(next, child)
			}
		}
	}
	return all
}

// Pattern is the template's number of a step: a batch's leads back to its pattern.
func (b *Blueprint) Pattern(no int32) int32 { return no % int32(len(b.steps)) }

// Stride is the distance between the numbers of two batches.
func (b *Blueprint) Stride() int32 { return int32(len(b.steps)) }

// Batch is the number of the n-th batch of a pattern, from 1.
func (b *Blueprint) Batch(pattern, n int32) int32 { return pattern + n*b.Stride() }

// Decisions are the steps that decide.
func (b *Blueprint) Decisions() []int32 { return b.decisions }

// Kind is the kind of a step.
func (b *Blueprint) Kind(no int32) StepKind { return b.steps[b.Pattern(no)].Kind }

// Policy says how the batches of a pattern are run.
func (b *Blueprint) Policy(no int32) BatchPolicy { return b.steps[b.Pattern(no)].Batches }

// MayGainChildren says whether a step that is under way can be given further children: then its end must see them.
func (b *Blueprint) MayGainChildren(no int32) bool {
	s := &b.steps[b.Pattern(no)]
	return slices.ContainsFunc(s.Children, func(child int32) bool {
		c := &b.steps[child]
		return !c.Initial && (s.Initial || len(c.Parents) > 1)
	})
}

// branches says whether decision d is asked about a step: it depends on d, and on nothing else that lies below d.
func (b *Blueprint) branches(d, step int32) bool {
	s := &b.steps[step]
	return b.steps[d].Kind == DecisionStep && slices.Contains(s.Parents, d) &&
		!slices.ContainsFunc(s.Parents, func(p int32) bool { return b.below[d][p] })
}

// branchNames are the steps that a decision is asked about.
func (b *Blueprint) branchNames(d int32) []string {
	var names []string
	for _, child := range b.steps[d].Children {
		if b.branches(d, child) {
			names = append(names, b.steps[child].Name)
		}
	}
	return names
}

// Standing is a task's growth so far, by the template's numbers.
type Standing struct {
	// Steps are those that exist; batches are left out.
	Steps map[int32]StandingStep
	// Batches counts the batches of each pattern that was split, and Splits are the steps that split it.
	Batches, Splits map[int32]int32
}

// StandingStep is a step that exists.
type StandingStep struct {
	// Open is set until the step satisfies its dependents.
	Open bool
	// Parents are those that it was made with, of a step that came later.
	Parents []int32
	// Result is what a decision that is no longer open returned.
	Result json.RawMessage
}

// NewStep is a step that comes into being.
type NewStep struct {
	No int32
	// Pattern is its number in the template.
	Pattern int32
	Name    string
	Parents []int32
	Inputs  json.RawMessage
	// Held steps wait until a batch before them has ended.
	Held bool
}

// Edge has a step wait for another one.
type Edge struct{ From, To int32 }

// NewBatches are batches that come into being.
type NewBatches struct {
	// Worker and Split are the template's numbers of their pattern and of the step that was split.
	Worker, Split, Stride, Count, Parallelism, Released int32
	FailFast                                            bool
}

// Growth is what the end of a step adds to its task.
type Growth struct {
	// Steps are in the order of their numbers.
	Steps []NewStep
	// Edges lead to steps that exist already.
	Edges   []Edge
	Batches *NewBatches
}
