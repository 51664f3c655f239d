package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/nearest"
	"github.com/tasker-systems/tasker-go/sdk"
)

// GrowthError says why a task cannot grow as a step asks. The step has failed for good.
type GrowthError struct {
	// Type is the error type that the step fails with.
	Type string
	Err  error
}

func (e *GrowthError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *GrowthError) Unwrap() error { return e.Err }

// Grow says what the task gains when step number no ends with a result. Which steps there are depends on what was decided
// so far and not on its order. A [*GrowthError] means that the result asks for what cannot be.
func (b *Blueprint) Grow(now Standing, no int32, result json.RawMessage) (Growth, error) {
	g := &growing{Blueprint: b, now: now, no: no, chosen: map[int32][]string{}, exists: make([]bool, len(b.steps))}
	kind, err := sdk.ErrTypeDecision, error(nil)
	if b.steps[no].Kind == DecisionStep {
		err = g.decide(result)
	} else {
		kind, err = sdk.ErrTypeBatches, g.split(result)
	}
	if err != nil {
		return Growth{}, &GrowthError{kind, fmt.Errorf("step %q: %w", b.steps[no].Name, err)}
	}
	return g.growth()
}

// growing works out one growth.
type growing struct {
	*Blueprint
	now    Standing
	no     int32
	chosen map[int32][]string // by decision
	exists []bool             // by the template's numbers, after the growth
	added  []int32
	worker int32 // the pattern that the step was split by, if it was
	cursor []cursorConfig
	noOp   bool
}

func (g *growing) decide(result json.RawMessage) error {
	o, err := decodeDecision(result)
	if err != nil {
		return err
	}
	for _, name := range o.StepNames {
		at, known := g.byName[name]
		switch {
		case !known:
			return fmt.Errorf("it chose the step %q, which the template does not have%s", name, g.hint(name))
		case !g.below[g.no][at]:
			return fmt.Errorf("it chose the step %q, which does not depend on it%s", name, g.hint(name))
		}
	}
	g.chosen[g.no] = o.StepNames
	g.settle()
	for _, name := range o.StepNames {
		if at := g.byName[name]; !g.exists[at] {
			if missing, never := g.missing(at); never {
				return fmt.Errorf("it chose the step %q, which depends on %q, and that is not created", name, g.steps[missing].Name)
			}
		}
	}
	if n := len(g.added); n > g.limits.StepsPerDecision {
		return fmt.Errorf("it would create %d steps; a decision may create %d (orchestration.decision_points.max_steps_per_decision)", n, g.limits.StepsPerDecision)
	}
	for _, s := range g.added {
		if g.depth[s] > g.limits.DecisionDepth {
			return fmt.Errorf("step %q would be decision number %d in a row; %d are allowed (orchestration.decision_points.max_depth)",
				g.steps[s].Name, g.depth[s], g.limits.DecisionDepth)
		}
	}
	return nil
}

// hint names the step that was meant, or those that there are to choose from.
func (g *growing) hint(name string) string {
	branches := g.branchNames(g.no)
	if meant := nearest.Word(name, branches); meant != "" && meant != name {
		return fmt.Sprintf("; did you mean %q?", meant)
	}
	const shown = 8
	if len(branches) > shown {
		branches = append(branches[:shown:shown], "…")
	}
	return fmt.Sprintf("; its branches are %s", strings.Join(branches, ", "))
}

func (g *growing) split(result json.RawMessage) error {
	o, err := decodeBatches(result)
	if err != nil {
		return err
	}
	var workers []string
	for _, child := range g.steps[g.no].Children {
		if g.steps[child].Kind == BatchWorkerStep {
			workers = append(workers, g.steps[child].Name)
			if len(workers) == 1 || g.steps[child].Batches.Preferred && !g.steps[g.worker].Batches.Preferred {
				g.worker = child
			}
		}
	}
	g.cursor, g.noOp = o.CursorConfigs, o.Type == "no_batches"
	if g.noOp {
		zero := json.RawMessage("0")
		g.cursor = []cursorConfig{{BatchID: "000", StartCursor: zero, EndCursor: zero}}
	} else {
		if !slices.Contains(workers, o.WorkerTemplateName) {
			hint := fmt.Sprintf("; those are %s", strings.Join(workers, ", "))
			if meant := nearest.Word(o.WorkerTemplateName, workers); meant != "" {
				hint = fmt.Sprintf("; did you mean %q?", meant)
			}
			return fmt.Errorf("its worker_template_name is %q, which is no batch_worker of it%s", o.WorkerTemplateName, hint)
		}
		g.worker = g.byName[o.WorkerTemplateName]
	}
	if int64(g.worker)+int64(len(g.cursor))*int64(g.Stride()) > 1<<30 {
		return fmt.Errorf("it asks for %d batches, too many for a template of %d steps", len(g.cursor), g.Stride())
	}
	for i := range g.cursor {
		if name := g.batchName(i); g.byName[name] != 0 || g.steps[0].Name == name {
			return fmt.Errorf("batch %q would have the name of the step %q", g.cursor[i].BatchID, name)
		}
	}
	g.settle()
	return nil
}

func (g *growing) batchName(i int) string { return g.steps[g.worker].Name + "_" + g.cursor[i].BatchID }

// settle finds which steps there are.
func (g *growing) settle() {
	g.readChoices()
	for i := range g.steps {
		no := int32(i)
		existed := g.existed(no)
		g.exists[no] = existed || g.comes(no)
		if g.exists[no] && !existed && g.steps[no].Kind != BatchWorkerStep {
			g.added = append(g.added, no)
		}
	}
}

