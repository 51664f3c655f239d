// Package orchestration turns requests into tasks and results into progress. Its actors are thin doors: each stands beside
// the stateless service that does the work over the store.
package orchestration
