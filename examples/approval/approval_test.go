package approval_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/examples/approval"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/tasktest"
)

// W7, and fixture approval_routing.
func TestARequestIsApprovedByThoseWhoMust(t *testing.T) {
	t.Parallel()
	handlers := sdk.NewRegistry()
	approval.Register(handlers)
	e := tasktest.Start(t, handlers, "../templates/approval.yaml")
	for amount, tt := range map[int]struct {
		steps []string
		by    string
	}{
		999:  {[]string{"auto_approve"}, `["policy"]`},
		1000: {[]string{"manager_approval"}, `["manager"]`},
		4999: {[]string{"manager_approval"}, `["manager"]`},
		5000: {[]string{"manager_approval", "finance_review"}, `["finance", "manager"]`},
	} {
		t.Run(fmt.Sprint(amount), func(t *testing.T) {
			task := e.Run("conditional_approval", "approval_routing", "1.0.0", approval.Request{Amount: amount, Requester: "ada", Purpose: "tea"})
			task.RequireComplete()
			require.ElementsMatch(t, append(tt.steps, "validate_request", "routing_decision", "finalize_approval"), task.Steps)
			require.JSONEq(t, `{"approved": true, "approved_by": `+tt.by+`}`, string(task.Result("finalize_approval")))
		})
	}
}
