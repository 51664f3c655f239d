package approval_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/examples/approval"
	"github.com/tasker-systems/tasker-go/internal/e2e/forms"
	"github.com/tasker-systems/tasker-go/sdk"
)

// W7, and fixture approval_routing. That the schema keeps other requests out is shown in internal/e2e.
func TestARequestIsApprovedByThoseWhoMust(t *testing.T) {
	t.Parallel()
	handlers := sdk.NewRegistry()
	approval.Register(handlers)
	e := forms.Start(t, handlers, "../templates/approval.yaml")
	for amount, tt := range map[int]struct {
		steps []string
		by    string
	}{
		1:         {[]string{"auto_approve"}, `["policy"]`},
		999:       {[]string{"auto_approve"}, `["policy"]`},
		1000:      {[]string{"manager_approval"}, `["manager"]`},
		4999:      {[]string{"manager_approval"}, `["manager"]`},
		5000:      {[]string{"manager_approval", "finance_review"}, `["finance", "manager"]`},
		1_000_000: {[]string{"manager_approval", "finance_review"}, `["finance", "manager"]`},
	} {
		t.Run(fmt.Sprint(amount), func(t *testing.T) {
			forms.Each(t, func(t *testing.T, form forms.Form) {
				task := e.Run(form, "conditional_approval", "approval_routing", approval.Request{Amount: amount, Requester: "ada", Purpose: "tea"})
				task.RequireComplete()
				want := []string{"validate_request", "routing_decision", "finalize_approval"}
				require.ElementsMatch(t, append(want, tt.steps...), task.Steps, "no other step exists")
				require.JSONEq(t, `{"approved": true, "approved_by": `+tt.by+`}`, string(task.Result("finalize_approval")))
			})
		})
	}
}
