package client

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk"
)

// The wire contract, body by body: names in the order they are written.
func TestBodiesHaveTheFieldsOfTheContract(t *testing.T) {
	t.Parallel()
	for names, body := range map[string]any{
		`task_uuid name namespace version status created_at updated_at completed_at context initiator source_system reason
		 priority tags correlation_id parent_correlation_id total_steps pending_steps in_progress_steps completed_steps
		 failed_steps ready_steps execution_status recommended_action completion_percentage health_status paused_at steps`: TaskResponse{}, // paused_at is ours
		`tasks pagination`: TaskListResponse{},
		`page per_page total_count total_pages has_next has_previous`: PaginationInfo{},
		`workflow_step_uuid task_uuid named_step_uuid name current_state dependencies_satisfied retry_eligible
		 ready_for_execution last_failure_at next_retry_at total_parents completed_parents attempts max_attempts
		 backoff_request_seconds last_attempted_at`: StepReadinessStatus{},
		`step_uuid task_uuid name created_at updated_at completed_at results current_state dependencies_satisfied retry_eligible
		 ready_for_execution total_parents completed_parents attempts max_attempts last_failure_at next_retry_at
		 last_attempted_at`: StepResponse{},
		`namespaces templates total_count`:                                      TemplateListResponse{},
		`name description template_count`:                                       NamespaceSummary{},
		`name namespace version description step_count`:                         TemplateSummary{},
		`name namespace version description configuration steps`:                TemplateDetail{},
		`name description default_retryable default_max_attempts result_schema`: StepDefinition{},
		`status timestamp`:             HealthResponse{},
		`status timestamp checks info`: ReadinessResponse{},
		`web_database orchestration_database circuit_breaker orchestration_system command_processor`: ReadinessChecks{},
		`status message duration_ms`: HealthCheck{},
		`version environment operational_state web_database_pool_size orchestration_database_pool_size circuit_breaker_state
		 pool_utilization`: HealthInfo{},
		`tasker_pool pgmq_pool`: PoolUtilizationInfo{},
		`active_connections idle_connections max_connections utilization_percent total_acquires slow_acquires acquire_errors
		 average_acquire_time_ms max_acquire_time_ms`: PoolDetail{},
		`action_type reason reset_by resolved_by completed_by requested_by completion_data`: ManualAction{},
		`result metadata`: ManualCompletionData{},
		`audit_uuid workflow_step_uuid transition_uuid task_uuid recorded_at worker_uuid correlation_id success execution_time_ms
		 result step_name from_state to_state`: StepAudit{},
		`dlq_entry_uuid task_uuid original_state dlq_reason dlq_timestamp resolution_status resolution_timestamp resolution_notes
		 resolved_by task_snapshot metadata created_at updated_at`: DLQEntry{},
		`resolution_status resolution_notes resolved_by metadata`: DLQUpdate{},
		`dlq_reason total_entries pending manually_resolved permanent_failures cancelled oldest_entry newest_entry
		 avg_resolution_time_minutes`: DLQStats{},
		`dlq_entry_uuid task_uuid original_state dlq_reason dlq_timestamp minutes_in_dlq namespace_name task_name current_state
		 time_in_state_minutes priority_score`: DLQInvestigation{},
		`task_uuid namespace_name task_name current_state time_in_state_minutes task_age_minutes staleness_threshold_minutes
		 health_status priority`: StalenessMonitoring{},
		`error`:        ErrorResponse{},
		`code message`: ErrorDetail{},
	} {
		var got []string
		for i := range reflect.TypeOf(body).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(body).Field(i).Tag.Get("json"), ",")
			got = append(got, name)
		}
		require.Equal(t, strings.Fields(names), got, "%T", body)
	}
}

