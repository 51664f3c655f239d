package workflow_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// garden is a template and a task of it, whose steps a test ends in whatever order.
type garden struct {
	*workflow.Blueprint
	steps   []workflow.BlueprintStep
	now     workflow.Standing
	results map[int32]json.RawMessage
}

// plan makes a template of lines such as "d decision: a b", parents before children.
func plan(lines ...string) *garden {
	kinds := map[string]workflow.StepKind{
		"decision": workflow.DecisionStep, "convergence": workflow.ConvergenceStep, "batchable": workflow.BatchableStep, "worker": workflow.BatchWorkerStep,
	}
	var steps []workflow.BlueprintStep
	number := map[string]int32{}
	for no, line := range lines {
		head, deps, _ := strings.Cut(line, ":")
		words := strings.Fields(head)
		s := workflow.BlueprintStep{Name: words[0], Initial: true, Batches: workflow.BatchPolicy{Parallelism: 2}}
		if len(words) > 1 {
			s.Kind = kinds[words[1]]
		}
		s.Initial = s.Kind != workflow.BatchWorkerStep
		for _, dep := range strings.Fields(deps) {
			p := number[dep]
			s.Parents = append(s.Parents, p)
			steps[p].Children = append(steps[p].Children, int32(no))
			s.Initial = s.Initial && steps[p].Initial && steps[p].Kind != workflow.DecisionStep
		}
		number[s.Name] = int32(no)
		steps = append(steps, s)
	}
	g := &garden{Blueprint: workflow.NewBlueprint(steps, workflow.GrowthLimits{}), steps: steps, results: map[int32]json.RawMessage{}}
	g.now = workflow.Standing{Steps: map[int32]workflow.StandingStep{}, Batches: map[int32]int32{}}
	for no, s := range steps {
		if s.Initial {
			g.now.Steps[int32(no)] = workflow.StandingStep{Open: true}
		}
	}
	return g
}

func (g *garden) no(name string) int32 {
	return int32(slices.IndexFunc(g.steps, func(s workflow.BlueprintStep) bool { return s.Name == name }))
}

func chose(names ...string) json.RawMessage {
	if len(names) == 0 {
		return json.RawMessage(`{"decision_point_outcome": {"type": "no_branches"}}`)
	}
	raw, err := json.Marshal(sdk.CreateSteps(names...).Value)
	if err != nil {
		panic(err)
	}
	return raw
}

// end ends a step, and plants what grows of that.
func (g *garden) end(no int32, result json.RawMessage) (workflow.Growth, error) {
	var growth workflow.Growth
	if g.Kind(no).Grows() {
		var err error
		if growth, err = g.Grow(g.now, no, result); err != nil {
			return growth, err
		}
	}
	s := g.now.Steps[no]
	s.Open, s.Result = false, result
	g.now.Steps[no] = s
	for _, n := range growth.Steps {
		if n.Pattern == n.No {
			g.now.Steps[n.No] = workflow.StandingStep{Open: true, Parents: n.Parents}
		}
	}
	for _, e := range growth.Edges {
		s := g.now.Steps[e.To]
		s.Parents = append(slices.Clone(s.Parents), e.From)
		g.now.Steps[e.To] = s
	}
	if b := growth.Batches; b != nil {
		g.now.Batches[b.Worker] = b.Count
	}
	return growth, nil
}

// mustEnd ends the named step and describes the growth: "x<d" is a new step and its parents, "+x<a" an edge to an existing one.
func (g *garden) mustEnd(t testing.TB, name string, result json.RawMessage) string {
	t.Helper()
	growth, err := g.end(g.no(name), result)
	require.NoError(t, err)
	return g.describe(growth)
}

func (g *garden) describe(growth workflow.Growth) string {
	name := func(no int32) string {
		if p := g.Pattern(no); p != no {
			return fmt.Sprintf("%s#%d", g.steps[p].Name, no/g.Stride())
		}
		return g.steps[no].Name
	}
	var all []string
	for _, s := range growth.Steps {
		var parents []string
		for _, p := range s.Parents {
			parents = append(parents, name(p))
		}
		text := s.Name + "<" + strings.Join(parents, ",")
		if s.Held {
			text += "(held)"
		}
		all = append(all, text)
	}
	for _, e := range growth.Edges {
		all = append(all, "+"+name(e.To)+"<"+name(e.From))
	}
	return strings.Join(all, " ")
}

func TestATemplateOfPlainStepsDoesNotGrow(t *testing.T) {
	t.Parallel()
	require.Nil(t, plan("a", "b: a").Blueprint)
}

