// Package e2e holds the tests that run Tasker as processes and break them: workers and servers are killed, frozen and
// stopped, the database is restarted and cut off, and afterwards no task is lost, no result is accepted twice, and the
// database holds what it must. `make soak` runs the long ones.
package e2e
