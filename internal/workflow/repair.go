package workflow

import (
	"errors"
	"fmt"
	"slices"
)

// HoldGate is added to what each open step of a paused task waits for, so that nothing readies it. It is more than a task
// has steps.
const HoldGate = 1 << 20

// RepairStep is a step as an operator's action finds it. Steps of a task are given by their numbers.
type RepairStep struct {
	State   StepState
	Attempt int32
	// WaitingOn counts the parents that are not satisfied, HoldGate included.
	WaitingOn int32
	Children  []int32
	// Parents are those of a step that came later than its task.
	Parents []int32
	Sink    bool
}

// RepairTask is a task as an operator's action finds it.
type RepairTask struct {
	State  TaskState
	Paused bool
	Steps  map[int32]*RepairStep
	// Blueprint is how the task grows, and Standing its growth so far; nil and empty if it does not, or if it does not matter.
	Blueprint *Blueprint
	Standing  Standing
}

// StepChange is what an action does to one step.
type StepChange struct {
	No int32
	// Path is the states that the step walks through, the one it stood in first; empty if only WaitingOn changes.
	Path      []StepState
	State     StepState
	WaitingOn int32
	// Fresh gives the step all its attempts again; Redone drops what it returned and saved.
	Fresh, Redone bool
	// Interrupted is set if a worker ran the step.
	Interrupted bool
	// Removed takes the step out of the task. Rewired gives it these children, parents and the mark of a sink.
	Removed, Rewired  bool
	Children, Parents []int32
	Sink              bool
}

// RepairPlan is what an action does to a task.
type RepairPlan struct {
	Steps []StepChange
	// TaskPath is the states that the task walks through; its present one alone if it stays.
	TaskPath           []TaskState
	FailedSteps, Sinks int32
	// Unsplit are the patterns whose batches are removed, all of them.
	Unsplit []int32
}

// To is where the task ends up.
func (p *RepairPlan) To() TaskState { return p.TaskPath[len(p.TaskPath)-1] }

// Interrupts says whether handlers that run must be told.
func (p *RepairPlan) Interrupts() bool {
	return slices.ContainsFunc(p.Steps, func(c StepChange) bool { return c.Interrupted })
}

// ErrNotRepairable says that the task or the step is in no state for the action. What is wrong follows it.
var ErrNotRepairable = errors.New("not possible now")

func notRepairable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotRepairable, fmt.Sprintf(format, args...))
}

// repair gathers changes to the steps of a task.
type repair struct {
	task    RepairTask
	changes map[int32]*StepChange
	unsplit []int32
}

func newRepair(t RepairTask) (*repair, error) {
	switch t.State {
	case TaskPending:
		return nil, notRepairable("the task has not started")
	case TaskCancelled, TaskResolvedManually:
		return nil, notRepairable("the task is %s, which is final; make a new one", t.State)
	}
	return &repair{task: t, changes: map[int32]*StepChange{}}, nil
}

func (r *repair) step(no int32) (*RepairStep, error) {
	if s := r.task.Steps[no]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("the task has no step number %d", no)
}

// change is the entry of a step among the changes.
func (r *repair) change(no int32) *StepChange {
	c := r.changes[no]
	if c == nil {
		s := r.task.Steps[no]
		c = &StepChange{No: no, State: s.State, WaitingOn: s.WaitingOn}
		r.changes[no] = c
	}
	return c
}

// move walks a step to a state.
func (r *repair) move(no int32, on StepEvent) error {
	c := r.change(no)
	to, err := c.State.Next(on)
	if err != nil {
		return notRepairable("%v", err)
	}
	if len(c.Path) == 0 {
		c.Path = []StepState{c.State}
		c.Interrupted = c.State == StepInProgress
	}
	c.Path, c.State = append(c.Path, to), to
	return nil
}

// ready queues a step that is pending and waits for nothing.
func (r *repair) ready(no int32) error {
	if c := r.change(no); c.State != StepPending || c.WaitingOn > 0 {
		return nil
	}
	return r.move(no, StepEnqueue)
}

// satisfy tells the step's children that it is done.
func (r *repair) satisfy(no int32) error {
	for _, child := range r.task.Steps[no].Children {
		c := r.change(child)
		if c.State != StepPending {
			continue
		}
		c.WaitingOn--
		if err := r.ready(child); err != nil {
			return err
		}
	}
	return nil
}

func (r *repair) state(no int32) StepState {
	if c := r.changes[no]; c != nil {
		return c.State
	}
	return r.task.Steps[no].State
}

// plan sums the changes up, and finds where the task now stands.
func (r *repair) plan() *RepairPlan {
	p := &RepairPlan{Unsplit: r.unsplit}
	for no, s := range r.task.Steps {
		sink := s.Sink
		if c := r.changes[no]; c != nil {
			if len(c.Path) > 0 || c.WaitingOn != s.WaitingOn || c.Removed || c.Rewired {
				p.Steps = append(p.Steps, *c)
			}
			if c.Removed {
				continue
			}
			sink = sink || c.Rewired && c.Sink
		}
		state := r.state(no)
		if state == StepError {
			p.FailedSteps++
		}
		if sink && !state.SatisfiesDependents() {
			p.Sinks++
		}
	}
	slices.SortFunc(p.Steps, func(a, b StepChange) int { return int(a.No - b.No) })
	to := TaskStepsInProcess
	switch {
	case p.FailedSteps > 0:
		to = TaskBlockedByFailures
	case p.Sinks == 0:
		to = TaskComplete
	}
	p.TaskPath = taskPath(r.task.State, to)
	return p
}

// taskPath names the states between, so that the trail shows legal moves only.
func taskPath(from, to TaskState) []TaskState {
	path := []TaskState{from}
	if from == to {
		return path
	}
	if from.Terminal() {
		path = append(path, TaskPending, TaskInitializing, TaskEnqueuingSteps, TaskStepsInProcess)
		if to == TaskStepsInProcess {
			return path
		}
	}
	path = append(path, TaskEvaluatingResults)
	if to == TaskStepsInProcess {
		path = append(path, TaskEnqueuingSteps)
	}
	return append(path, to)
}
