// Package telemetry is what a process says about itself: it makes the logger.
package telemetry