func TestADecisionCreatesWhatItChoseAndWhatFollows(t *testing.T) {
	t.Parallel()
	approval := []string{"validate", "route decision: validate", "auto: route", "manager: route", "finance: route", "finalize convergence: auto manager finance"}
	for name, tt := range map[string]struct {
		plan   []string
		choice []string
		want   string
	}{
		"one branch, and the convergence over it": {approval, []string{"auto"}, "auto<route finalize<auto"},
		"two branches":                                 {approval, []string{"manager", "finance"}, "manager<route finance<route finalize<manager,finance"},
		"the same one twice":                           {approval, []string{"auto", "auto"}, "auto<route finalize<auto"},
		"none":                                         {approval, nil, ""},
		"what follows a branch":                        {[]string{"d decision", "a: d", "b: a", "c: b"}, []string{"a"}, "a<d b<a c<b"},
		"what follows the convergence":                 {[]string{"d decision", "a: d", "b: d", "join convergence: a b", "end: join"}, []string{"b"}, "b<d join<b end<join"},
		"up to the next decision":                      {[]string{"d decision", "a: d", "e decision: a", "b: e"}, []string{"a"}, "a<d e<a"},
		"a decision as a branch":                       {[]string{"d decision", "e decision: d", "b: e"}, []string{"e"}, "e<d"},
		"a step that needs both branches needs both":   {[]string{"d decision", "a: d", "b: d", "both: a b"}, []string{"a"}, "a<d"},
		"and comes if both do":                         {[]string{"d decision", "a: d", "b: d", "both: a b"}, []string{"a", "b"}, "a<d b<d both<a,b"},
		"a branch that waits for another step as well": {[]string{"start", "beside: start", "d decision: start", "x: beside d"}, []string{"x"}, "x<beside,d"},
		"a convergence with a step of the start":       {[]string{"start", "d decision: start", "x: d", "join convergence: start x"}, nil, "join<start"},
		"one that names the decision as well":          {[]string{"d decision", "x: d", "join convergence: d x"}, nil, ""},
		"and follows its branch":                       {[]string{"d decision", "x: d", "join convergence: d x"}, []string{"x"}, "x<d join<d,x"},
		"a batchable step, but none of its batches":    {[]string{"d decision", "split batchable: d", "w worker: split", "sum convergence: w"}, []string{"split"}, "split<d"},
		"a follower that repeats the dependency":       {[]string{"d decision", "a: d", "b: d a"}, []string{"a"}, "a<d b<d,a"},
		"a convergence waits for what may still come": {
			[]string{"d decision", "a: d", "e decision: d", "b: e", "join convergence: a b"}, []string{"a", "e"}, "a<d e<d join<a,e"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := plan(tt.plan...)
			d := slices.IndexFunc(g.steps, func(s workflow.BlueprintStep) bool { return s.Kind == workflow.DecisionStep })
			require.Equal(t, tt.want, g.mustEnd(t, g.steps[d].Name, chose(tt.choice...)))
		})
	}
}

func TestNestedDecisionsAddToAConvergenceThatWaitsForThem(t *testing.T) {
	t.Parallel()
	nested := []string{"d decision", "a: d", "e decision: d", "b: e", "c: e", "join convergence: a b c"}
	g := plan(nested...)
	require.Equal(t, "a<d e<d join<a,e", g.mustEnd(t, "d", chose("a", "e")))
	require.Equal(t, "b<e c<e +join<b +join<c", g.mustEnd(t, "e", chose("b", "c")))

	g = plan(nested...)
	g.mustEnd(t, "d", chose("a", "e"))
	require.Empty(t, g.mustEnd(t, "e", chose()), "the end of the decision itself lets the convergence go")

	g = plan(nested...)
	require.Equal(t, "e<d", g.mustEnd(t, "d", chose("e")))
	require.Equal(t, "c<e join<c", g.mustEnd(t, "e", chose("c")))
}

func TestAStepBelowTwoDecisionsComesWhenBothHaveChosenIt(t *testing.T) {
	t.Parallel()
	two := []string{"d decision", "e decision", "x: d e"}
	g := plan(two...)
	require.Empty(t, g.mustEnd(t, "d", chose("x")))
	require.Equal(t, "x<d,e", g.mustEnd(t, "e", chose("x")))
	g = plan(two...)
	require.Empty(t, g.mustEnd(t, "e", chose("x")))
	require.Empty(t, g.mustEnd(t, "d", chose()))
}

