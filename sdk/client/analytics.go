package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/tasker-systems/tasker-go/sdk"
)

// PerformanceMetrics tells how the tasks went that were made within a time. Rates are 0 to 1.
type PerformanceMetrics struct {
	TotalTasks int64 `json:"total_tasks"`
	// ActiveTasks have not come to rest. CompletedTasks may have been resolved by hand, FailedTasks may be blocked only.
	ActiveTasks    int64 `json:"active_tasks"`
	CompletedTasks int64 `json:"completed_tasks"`
	FailedTasks    int64 `json:"failed_tasks"`
	// CompletionRate and ErrorRate are parts of all tasks.
	CompletionRate Float `json:"completion_rate"`
	ErrorRate      Float `json:"error_rate"`
	// AverageTaskDurationSeconds counts from a task's start to its end, AverageStepDurationSeconds what an attempt took.
	AverageTaskDurationSeconds Float `json:"average_task_duration_seconds"`
	AverageStepDurationSeconds Float `json:"average_step_duration_seconds"`
	TasksPerHour               int64 `json:"tasks_per_hour"`
	StepsPerHour               int64 `json:"steps_per_hour"`
	// SystemHealthScore is the part of the tasks at rest that did not fail, 1 if there are none.
	SystemHealthScore Float `json:"system_health_score"`
	// AnalysisPeriodStart is later than what was asked for if there are more tasks than the server reads.
	AnalysisPeriodStart sdk.Timestamp `json:"analysis_period_start"`
	CalculatedAt        sdk.Timestamp `json:"calculated_at"`
}

// BottleneckAnalysis tells what takes long among the tasks of the last day.
type BottleneckAnalysis struct {
	SlowSteps           []SlowStepInfo      `json:"slow_steps"`
	SlowTasks           []SlowTaskInfo      `json:"slow_tasks"`
	ResourceUtilization ResourceUtilization `json:"resource_utilization"`
	// Recommendations are sentences for people.
	Recommendations []string `json:"recommendations"`
}

// SlowStepInfo tells of the attempts of one step of a template; those of batches count together.
type SlowStepInfo struct {
	NamespaceName          string         `json:"namespace_name"`
	TaskName               string         `json:"task_name"`
	Version                string         `json:"version"`
	StepName               string         `json:"step_name"`
	AverageDurationSeconds Float          `json:"average_duration_seconds"`
	MaxDurationSeconds     Float          `json:"max_duration_seconds"`
	ExecutionCount         int64          `json:"execution_count"`
	ErrorCount             int64          `json:"error_count"`
	ErrorRate              Float          `json:"error_rate"`
	LastExecutedAt         *sdk.Timestamp `json:"last_executed_at"`
}

// SlowTaskInfo tells of the tasks of one template.
type SlowTaskInfo struct {
	NamespaceName          string         `json:"namespace_name"`
	TaskName               string         `json:"task_name"`
	Version                string         `json:"version"`
	AverageDurationSeconds Float          `json:"average_duration_seconds"`
	MaxDurationSeconds     Float          `json:"max_duration_seconds"`
	ExecutionCount         int64          `json:"execution_count"`
	AverageStepCount       Float          `json:"average_step_count"`
	ErrorCount             int64          `json:"error_count"`
	ErrorRate              Float          `json:"error_rate"`
	LastExecutedAt         *sdk.Timestamp `json:"last_executed_at"`
}

// ResourceUtilization tells how much of what there is is in use.
type ResourceUtilization struct {
	// DatabasePoolUtilization is 0 to 1.
	DatabasePoolUtilization Float `json:"database_pool_utilization"`
	// SystemHealth counts recent tasks and their steps by state: "complete_tasks", "error_steps" and so on, and "total_tasks",
	// "total_steps".
	SystemHealth map[string]int64 `json:"system_health"`
}

// Performance tells how the tasks of the last hours went; 0 is the server's 24.
func (c *Client) Performance(ctx context.Context, hours int) (PerformanceMetrics, error) {
	return fetch[PerformanceMetrics](ctx, c, "/v1/analytics/performance", positive(url.Values{}, "hours", hours))
}

// Bottlenecks lists what takes longest: at most limit steps and templates, which ran at least minExecutions times. Zeros are
// the server's 10 and 5.
func (c *Client) Bottlenecks(ctx context.Context, limit, minExecutions int) (BottleneckAnalysis, error) {
	q := positive(positive(url.Values{}, "limit", limit), "min_executions", minExecutions)
	return fetch[BottleneckAnalysis](ctx, c, "/v1/analytics/bottlenecks", q)
}

func positive(q url.Values, name string, n int) url.Values {
	if n > 0 {
		q.Set(name, strconv.Itoa(n))
	}
	return q
}
