package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// What an analysis looks at.
const (
	defaultHours      = 24
	maxHours          = 24 * 365
	analysedTasks     = 10_000
	analysedSteps     = 100_000
	defaultSlow       = 10
	defaultExecutions = 5
	maxExecutions     = 1_000_000
)

func analysis(hours int) store.Analysis {
	return store.Analysis{Window: time.Duration(hours) * time.Hour, Tasks: analysedTasks, Steps: analysedSteps}
}

func (a *api) performance(_ http.ResponseWriter, r *http.Request) (any, error) {
	var problems []string
	hours := number(r.URL.Query(), "hours", defaultHours, maxHours, &problems)
	if len(problems) > 0 {
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", problems[0])
	}
	p, err := a.Store.Performance(r.Context(), analysis(hours))
	if err != nil {
		return nil, err
	}
	period := p.Now.Sub(p.Since)
	return client.PerformanceMetrics{
		TotalTasks: p.Total, ActiveTasks: p.Active, CompletedTasks: p.Completed, FailedTasks: p.Failed,
		CompletionRate: part(p.Completed, p.Total), ErrorRate: part(p.Failed, p.Total),
		AverageTaskDurationSeconds: client.Float(p.TaskTime.Seconds()), AverageStepDurationSeconds: client.Float(p.StepTime.Seconds()),
		TasksPerHour: perHour(p.Total, period), StepsPerHour: perHour(p.Steps, period),
		SystemHealthScore:   1 - part(p.Failed, p.Completed+p.Failed),
		AnalysisPeriodStart: sdk.At(p.Since), CalculatedAt: sdk.At(p.Now),
	}, nil
}

func part(n, of int64) client.Float {
	if of == 0 {
		return 0
	}
	return client.Float(float64(n) / float64(of))
}

func perHour(n int64, period time.Duration) int64 {
	return int64(math.Round(float64(n) / max(period, time.Second).Hours()))
}

func (a *api) bottlenecks(_ http.ResponseWriter, r *http.Request) (any, error) {
	var problems []string
	limit := number(r.URL.Query(), "limit", defaultSlow, maxPerPage, &problems)
	atLeast := number(r.URL.Query(), "min_executions", defaultExecutions, maxExecutions, &problems)
	if len(problems) > 0 {
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", strings.Join(problems, "; "))
	}
	recent := analysis(defaultHours)
	steps, tasks, err := a.Store.Bottlenecks(r.Context(), recent, atLeast, limit)
	if err != nil {
		return nil, err
	}
	taskStates, stepStates, err := a.Store.StateCounts(r.Context(), recent)
	if err != nil {
		return nil, err
	}
	query, engine := a.Store.Pools(r.Context())
	body := client.BottleneckAnalysis{
		SlowSteps: []client.SlowStepInfo{}, SlowTasks: []client.SlowTaskInfo{}, Recommendations: []string{},
		ResourceUtilization: client.ResourceUtilization{
			DatabasePoolUtilization: part(int64(query.Active+engine.Active), int64(query.Max+engine.Max)),
			SystemHealth:            systemHealth(taskStates, stepStates),
		},
	}
	for i := range steps {
		s := &steps[i]
		body.SlowSteps = append(body.SlowSteps, client.SlowStepInfo{
			NamespaceName: s.Namespace, TaskName: s.Name, Version: s.Version, StepName: s.Step,
			AverageDurationSeconds: client.Float(s.Average.Seconds()), MaxDurationSeconds: client.Float(s.Max.Seconds()),
			ExecutionCount: s.Count, ErrorCount: s.Errors, ErrorRate: part(s.Errors, s.Count), LastExecutedAt: at(s.Last),
		})
	}
	for i := range tasks {
		t := &tasks[i]
		body.SlowTasks = append(body.SlowTasks, client.SlowTaskInfo{
			NamespaceName: t.Namespace, TaskName: t.Name, Version: t.Version,
			AverageDurationSeconds: client.Float(t.Average.Seconds()), MaxDurationSeconds: client.Float(t.Max.Seconds()),
			ExecutionCount: t.Count, AverageStepCount: client.Float(t.StepCount), ErrorCount: t.Errors, ErrorRate: part(t.Errors, t.Count), LastExecutedAt: at(t.Last),
		})
	}
	body.Recommendations = recommendations(&body)
	return body, nil
}

// systemHealth names every state there is, and the sums.
func systemHealth(tasks, steps map[string]int64) map[string]int64 {
	health := map[string]int64{"total_tasks": 0, "total_steps": 0}
	for _, state := range workflow.TaskStates {
		health[string(state)+"_tasks"] = tasks[string(state)]
		health["total_tasks"] += tasks[string(state)]
	}
	for _, state := range workflow.StepStates {
		health[string(state)+"_steps"] = steps[string(state)]
		health["total_steps"] += steps[string(state)]
	}
	return health
}

// What is worth a word.
const (
	manyErrors = 0.1 // of the attempts of a step
	farFromIt  = 10  // times the average
	busyPool   = 0.8
)

func recommendations(b *client.BottleneckAnalysis) []string {
	list := []string{}
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for i := range b.SlowSteps {
		s := &b.SlowSteps[i]
		name := fmt.Sprintf("%s of %s", s.StepName, key(s.NamespaceName, s.TaskName, s.Version))
		if s.ErrorRate >= manyErrors {
			say("%s fails in %.0f %% of its attempts: see why with tasker task list --status blocked_by_failures, or in its audit", name, s.ErrorRate*100)
		}
		if s.MaxDurationSeconds >= 1 && s.MaxDurationSeconds >= farFromIt*s.AverageDurationSeconds {
			say("%s once took %.1f s, %.2f s on average: give it a timeout_seconds", name, s.MaxDurationSeconds, s.AverageDurationSeconds)
		}
	}
	if n := b.ResourceUtilization.SystemHealth[string(workflow.TaskBlockedByFailures)+"_tasks"]; n > 0 {
		say("%d of the recent tasks are blocked by failures: look into the dead letters with tasker dlq list", n)
	}
	if b.ResourceUtilization.DatabasePoolUtilization >= busyPool {
		say("%.0f %% of the connections to the database are in use: raise database.pool.max_connections", b.ResourceUtilization.DatabasePoolUtilization*100)
	}
	return list
}
