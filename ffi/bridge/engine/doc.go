// Package engine is the core over PostgreSQL that the shared library runs: the same parts as a Go worker, with hosts in
// place of Go handlers, and the REST API in place of a client.
package engine
