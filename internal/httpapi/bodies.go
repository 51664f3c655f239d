package httpapi

import (
	"encoding/json"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

func taskResponse(t *store.TaskView, steps []store.StepView) client.TaskResponse {
	c := &t.Counts
	body := client.TaskResponse{
		TaskUUID: t.TaskUUID, Name: t.Name, Namespace: t.Namespace, Version: t.Version, Status: string(c.VisibleState()),
		CreatedAt: sdk.At(t.CreatedAt), UpdatedAt: sdk.At(t.UpdatedAt), CompletedAt: at(t.CompletedAt),
		Context: t.Context, Initiator: t.Initiator, SourceSystem: t.SourceSystem, Reason: t.Reason, Priority: &t.Priority,
		Tags: t.Tags, CorrelationID: t.CorrelationID,
		TotalSteps: c.Total, PendingSteps: c.Pending, InProgressSteps: c.InProgress, CompletedSteps: c.Completed,
		FailedSteps: c.Failed, ReadySteps: c.Ready,
		ExecutionStatus: string(c.Status()), RecommendedAction: c.RecommendedAction(),
		CompletionPercentage: client.Float(c.CompletionPercentage()), HealthStatus: c.Health(),
		PausedAt: at(t.PausedAt), Steps: []client.StepReadinessStatus{},
	}
	if t.ParentCorrelationID != (sdk.UUID{}) {
		body.ParentCorrelationID = &t.ParentCorrelationID
	}
	if body.Tags == nil {
		body.Tags = []string{}
	}
	for i := range steps {
		body.Steps = append(body.Steps, stepReadiness(&steps[i]))
	}
	return body
}

func stepReadiness(s *store.StepView) client.StepReadinessStatus {
	return client.StepReadinessStatus{
		WorkflowStepUUID: s.UUID(), TaskUUID: s.TaskUUID, NamedStepUUID: namedStep(s), Name: s.Name,
		CurrentState: string(s.State), DependenciesSatisfied: s.DependenciesSatisfied(), RetryEligible: s.RetryEligible(),
		ReadyForExecution: s.ReadyForExecution(), LastFailureAt: naive(s.LastFailureAt), NextRetryAt: naive(s.RunAt),
		TotalParents: s.Parents, CompletedParents: s.Parents - s.ParentsLeft, Attempts: s.Counts.Used(), MaxAttempts: s.MaxAttempts,
		BackoffRequestSeconds: backoffSeconds(s), LastAttemptedAt: naive(s.LastAttemptedAt),
	}
}

// namedStep is the same for steps of one name in one namespace, as the id of a row for that name would be.
func namedStep(s *store.StepView) sdk.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("tasker:named-step:"+s.Namespace+"/"+s.Name))
}

// backoffSeconds is how long a step waits between its failure and its retry.
func backoffSeconds(s *store.StepView) *int32 {
	if s.State != workflow.StepWaitingForRetry || s.RunAt == nil || s.LastFailureAt == nil {
		return nil
	}
	seconds := int32(math.Round(s.RunAt.Sub(*s.LastFailureAt).Seconds()))
	return &seconds
}

func stepResponse(s *store.StepView) (client.StepResponse, error) {
	body := client.StepResponse{
		StepUUID: s.UUID(), TaskUUID: s.TaskUUID, Name: s.Name,
		CreatedAt: sdk.At(s.CreatedAt), UpdatedAt: sdk.At(s.UpdatedAt), CompletedAt: at(s.CompletedAt),
		CurrentState: string(s.State), DependenciesSatisfied: s.DependenciesSatisfied(), RetryEligible: s.RetryEligible(),
		ReadyForExecution: s.ReadyForExecution(), TotalParents: s.Parents, CompletedParents: s.Parents - s.ParentsLeft,
		Attempts: s.Counts.Used(), MaxAttempts: s.MaxAttempts,
		LastFailureAt: at(s.LastFailureAt), NextRetryAt: at(s.RunAt), LastAttemptedAt: at(s.LastAttemptedAt),
	}
	if s.Results == nil {
		return body, nil
	}
	var err error
	body.Results, err = json.Marshal(s.Results)
	return body, err
}

func at(t *time.Time) *sdk.Timestamp {
	if t == nil {
		return nil
	}
	out := sdk.At(*t)
	return &out
}

func naive(t *time.Time) *client.NaiveTime {
	if t == nil {
		return nil
	}
	return &client.NaiveTime{Timestamp: sdk.At(*t)}
}
