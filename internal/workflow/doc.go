// Package workflow is the pure domain: the states of tasks and steps and the moves between them, what the outcome of an
// attempt means, how long to wait before the next one, and the graph of steps. It does no I/O and reads no clock; the
// store writes what is decided here.
package workflow
