package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// screenView draws a task over its own earlier picture, on a terminal.
type screenView struct {
	out   io.Writer
	size  func() (width, height int)
	now   func() time.Time
	color bool
	// drawn counts the lines of the last picture.
	drawn int
	frame int
}

var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

const (
	green, red, yellow, dim, plain = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[0m"
	eraseBelow                     = "\x1b[J"
)

func (v *screenView) show(s *snapshot) error {
	width, height := v.size()
	var b strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", v.drawn)
	}
	b.WriteString(eraseBelow)
	lines := v.picture(s, width, height)
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	v.drawn = len(lines)
	v.frame++
	_, err := io.WriteString(v.out, b.String())
	return err
}

// picture is a line for the task and one for each step, as many as there is room for.
func (v *screenView) picture(s *snapshot, width, height int) []string {
	lines := []string{v.heading(s.task, width)}
	steps := s.steps
	room := max(height-3, 1)
	if len(steps) > room {
		steps = mostTelling(steps, room)
	}
	for i := range steps {
		lines = append(lines, v.step(&steps[i], nameWidth(s), width))
	}
	if more := len(s.steps) - len(steps); more > 0 {
		lines = append(lines, v.paint(dim, fmt.Sprintf("  … and %s more", count(more, "step"))))
	}
	return lines
}

func (v *screenView) heading(t *client.TaskResponse, width int) string {
	end := v.now()
	if t.Resting() {
		end = t.UpdatedAt.Time
	}
	return clip(fmt.Sprintf("%s  %d/%s  %s  %s", printable(templateOf(t)), t.CompletedSteps, count(t.TotalSteps, "step"),
		seconds(max(end.Sub(t.CreatedAt.Time), 0)), t.TaskUUID), width)
}

// mostTelling picks the steps that move or failed, then those that wait, then those that are done, in their order.
func mostTelling(steps []client.StepResponse, room int) []client.StepResponse {
	rank := func(s *client.StepResponse) int {
		switch workflow.StepState(s.CurrentState) {
		case workflow.StepPending, workflow.StepCancelled:
			return 1
		case workflow.StepComplete, workflow.StepResolvedManually:
			return 2
		}
		return 0
	}
	var kept []client.StepResponse
	left := room
	take := [3]int{}
	for i := range steps {
		take[rank(&steps[i])]++
	}
	for r := range take {
		take[r] = min(take[r], left)
		left -= take[r]
	}
	for i := range steps {
		if r := rank(&steps[i]); take[r] > 0 {
			take[r]--
			kept = append(kept, steps[i])
		}
	}
	return kept
}

func (v *screenView) step(s *client.StepResponse, names, width int) string {
	sign, color, told := v.sign(s)
	text := clip(fmt.Sprintf("%-*s  %s", names, clip(printable(s.Name), names), told), width-2)
	if color == dim {
		return v.paint(dim, sign+" "+text)
	}
	return v.paint(color, sign) + " " + text
}

// sign is how a step is drawn: a character, its color, and what is said beside its name.
func (v *screenView) sign(s *client.StepResponse) (sign, color, told string) {
	took, failure := "", ""
	if r := execution(s); r != nil {
		took = milliseconds(r.Metadata.ExecutionTimeMS)
		if r.Error != nil {
			failure = printable(r.Error.Message)
		}
	}
	switch workflow.StepState(s.CurrentState) {
	case workflow.StepComplete, workflow.StepResolvedManually:
		if s.Attempts > 1 {
			took += fmt.Sprintf("  (%d attempts)", s.Attempts)
		}
		return "✔", green, took
	case workflow.StepError:
		return "✘", red, failure
	case workflow.StepCancelled:
		return "⊘", dim, "cancelled"
	case workflow.StepWaitingForRetry:
		told = "failed"
		if s.NextRetryAt != nil {
			told += ", again in " + seconds(max(s.NextRetryAt.Sub(v.now()), 0))
		}
		return "↻", yellow, told + ": " + failure
	case workflow.StepPending:
		if waits := s.TotalParents - s.CompletedParents; waits > 0 {
			return "·", dim, "waits for " + count(waits, "step")
		}
		return "·", dim, "waits"
	case workflow.StepEnqueued:
		return "·", dim, "waits for a worker"
	}
	since := s.UpdatedAt.Time
	if s.LastAttemptedAt != nil {
		since = s.LastAttemptedAt.Time
	}
	told = seconds(max(v.now().Sub(since), 0))
	if s.Attempts > 1 {
		told += fmt.Sprintf("  attempt %d of %d", s.Attempts, s.MaxAttempts)
	}
	return spinner[v.frame%len(spinner)], yellow, told
}

func (v *screenView) paint(color, text string) string {
	if !v.color || color == "" {
		return text
	}
	return color + text + plain
}