func TestADecisionThatAsksForWhatCannotBeIsToldWhy(t *testing.T) {
	t.Parallel()
	many := []string{"d decision", "root: d"}
	for i := range workflow.DefaultStepsPerDecision {
		many = append(many, fmt.Sprintf("s%d: root", i))
	}
	deep := []string{"d0 decision"}
	for i := range workflow.DefaultDecisionDepth {
		deep = append(deep, fmt.Sprintf("d%d decision: d%d", i+1, i))
	}
	small := []string{"start", "d decision: start", "manager_approval: d", "review: manager_approval", "e decision: review", "late: e", "beside: start"}
	for name, tt := range map[string]struct {
		plan   []string
		step   string
		result json.RawMessage
		want   string
	}{
		"a name that is none":  {small, "d", chose("manager_aproval"), `step "d": it chose the step "manager_aproval", which the template does not have; did you mean "manager_approval"?`},
		"a name like no other": {small, "d", chose("zzz"), `step "d": it chose the step "zzz", which the template does not have; its branches are manager_approval`},
		"a step elsewhere":     {small, "d", chose("beside"), `step "d": it chose the step "beside", which does not depend on it; its branches are manager_approval`},
		"a step before it":     {small, "d", chose("start"), `step "d": it chose the step "start", which does not depend on it; its branches are manager_approval`},
		"itself":               {small, "d", chose("d"), `step "d": it chose the step "d", which does not depend on it; its branches are manager_approval`},
		"a step too far":       {small, "d", chose("late"), `step "d": it chose the step "late", which depends on "e", and that is not created`},
		"no outcome":           {small, "d", json.RawMessage(`{"value": 1}`), `step "d": its result has no decision_point_outcome; return {"type": "no_branches"} or {"type": "create_steps", "step_names": [...]}`},
		"no object":            {small, "d", json.RawMessage(`[1]`), `step "d": its result has no decision_point_outcome; return {"type": "no_branches"} or {"type": "create_steps", "step_names": [...]}`},
		"another type":         {small, "d", json.RawMessage(`{"decision_point_outcome": {"type": "maybe"}}`), `step "d": its decision_point_outcome has the type "maybe"; it is no_branches or create_steps`},
		"a choice of nothing":  {small, "d", json.RawMessage(`{"decision_point_outcome": {"type": "create_steps"}}`), `step "d": it chose create_steps and names no step; to create none, return no_branches`},
		"nothing, and names":   {small, "d", json.RawMessage(`{"decision_point_outcome": {"type": "no_branches", "step_names": ["a"]}}`), `step "d": it chose no_branches and names the steps ["a"]`},
		"an unknown field":     {small, "d", json.RawMessage(`{"decision_point_outcome": {"type": "no_branches", "skip": 1}}`), `step "d": its decision_point_outcome is malformed: json: unknown field "skip"`},
		"more than is allowed": {many, "d", chose("root"), `step "d": it would create 101 steps; a decision may create 100 (orchestration.decision_points.max_steps_per_decision)`},
		"more than one branch of a step that needs both": {
			[]string{"d decision", "a: d", "b: d", "both: a b"}, "d", chose("a", "both"), `step "d": it chose the step "both", which depends on "b", and that is not created`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := plan(tt.plan...)
			_, err := g.end(g.no(tt.step), tt.result)
			require.EqualError(t, err, tt.want)
			var asked *workflow.GrowthError
			require.ErrorAs(t, err, &asked)
			require.Equal(t, sdk.ErrTypeDecision, asked.Type)
		})
	}
	g := plan(deep...)
	for i := range workflow.DefaultDecisionDepth - 1 {
		require.Equal(t, fmt.Sprintf("d%d<d%d", i+1, i), g.mustEnd(t, fmt.Sprintf("d%d", i), chose(fmt.Sprintf("d%d", i+1))))
	}
	_, err := g.end(workflow.DefaultDecisionDepth-1, chose("d20"))
	require.EqualError(t, err, `step "d19": step "d20" would be decision number 21 in a row; 20 are allowed (orchestration.decision_points.max_depth)`)
}

func split(worker string, ids ...string) json.RawMessage {
	var cursors []sdk.BatchCursor
	for i, id := range ids {
		cursors = append(cursors, sdk.BatchCursor{BatchID: id, Start: i, End: i + 1, Size: 1})
	}
	raw, err := json.Marshal(sdk.CreateBatches(worker, len(ids), cursors...).Value)
	if err != nil {
		panic(err)
	}
	return raw
}

var csv = []string{"analyze batchable", "process_csv worker: analyze", "sum convergence: process_csv", "end: sum"}

