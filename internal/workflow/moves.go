package workflow

// moves is a transition table: by event, the state that follows each state in which the event may come.
type moves[Event, State comparable] map[Event]map[State]State

// pairs lists every move as a from-to pair, once.
func (m moves[Event, State]) pairs() [][2]State {
	var pairs [][2]State
	seen := map[[2]State]bool{}
	for _, byFrom := range m {
		for from, to := range byFrom {
			if p := [2]State{from, to}; !seen[p] {
				seen[p] = true
				pairs = append(pairs, p)
			}
		}
	}
	return pairs
}
