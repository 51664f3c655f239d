// Package builtin holds the handlers that the program itself brings: small ones for benchmarks and for trying faults, and
// those of the demo's workflow.
package builtin
