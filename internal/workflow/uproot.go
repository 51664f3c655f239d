package workflow

import (
	"maps"
	"slices"
)

// without is a task's growth as if these steps had not ended: which steps there would be, and what they would wait for. What
// came of nothing that they decided stays.
func (b *Blueprint) without(now Standing, undone map[int32]bool) *growing {
	g := &growing{
		Blueprint: b, no: -1, chosen: map[int32][]string{}, exists: make([]bool, len(b.steps)),
		now: Standing{Steps: maps.Clone(now.Steps), Batches: now.Batches, Splits: now.Splits},
	}
	below := map[int32]bool{}
	for no := range undone {
		if s, ok := g.now.Steps[no]; ok && b.steps[no].Kind.Grows() {
			s.Open = true
			g.now.Steps[no] = s
			maps.Copy(below, b.below[no])
		}
	}
	g.readChoices()
	for i := range b.steps {
		no := int32(i)
		switch {
		case !g.existed(no):
		case !below[no] || b.steps[no].Initial:
			g.exists[no] = true
		case b.steps[no].Kind == BatchWorkerStep:
			g.exists[no] = g.exists[now.Splits[no]] && !undone[now.Splits[no]]
		default:
			g.exists[no] = g.comes(no)
		}
	}
	return g
}

// grown are the steps of the task that may have come of a step's decision.
func (r *repair) grown(by int32) (steps []int32) {
	b := r.task.Blueprint
	if b == nil || !b.Kind(by).Grows() {
		return nil
	}
	for no := range r.task.Steps {
		if b.below[by][b.Pattern(no)] {
			steps = append(steps, no)
		}
	}
	return steps
}

// uproot takes out of the task what the steps that run again have added to it, and has those that stay wait for their decisions.
// What is taken out runs no more, and is no longer among those that run again.
func (r *repair) uproot(again map[int32]bool) {
	b := r.task.Blueprint
	if b == nil || !r.decided(again) {
		return
	}
	g := b.without(r.task.Standing, again)
	for pattern := range r.task.Standing.Batches {
		if !g.exists[pattern] {
			r.unsplit = append(r.unsplit, pattern)
		}
	}
	slices.Sort(r.unsplit)
	parents := map[int32][]int32{}
	for no, s := range r.task.Steps {
		pattern := b.Pattern(no)
		if !g.exists[pattern] {
			r.change(no).Removed = true
			delete(again, no)
			continue
		}
		if !again[no] || s.Parents == nil {
			continue
		}
		if now := g.parents(pattern); !slices.Equal(now, slices.Sorted(slices.Values(s.Parents))) {
			parents[no] = now
		}
	}
	r.rewire(parents)
}

// decided says whether any of these steps has added to the task.
func (r *repair) decided(steps map[int32]bool) bool {
	for no := range steps {
		if r.task.Blueprint.Kind(no).Grows() && r.task.Steps[no].State.SatisfiesDependents() {
			return true
		}
	}
	return false
}

// rewire gives steps other parents, and makes the children of all fit them and what is removed.
func (r *repair) rewire(parents map[int32][]int32) {
	gained := map[int32][]int32{}
	for child, list := range parents {
		for _, p := range list {
			if !slices.Contains(r.task.Steps[p].Children, child) {
				gained[p] = append(gained[p], child)
			}
		}
	}
	for no, s := range r.task.Steps {
		if r.removed(no) {
			continue
		}
		children := slices.DeleteFunc(slices.Clone(s.Children), func(child int32) bool {
			list, changed := parents[child]
			_, kept := slices.BinarySearch(list, no)
			return r.removed(child) || changed && !kept
		})
		slices.Sort(gained[no])
		children = append(children, gained[no]...)
		now, changed := parents[no]
		if !changed && slices.Equal(children, s.Children) {
			continue
		}
		if !changed {
			now = s.Parents
		}
		c := r.change(no)
		c.Rewired, c.Children, c.Parents, c.Sink = true, children, now, s.Sink || len(children) == 0
	}
}

func (r *repair) removed(no int32) bool {
	c := r.changes[no]
	return c != nil && c.Removed
}

// children are those that a step will have.
func (r *repair) children(no int32) []int32 {
	if c := r.changes[no]; c != nil && c.Rewired {
		return c.Children
	}
	return r.task.Steps[no].Children
}