// readChoices finds what was decided so far.
func (g *growing) readChoices() {
	for no, s := range g.now.Steps {
		if g.steps[no].Kind == DecisionStep && !s.Open {
			// One that was resolved by hand returned no choice, and so chose nothing.
			if o, err := decodeDecision(s.Result); err == nil {
				g.chosen[no] = o.StepNames
			}
		}
	}
}

func (g *growing) existed(no int32) bool {
	if g.steps[no].Kind == BatchWorkerStep {
		return g.now.Batches[no] > 0
	}
	_, existed := g.now.Steps[no]
	return existed
}

func (g *growing) comes(no int32) bool {
	s := &g.steps[no]
	switch s.Kind {
	case BatchWorkerStep:
		return g.cursor != nil && no == g.worker
	case ConvergenceStep:
		return slices.ContainsFunc(s.Parents, func(p int32) bool {
			return g.exists[p] && (g.steps[p].Kind != DecisionStep || slices.Contains(g.chosen[p], s.Name))
		})
	}
	return !slices.ContainsFunc(s.Parents, func(p int32) bool {
		return !g.exists[p] || g.branches(p, no) && !slices.Contains(g.chosen[p], s.Name)
	})
}

// undecided says whether a step that there is may still add others.
func (g *growing) undecided(no int32) bool {
	if !g.steps[no].Kind.Grows() || !g.exists[no] || no == g.no {
		return false
	}
	s, existed := g.now.Steps[no]
	return !existed || s.Open
}

// missing finds what keeps a chosen step from coming into being, where it is this choice alone. Other steps may still decide
// about it, or have: then the choice is right, whatever comes of it.
func (g *growing) missing(no int32) (parent int32, never bool) {
	for _, p := range g.steps[no].Parents {
		if !g.exists[p] && !g.othersDecide(p) {
			return p, true
		}
	}
	return 0, false
}

// othersDecide says whether a step lies below another decision, or below another batchable step, than the one that ends.
func (g *growing) othersDecide(no int32) bool {
	for grower, below := range g.below {
		if below[no] && grower != g.no && (g.exists[grower] || g.othersDecide(grower)) {
			return true
		}
	}
	return false
}

// gates are the undecided steps that a step which does not exist may still come of.
func (g *growing) gates(no int32) (gates []int32) {
	for grower, below := range g.below {
		if below[no] && g.undecided(grower) {
			gates = append(gates, grower)
		}
	}
	return gates
}

// parents are what a step waits for: what it depends on as far as that exists and, because more may come, the steps that
// decide about the rest.
func (g *growing) parents(no int32) (parents []int32) {
	for _, p := range g.steps[no].Parents {
		switch {
		case g.exists[p] && g.steps[p].Kind == BatchWorkerStep:
			for n := range g.batches(p) {
				parents = append(parents, g.Batch(p, n+1))
			}
		case g.exists[p]:
			parents = append(parents, p)
		default:
			parents = append(parents, g.gates(p)...)
		}
	}
	slices.Sort(parents)
	return slices.Compact(parents)
}

func (g *growing) batches(pattern int32) int32 {
	if g.cursor != nil && pattern == g.worker && g.now.Batches[pattern] == 0 {
		return int32(len(g.cursor))
	}
	return g.now.Batches[pattern]
}

func (g *growing) growth() (Growth, error) {
	var out Growth
	for _, no := range g.added {
		out.Steps = append(out.Steps, NewStep{No: no, Pattern: no, Name: g.steps[no].Name, Parents: g.parents(no)})
	}
	for i := range g.steps {
		no := int32(i)
		s, existed := g.now.Steps[no]
		if !existed || !s.Open || g.steps[no].Initial || g.steps[no].Kind != ConvergenceStep {
			continue
		}
		known := slices.Sorted(slices.Values(s.Parents))
		for _, p := range g.parents(no) {
			if _, found := slices.BinarySearch(known, p); !found {
				out.Edges = append(out.Edges, Edge{p, no})
			}
		}
	}
	if g.cursor == nil || g.now.Batches[g.worker] > 0 {
		return out, nil
	}
	return out, g.addBatches(&out)
}

func (g *growing) addBatches(out *Growth) error {
	w := &g.steps[g.worker]
	parents, count := g.parents(g.worker), int32(len(g.cursor))
	b := &NewBatches{
		Worker: g.worker, Split: g.no, Stride: g.Stride(), Count: count, Parallelism: max(w.Batches.Parallelism, 1), FailFast: w.Batches.FailFast,
	}
	b.Released = min(b.Parallelism, count)
	for i := range g.cursor {
		inputs, err := g.inputs(w, &g.cursor[i])
		if err != nil {
			return err
		}
		out.Steps = append(out.Steps, NewStep{
			No: g.Batch(g.worker, int32(i)+1), Pattern: g.worker, Name: g.batchName(i), Parents: parents, Inputs: inputs,
			Held: int32(i) >= b.Released,
		})
	}
	out.Batches = b
	return nil
}

// inputs are what a batch is told.
func (g *growing) inputs(w *BlueprintStep, c *cursorConfig) (json.RawMessage, error) {
	inputs := make(map[string]any, len(w.Batches.Initialization)+4)
	for k, v := range w.Batches.Initialization {
		inputs[k] = v
	}
	inputs["cursor"] = c
	inputs["batch_metadata"] = map[string]any{"cursor_field": w.Batches.CursorField, "failure_strategy": w.Batches.FailureStrategy}
	inputs["is_no_op"] = g.noOp
	inputs["__template_step_name"] = w.Name
	raw, err := json.Marshal(inputs)
	if err != nil {
		return nil, fmt.Errorf("encode the inputs of batch %s: %w", c.BatchID, err)
	}
	return raw, nil
}
