package workflow

import "errors"

// ResetForRetry gives failed steps all their attempts again, and queues them.
func ResetForRetry(t RepairTask, steps ...int32) (*RepairPlan, error) {
	r, err := newRepair(t)
	if err != nil {
		return nil, err
	}
	for _, no := range steps {
		s, err := r.step(no)
		if err != nil {
			return nil, err
		}
		if s.State != StepError {
			return nil, notRepairable("only a step in state error can be reset, this one is %s", s.State)
		}
		if err := r.move(no, StepResetForRetry); err != nil {
			return nil, err
		}
		r.change(no).Fresh = true
		if err := r.ready(no); err != nil {
			return nil, err
		}
	}
	return r.plan(), nil
}

// ResolveStep ends a step by hand, as complete or as resolved, and readies what waits for it. What the end of the step adds to
// its task is there already.
func ResolveStep(t RepairTask, no int32, complete bool) (*RepairPlan, error) {
	r, err := newRepair(t)
	if err != nil {
		return nil, err
	}
	s, err := r.step(no)
	if err != nil {
		return nil, err
	}
	if s.State == StepPending && s.WaitingOn%HoldGate > 0 {
		return nil, notRepairable("the step waits for %d others; end them first", s.WaitingOn%HoldGate)
	}
	on := StepResolveManually
	if complete {
		on = StepCompleteManually
	}
	if err := r.move(no, on); err != nil {
		return nil, err
	}
	if err := r.satisfy(no); err != nil {
		return nil, err
	}
	return r.plan(), nil
}

// RunNow queues a step that waits for the time of its retry.
func RunNow(t RepairTask, no int32) (*RepairPlan, error) {
	r, err := newRepair(t)
	if err != nil {
		return nil, err
	}
	s, err := r.step(no)
	if err != nil {
		return nil, err
	}
	if s.State != StepWaitingForRetry {
		return nil, notRepairable("only a step that waits for its retry can be run now, this one is %s", s.State)
	}
	if t.Paused {
		return nil, notRepairable("the task is paused; resume it first")
	}
	if err := errors.Join(r.move(no, StepRetry), r.ready(no)); err != nil {
		return nil, err
	}
	return r.plan(), nil
}

// RetryFrom runs a step again, and after it everything that depends on it, as if none of them had ever run. What those of them
// that decide or split had added to the task is taken back: they decide anew.
func RetryFrom(t RepairTask, from int32) (*RepairPlan, error) {
	r, err := newRepair(t)
	if err != nil {
		return nil, err
	}
	s, err := r.step(from)
	if err != nil {
		return nil, err
	}
	if s.State == StepPending {
		return nil, notRepairable("the step has not run yet")
	}
	again := r.downstream(from)
	for no := range again {
		c := r.change(no)
		if c.Fresh, c.Redone = true, true; c.State == StepPending {
			continue
		}
		if err := r.move(no, StepRerun); err != nil {
			return nil, err
		}
	}
	r.uproot(again)
	for no := range again {
		c := r.change(no)
		if c.WaitingOn = 0; t.Paused {
			c.WaitingOn = HoldGate
		}
	}
	for no := range r.task.Steps {
		if r.removed(no) || r.state(no).SatisfiesDependents() {
			continue
		}
		for _, child := range r.children(no) {
			if again[child] {
				r.change(child).WaitingOn++
			}
		}
	}
	if err := r.ready(from); err != nil {
		return nil, err
	}
	return r.plan(), nil
}

// downstream is a step with all that depend on it, and all that came of its decisions.
func (r *repair) downstream(from int32) map[int32]bool {
	all, next := map[int32]bool{from: true}, []int32{from}
	for len(next) > 0 {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		for _, child := range append(r.grown(at), r.task.Steps[at].Children...) {
			if !all[child] {
				all[child] = true
				next = append(next, child)
			}
		}
	}
	return all
}

// GiveUp ends a task whose failures nobody repairs. A step of it that could still move keeps it open.
func GiveUp(t RepairTask) (*RepairPlan, error) {
	if t.State != TaskBlockedByFailures {
		return nil, notRepairable("the task is %s", t.State)
	}
	r := &repair{task: t, changes: map[int32]*StepChange{}}
	for _, s := range t.Steps {
		if s.State.live(s.WaitingOn) {
			return nil, notRepairable("a step of the task is %s", s.State)
		}
	}
	p := r.plan()
	p.TaskPath = append(p.TaskPath, TaskError)
	return p, nil
}

// FailStale fails every step that could still move, and with them the task.
func FailStale(t RepairTask) (*RepairPlan, error) {
	if t.State.Terminal() {
		return nil, notRepairable("the task is %s", t.State)
	}
	r := &repair{task: t, changes: map[int32]*StepChange{}}
	for no, s := range t.Steps {
		if !s.State.live(s.WaitingOn) {
			continue
		}
		if err := r.move(no, StepFail); err != nil {
			return nil, err
		}
	}
	p := r.plan()
	if p.FailedSteps == 0 {
		return nil, notRepairable("no step of the task can be failed")
	}
	if t.State == TaskPending {
		p.TaskPath = taskPath(TaskStepsInProcess, TaskBlockedByFailures)
		p.TaskPath = append([]TaskState{TaskPending, TaskInitializing, TaskEnqueuingSteps}, p.TaskPath...)
	}
	p.TaskPath = append(p.TaskPath, TaskError)
	return p, nil
}

// ResolveTask ends a task by hand: its failed steps are resolved, the open ones cancelled.
func ResolveTask(t RepairTask) (*RepairPlan, error) {
	if t.State == TaskComplete || t.State == TaskCancelled || t.State == TaskResolvedManually {
		return nil, notRepairable("the task is %s", t.State)
	}
	r := &repair{task: t, changes: map[int32]*StepChange{}}
	for no, s := range t.Steps {
		on := StepCancel
		switch {
		case s.State.Terminal():
			continue
		case s.State == StepError:
			on = StepResolveManually
		}
		if err := r.move(no, on); err != nil {
			return nil, err
		}
	}
	p := r.plan()
	p.TaskPath = []TaskState{t.State, TaskResolvedManually}
	return p, nil
}

// live says whether a step in this state will move without anybody's help.
func (s StepState) live(waitingOn int32) bool {
	return !s.Terminal() && s != StepError && (s != StepPending || waitingOn == 0)
}
