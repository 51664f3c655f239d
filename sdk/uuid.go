package sdk

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// UUID names a task, a step or a correlation. New ones are version 7: ordered by time.
type UUID = uuid.UUID

// NewUUID makes a version 7 UUID. It panics only when the system has no randomness to give.
func NewUUID() UUID { return uuid.Must(uuid.NewV7()) }

// ParseUUID reads the hyphenated form.
func ParseUUID(s string) (UUID, error) { return uuid.Parse(s) }

// StepUUID names step number no of a task. It is derived: the last four bytes of the task's UUID, xor no+1. That needs
// no column and no index, and [StepNumber] gives the number back.
func StepUUID(task UUID, no int32) UUID {
	id := task
	low := binary.BigEndian.Uint32(id[12:])
	binary.BigEndian.PutUint32(id[12:], low^uint32(no+1))
	return id
}

// StepNumber is the inverse of [StepUUID]; ok is false when step cannot belong to task.
func StepNumber(task, step UUID) (no int32, ok bool) {
	if [12]byte(task[:12]) != [12]byte(step[:12]) {
		return 0, false
	}
	n := binary.BigEndian.Uint32(task[12:]) ^ binary.BigEndian.Uint32(step[12:])
	if n == 0 || n > 1<<31-1 {
		return 0, false
	}
	return int32(n - 1), true
}