func TestABodyOfAnExistingServerIsRead(t *testing.T) {
	t.Parallel()
	var task TaskResponse
	require.NoError(t, json.Unmarshal([]byte(`{
		"task_uuid":"0199c3e0-8f3a-7cc2-9a4e-0123456789ab","name":"order","namespace":"shop","version":"1.0.0","status":"steps_in_process",
		"created_at":"2026-01-31T12:00:00.123456Z","updated_at":"2026-01-31T12:00:01+00:00","completed_at":null,"context":{"n":9007199254740993},
		"initiator":"ada","source_system":"web","reason":"test","priority":null,"tags":null,
		"correlation_id":"0199c3e0-8f3a-7cc2-9a4e-0123456789ac","parent_correlation_id":null,
		"total_steps":1,"pending_steps":0,"in_progress_steps":0,"completed_steps":1,"failed_steps":0,"ready_steps":0,
		"execution_status":"all_complete","recommended_action":"finalize_task","completion_percentage":100.0,"health_status":"healthy",
		"steps":[{"workflow_step_uuid":"0199c3e0-8f3a-7cc2-9a4e-0123456789ad","task_uuid":"0199c3e0-8f3a-7cc2-9a4e-0123456789ab",
			"named_step_uuid":"0199c3e0-8f3a-7cc2-9a4e-0123456789ae","name":"validate","current_state":"complete",
			"dependencies_satisfied":true,"retry_eligible":true,"ready_for_execution":false,"last_failure_at":"2026-01-31T12:00:00.5",
			"next_retry_at":null,"total_parents":0,"completed_parents":0,"attempts":1,"max_attempts":3,"backoff_request_seconds":null,
			"last_attempted_at":"2026-01-31T12:00:00"}],
		"a_field_of_a_later_version":true}`), &task))
	require.Equal(t, sdk.UUID{0x01, 0x99, 0xc3, 0xe0, 0x8f, 0x3a, 0x7c, 0xc2, 0x9a, 0x4e, 1, 0x23, 0x45, 0x67, 0x89, 0xab}, task.TaskUUID)
	require.Equal(t, time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.UTC), task.CreatedAt.Time)
	require.Equal(t, time.Date(2026, 1, 31, 12, 0, 1, 0, time.UTC), task.UpdatedAt.Time)
	require.Nil(t, task.CompletedAt)
	require.JSONEq(t, `{"n":9007199254740993}`, string(task.Context))
	require.Equal(t, Float(100), task.CompletionPercentage)
	require.Equal(t, time.Date(2026, 1, 31, 12, 0, 0, 500000000, time.UTC), task.Steps[0].LastFailureAt.Time)
	require.Nil(t, task.Steps[0].NextRetryAt)
	require.False(t, task.Ended())
}

func TestTimesWithoutAZoneAreInUTC(t *testing.T) {
	t.Parallel()
	var at NaiveTime
	require.NoError(t, json.Unmarshal([]byte(`"2026-01-31T12:00:00.5"`), &at))
	require.Equal(t, time.Date(2026, 1, 31, 12, 0, 0, 500000000, time.UTC), at.Time)
	vienna := time.Date(2026, 1, 31, 13, 0, 0, 120000000, time.FixedZone("CET", 3600))
	written, err := json.Marshal([]NaiveTime{{sdk.At(vienna)}, {sdk.Timestamp{Time: vienna}}})
	require.NoError(t, err)
	require.Equal(t, `["2026-01-31T12:00:00.120000","2026-01-31T12:00:00.120000"]`, string(written))
}

func TestFloatsKeepTheirPoint(t *testing.T) {
	t.Parallel()
	written, err := json.Marshal([]Float{0, 100, 33.5, 1e21})
	require.NoError(t, err)
	require.Equal(t, `[0.0,100.0,33.5,1000000000000000000000.0]`, string(written))
}

func TestATaskEndsOrRests(t *testing.T) {
	t.Parallel()
	for _, status := range []string{StatusComplete, StatusError, StatusCancelled, StatusResolvedManually} {
		require.True(t, (&TaskResponse{Status: status}).Ended(), status)
		require.True(t, (&TaskResponse{Status: status}).Resting(), status)
	}
	require.False(t, (&TaskResponse{Status: StatusBlockedByFailures}).Ended())
	require.True(t, (&TaskResponse{Status: StatusBlockedByFailures}).Resting())
	for _, status := range []string{StatusPending, StatusInitializing, StatusEnqueuingSteps, StatusStepsInProcess,
		StatusEvaluatingResults, StatusWaitingForDependencies, StatusWaitingForRetry} {
		require.False(t, (&TaskResponse{Status: status}).Resting(), status)
	}
}

func TestTheResultOfAStepIsDecoded(t *testing.T) {
	t.Parallel()
	for _, none := range []string{``, `null`} {
		r, err := (&StepResponse{Results: json.RawMessage(none)}).Result()
		require.NoError(t, err)
		require.Nil(t, r)
	}
	r, err := (&StepResponse{Results: json.RawMessage(`{"success":true,"result":{"total":7},"status":"completed"}`)}).Result()
	require.NoError(t, err)
	require.True(t, r.Success)
	require.JSONEq(t, `{"total":7}`, string(r.Result))
	_, err = (&StepResponse{Results: json.RawMessage(`7`)}).Result()
	require.Error(t, err)
}
