// Package builtin holds the handlers that the program itself brings, for benchmarks and for trying faults.
package builtin
