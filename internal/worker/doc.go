// Package worker runs steps: it claims them, hands them to their handlers and has their results accepted. Its actors are
// thin doors, each beside the stateless service that does the work; what a worker must remember, its lease and the steps
// in flight, has a type of its own.
package worker
