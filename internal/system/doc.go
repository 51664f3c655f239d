// Package system puts one process together: the database, the orchestration core, the worker core, or both. It is the only
// place that knows both sides.
package system