func TestABatchableStepMakesAStepForEachBatch(t *testing.T) {
	t.Parallel()
	require.Equal(t, "sum<process_csv#1,process_csv#2,process_csv#3 end<sum "+
		"process_csv_001<analyze process_csv_002<analyze process_csv_x<analyze(held)", plan(csv...).mustEnd(t, "analyze", split("process_csv", "001", "002", "x")))
	require.Equal(t, "sum<process_csv#1 end<sum process_csv_000<analyze", plan(csv...).mustEnd(t, "analyze", json.RawMessage(`{"batch_processing_outcome": {"type": "no_batches"}}`)))
}

func TestABatchIsToldWhatItIsFor(t *testing.T) {
	t.Parallel()
	steps := []workflow.BlueprintStep{
		{Name: "s", Kind: workflow.BatchableStep, Initial: true, Children: []int32{1}},
		{Name: "w", Kind: workflow.BatchWorkerStep, Parents: []int32{0}, Batches: workflow.BatchPolicy{
			Parallelism: 2, FailFast: true, CursorField: "row", FailureStrategy: "fail_fast", Initialization: map[string]any{"table": "t"},
		}},
	}
	b := workflow.NewBlueprint(steps, workflow.GrowthLimits{})
	now := workflow.Standing{Steps: map[int32]workflow.StandingStep{0: {Open: true}}}
	for name, tt := range map[string]struct{ outcome, cursor, noOp string }{
		"cursors of any type": {
			`{"type":"create_batches","worker_template_name":"w","worker_count":1,"total_items":9007199254740993,"cursor_configs":[
			  {"batch_id":"a","start_cursor":{"k":[1,null,9007199254740993]},"end_cursor":null,"batch_size":3}]}`,
			`{"batch_id":"a","start_cursor":{"k":[1,null,9007199254740993]},"end_cursor":null,"batch_size":3}`, "false"},
		"the one that stands for none": {`{"type":"no_batches"}`, `{"batch_id":"000","start_cursor":0,"end_cursor":0,"batch_size":0}`, "true"},
	} {
		growth, err := b.Grow(now, 0, json.RawMessage(`{"batch_processing_outcome":`+tt.outcome+`}`))
		require.NoError(t, err, name)
		require.Len(t, growth.Steps, 1)
		require.JSONEq(t, `{"table":"t","cursor":`+tt.cursor+`,"batch_metadata":{"cursor_field":"row","failure_strategy":"fail_fast"},
		  "is_no_op":`+tt.noOp+`,"__template_step_name":"w"}`, string(growth.Steps[0].Inputs), name)
		require.Equal(t, &workflow.NewBatches{Worker: 1, Split: 0, Stride: 2, Count: 1, Parallelism: 2, Released: 1, FailFast: true}, growth.Batches)
	}
}

func TestTheLimitsOfDecisionsAreTheirConfigurations(t *testing.T) {
	t.Parallel()
	steps := []workflow.BlueprintStep{
		{Name: "d", Kind: workflow.DecisionStep, Initial: true, Children: []int32{1, 2}},
		{Name: "e", Kind: workflow.DecisionStep, Parents: []int32{0}}, {Name: "x", Parents: []int32{0}},
	}
	now := workflow.Standing{Steps: map[int32]workflow.StandingStep{0: {Open: true}}}
	for want, limits := range map[string]workflow.GrowthLimits{
		"it would create 2 steps; a decision may create 1 ":            {StepsPerDecision: 1},
		`step "e" would be decision number 2 in a row; 1 are allowed `: {DecisionDepth: 1},
	} {
		_, err := workflow.NewBlueprint(steps, limits).Grow(now, 0, chose("e", "x"))
		require.ErrorContains(t, err, want)
	}
	_, err := workflow.NewBlueprint(steps, workflow.GrowthLimits{StepsPerDecision: 2, DecisionDepth: 2}).Grow(now, 0, chose("e", "x"))
	require.NoError(t, err)
}

