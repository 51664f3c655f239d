// Package bridge is the C interface without the C: bytes in, bytes and codes out. It holds the handles and tokens, the
// frames, the JSON documents, the ring of log records and the generic calls; package ffi above it only carries memory
// across. What runs steps below it is a [Core].
//
// Nothing here writes to standard output or error, reads the environment, or touches signals: it runs in other people's
// processes. Every goroutine survives its panics.
package bridge
