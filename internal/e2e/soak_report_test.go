//go:build soak

package e2e

import (
	"encoding/json"
	"slices"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/sdk"
)

type submitted = orchestration.TaskRequestResult

// summary is what a report says of a list of times, in milliseconds.
type summary struct {
	N   int   `json:"n"`
	P50 int64 `json:"p50"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
}

func summarize(times []time.Duration) (s summary) {
	if len(times) == 0 {
		return s
	}
	slices.Sort(times)
	at := func(share float64) int64 { return times[int(share*float64(len(times)-1))].Milliseconds() }
	return summary{len(times), at(0.5), at(0.99), at(1)}
}

// settledDespitePoison waits for all tasks. Workers that poison steps killed are started again meanwhile.
func (c *chaos) settledDespitePoison() {
	c.t.Helper()
	deadline := time.Now().Add(4 * time.Minute)
	for open := -1; open != 0; {
		require.True(c.t, time.Now().Before(deadline), "%d tasks are still open", open)
		c.revive()
		if n, err := c.count(c.t.Context(), c.t, openTasks); err == nil {
			open = n
		}
		<-time.After(100 * time.Millisecond)
	}
}

// drain tells all processes to stop.
func (c *chaos) drain() {
	c.t.Helper()
	var took []time.Duration
	for _, p := range c.parts {
		told := time.Now()
		p.running.signal(c.t, syscall.SIGTERM)
		require.Zero(c.t, p.running.wait(c.t, patience), "%s did not stop cleanly", p.name)
		took = append(took, time.Since(told))
	}
	c.report.DrainMS = summarize(took)
	require.Zero(c.t, c.db.Count(c.t, `select count(*) from tasker.workflow_steps where state = 'in_progress'`))
}

// judge looks at what is left, prints the report and demands what was promised.
func (c *chaos) judge(took time.Duration) {
	c.t.Helper()
	r := &c.report
	acked := c.acknowledged(c.t)
	r.Acked = len(acked)
	r.Workflows = c.db.Count(c.t, `select count(*) from tasker.tasks`)
	r.Steps = c.db.Count(c.t, `select count(*) from tasker.workflow_steps where state = 'complete'`)
	r.Lost = r.Acked - c.db.Count(c.t, `select count(*) from tasker.tasks where state in ('complete', 'blocked_by_failures') and task_uuid = any($1)`, acked)
	r.DeadLetters = c.db.Count(c.t, `select count(*) from tasker.tasks where state = 'blocked_by_failures'`)
	r.Crashes = c.db.Count(c.t, `select coalesce(sum(crashes), 0) from tasker.workflow_steps`)
	r.DeadlocksInTime = c.db.Count(c.t, `select deadlocks from pg_stat_database where datname = current_database()`)
	r.StepsPerSecond = float64(r.Steps) / took.Seconds()
	effects := c.effects(c.t)
	r.Reexecuted, r.FullyRunTwice = repeats(effects)
	r.RecoveryMS = summarize(c.recoveries(effects))
	r.DatabaseUpMS = summarize(c.resumptions(effects))
	line, err := json.Marshal(r)
	require.NoError(c.t, err)
	c.t.Logf("report %s", line)

	require.Zero(c.t, r.Lost, "acknowledged tasks are lost")
	require.Equal(c.t, r.DeadLetters, c.db.Count(c.t, `select count(*) from tasker.tasks t join tasker.task_templates p using (template_id) where p.name = 'poison'`),
		"only poison may end in a dead letter")
	c.requireNoStep(c.t, `s.state not in ('complete', 'error') and not (s.state = 'pending' and s.waiting_on > 0)`, "a step did not come to rest")
	c.requireIntact(c.t)
	c.requireKeys(c.t)
	require.NotEmpty(c.t, r.Faults)
	require.NotZero(c.t, r.Checks)
}

// repeats counts the starts of steps beyond the first, and the ends.
func repeats(effects []effect) (started, ended int) {
	seen := map[string]map[sdk.UUID]bool{"start": {}, "end": {}}
	for _, e := range effects {
		if !seen[e.Kind][e.StepUUID] {
			seen[e.Kind][e.StepUUID] = true
		} else if e.Kind == "start" {
			started++
		} else {
			ended++
		}
	}
	return started, ended
}

// recoveries are the times from the death of a process to the next start of each step that it ran.
func (c *chaos) recoveries(effects []effect) (times []time.Duration) {
	died := map[int]time.Time{}
	for _, k := range c.kills {
		died[k.pid] = k.at
	}
	running := map[sdk.UUID]time.Time{} // steps whose process has died, and when
	for _, e := range effects {
		if at, ok := running[e.StepUUID]; ok && e.Kind == "start" && e.At.After(at) {
			times = append(times, e.At.Sub(at))
		}
		delete(running, e.StepUUID)
		if at, ok := died[e.PID]; ok && e.Kind == "start" {
			running[e.StepUUID] = at
		}
	}
	return times
}

// resumptions are the times from each return of the database to the next start of any step.
func (c *chaos) resumptions(effects []effect) (times []time.Duration) {
	for _, up := range c.ups {
		for _, e := range effects {
			if e.Kind == "start" && e.At.After(up) {
				times = append(times, e.At.Sub(up))
				break
			}
		}
	}
	return times
}
