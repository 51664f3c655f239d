package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// jsonView writes each change as one line of JSON.
type jsonView struct {
	out  io.Writer
	last *snapshot
}

func (v *jsonView) show(s *snapshot) error {
	list := changes(v.last, s)
	v.last = s
	for _, c := range list {
		if err := json.NewEncoder(v.out).Encode(c); err != nil {
			return err
		}
	}
	return nil
}

// lineView writes each change as one line for people.
type lineView struct {
	out  io.Writer
	last *snapshot
}

func (v *lineView) show(s *snapshot) error {
	list := changes(v.last, s)
	v.last = s
	for _, c := range list {
		if _, err := fmt.Fprintln(v.out, c.line(nameWidth(s))); err != nil {
			return err
		}
	}
	return nil
}

// nameWidth is the room that names of steps take.
func nameWidth(s *snapshot) int {
	width := len("task")
	for i := range s.steps {
		width = max(width, len(s.steps[i].Name))
	}
	return min(width, 40)
}

func (c *change) line(width int) string {
	name, told := printable(c.Step), c.told()
	if c.Type == "task" {
		name = "task"
	}
	line := fmt.Sprintf("%8s  %-*s  %s", "+"+seconds(c.since), width, clip(name, width), c.Status)
	if told != "" {
		line = fmt.Sprintf("%8s  %-*s  %-17s  %s", "+"+seconds(c.since), width, clip(name, width), c.Status, told)
	}
	return line
}

// told is what there is to say beside the state.
func (c *change) told() string {
	switch {
	case c.Template != "":
		return printable(c.Template) + "  " + c.TaskUUID.String()
	case c.Type == "task":
		return fmt.Sprintf("%d of %s", c.completed, count(c.all, "step"))
	case c.Status == string(workflow.StepInProgress) && c.Attempt > 1:
		return fmt.Sprintf("attempt %d of %d", c.Attempt, c.MaxAttempts)
	case c.Status == string(workflow.StepComplete) && c.DurationMS != nil:
		return "took " + milliseconds(*c.DurationMS)
	case c.Status == string(workflow.StepWaitingForRetry):
		return fmt.Sprintf("attempt %d of %d failed%s: %s", c.Attempt, c.MaxAttempts, again(c.At, c.RetryAt), printable(c.Error))
	case c.Error != "":
		return fmt.Sprintf("attempt %d of %d failed: %s", c.Attempt, c.MaxAttempts, printable(c.Error))
	}
	return ""
}

// again tells how long after a failure the step is tried again.
func again(at sdk.Timestamp, retry *sdk.Timestamp) string {
	if retry == nil {
		return ""
	}
	return ", again in " + seconds(max(retry.Sub(at.Time), 0))
}

func milliseconds(ms int64) string { return seconds(time.Duration(ms) * time.Millisecond) }
