package workflow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/workflow"
)

func TestWhatBecomesOfAStaleTaskIsItsTemplatesToSay(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for name, tt := range map[string]struct {
		action           string
		fail, letter     *bool
		waiting, expired bool
		want             string
	}{
		"it says nothing":                      {want: "transitioned_to_dlq_and_error"},
		"dlq":                                  {action: "dlq", want: "transitioned_to_dlq_and_error"},
		"error":                                {action: "error", want: "transitioned_to_error_only"},
		"none":                                 {action: "none", want: "none"},
		"none, whatever else it says":          {action: "none", fail: &yes, letter: &yes, want: "none"},
		"a letter only":                        {action: "dlq", fail: &no, want: "moved_to_dlq_only"},
		"no letter":                            {action: "dlq", letter: &no, want: "transitioned_to_error_only"},
		"an error with a letter":               {action: "error", letter: &yes, want: "transitioned_to_dlq_and_error"},
		"it waits for a worker":                {waiting: true, want: "moved_to_dlq_only"},
		"it waits for a worker and shall fail": {action: "error", waiting: true, want: "moved_to_dlq_only"},
		"it waits for a worker beyond its lifetime": {waiting: true, expired: true, want: "transitioned_to_dlq_and_error"},
	} {
		v := workflow.DecideStaleness(tt.action, tt.fail, tt.letter, tt.waiting, tt.expired)
		require.Equal(t, tt.want, v.Name(false), name)
		require.Equal(t, "would_transition_to_dlq_and_error", v.Name(true))
	}
}