func TestASplitThatCannotBeIsToldWhy(t *testing.T) {
	t.Parallel()
	config := func(cursors string) json.RawMessage {
		return json.RawMessage(`{"batch_processing_outcome":{"type":"create_batches","worker_template_name":"process_csv","cursor_configs":` + cursors + `}}`)
	}
	for want, result := range map[string]json.RawMessage{
		`its result has no batch_processing_outcome; return {"type": "no_batches"} or {"type": "create_batches", ...}`: json.RawMessage(`{}`),
		`its worker_template_name is "proces_csv", which is no batch_worker of it; did you mean "process_csv"?`:        split("proces_csv", "1"),
		`its worker_template_name is "end", which is no batch_worker of it; those are process_csv`:                     split("end", "1"),
		`two batches have the batch_id "1"`:                                                    split("process_csv", "1", "1"),
		`cursor_configs[0] has no batch_id`:                                                    split("process_csv", ""),
		`batch "1" lacks its start_cursor or end_cursor`:                                       config(`[{"batch_id":"1","start_cursor":1}]`),
		`batch "1" has the batch_size -1`:                                                      config(`[{"batch_id":"1","start_cursor":1,"end_cursor":2,"batch_size":-1}]`),
		`it chose create_batches and has no cursor_configs; to create none, return no_batches`: config(`[]`),
		`its worker_count is 2, but it has 1 cursor_configs`: json.RawMessage(`{"batch_processing_outcome":{"type":"create_batches","worker_count":2,
		  "worker_template_name":"process_csv","cursor_configs":[{"batch_id":"1","start_cursor":1,"end_cursor":2,"batch_size":1}]}}`),
		`its batch_processing_outcome has the type "some"; it is no_batches or create_batches`: json.RawMessage(`{"batch_processing_outcome":{"type":"some"}}`),
		`it asks for 100001 batches; 100000 are allowed`:                                       config("[" + strings.Repeat(`{},`, workflow.MaxBatches) + "{}]"),
	} {
		g := plan(csv...)
		_, err := g.end(0, result)
		require.EqualError(t, err, `step "analyze": `+want)
		var asked *workflow.GrowthError
		require.ErrorAs(t, err, &asked)
		require.Equal(t, sdk.ErrTypeBatches, asked.Type)
	}
	g := plan("analyze batchable", "w worker: analyze", "w_1")
	_, err := g.end(0, split("w", "1"))
	require.EqualError(t, err, `step "analyze": batch "1" would have the name of the step "w_1"`)
}

// drawPlan makes up the steps of a plan, not always one that can be.
func drawPlan(t *rapid.T) []string {
	words := []string{"", "", "decision", "decision", "convergence"}
	var lines []string
	for i := range rapid.IntRange(2, 12).Draw(t, "steps") {
		line := fmt.Sprintf("s%d %s:", i, rapid.SampledFrom(words).Draw(t, "kind"))
		for j := range i {
			if rapid.IntRange(0, 2).Draw(t, "edge") == 0 {
				line += fmt.Sprintf(" s%d", j)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// Whatever order decisions end in, the same steps with the same parents are there in the end, and at each moment every step
// but the first ones waits for something that is or was there.
func TestWhatATaskGrowsToDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := drawPlan(t)
		if plan(lines...).Blueprint == nil {
			return
		}
		choices := map[int32][]string{}
		g := plan(lines...)
		for no, s := range g.steps {
			for _, child := range s.Children {
				if s.Kind == workflow.DecisionStep && rapid.Bool().Draw(t, "chosen") {
					choices[int32(no)] = append(choices[int32(no)], g.steps[child].Name)
				}
			}
		}
		var first map[int32][]int32
		for round := range 3 {
			g := plan(lines...)
			grown := g.run(t, choices, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
			if round == 0 {
				first = grown
			}
			require.Equal(t, first, grown)
		}
	})
}

// run ends ready steps in an order of next's choosing until there are none, and returns what each step depended on.
func (g *garden) run(t require.TestingT, choices map[int32][]string, next func(n int) int) map[int32][]int32 {
	for {
		var ready, open []int32
		for no := range int32(len(g.steps)) {
			s, exists := g.now.Steps[no]
			if !exists || !s.Open {
				continue
			}
			open = append(open, no)
			parents := s.Parents
			if g.steps[no].Initial {
				parents = g.steps[no].Parents
			} else {
				require.NotEmpty(t, parents, "step %s hangs in the air", g.steps[no].Name)
			}
			waits := slices.ContainsFunc(parents, func(p int32) bool {
				require.Contains(t, g.now.Steps, p)
				return g.now.Steps[p].Open
			})
			if !waits {
				ready = append(ready, no)
			}
		}
		if len(open) == 0 {
			break
		}
		require.NotEmpty(t, ready, "steps wait for each other: %v", open)
		no := ready[next(len(ready))]
		choice := choices[no]
		if _, err := g.end(no, chose(choice...)); err != nil {
			_, err = g.end(no, chose()) // it asked for what cannot be: in any order, for the same reason
			require.NoError(t, err)
		}
	}
	grown := map[int32][]int32{}
	for no := range g.now.Steps {
		grown[no] = []int32{}
		for _, p := range g.steps[no].Parents {
			if _, exists := g.now.Steps[p]; exists {
				grown[no] = append(grown[no], p)
			}
		}
	}
	return grown
}
