package orchestration

import "strings"

// RequestError reports everything that is wrong with a task request.
type RequestError struct {
	Problems []string
}

func (e *RequestError) Error() string {
	return "invalid task request: " + strings.Join(e.Problems, "; ")
}
