package workflow

import (
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// RetryPolicy is what a step's template says of further attempts.
type RetryPolicy struct {
	// Retryable false allows the first attempt only.
	Retryable bool
	// MaxAttempts bounds the attempts that a handler used up; 0 and 1 both allow just the first.
	MaxAttempts int32
	// MaxCrashes bounds the attempts that ended with their worker.
	MaxCrashes int32
	Backoff    Backoff
	// MaxDelay bounds a delay that a server asked for.
	MaxDelay time.Duration
}

// AttemptCounts are the attempts of one step so far.
type AttemptCounts struct {
	// Attempt counts the claims; it is also the fencing token of the latest.
	Attempt int32
	// Crashes are the attempts that ended because their worker was lost.
	Crashes int32
	// Forgiven are the attempts that were handed back unused: released, or yielded at a checkpoint.
	Forgiven int32
}

// Used is the number of attempts that people see: all but the forgiven ones.
func (c AttemptCounts) Used() int32 { return c.Attempt - c.Forgiven }

// Failures is the number of attempts that count against MaxAttempts.
func (c AttemptCounts) Failures() int32 { return c.Attempt - c.Forgiven - c.Crashes }

// Decision is what becomes of a step after an attempt.
type Decision struct {
	// To is StepComplete, StepWaitingForRetry or StepError.
	To StepState
	// Delay is the time until the next attempt, with StepWaitingForRetry.
	Delay time.Duration
	// Reason tells operators why a step failed for good.
	Reason string
}

// DecideOutcome says what the result of an attempt means. spread, in [0, 1), places the delay within the jitter.
func DecideOutcome(p RetryPolicy, c AttemptCounts, r *sdk.StepExecutionResult, spread float64) Decision {
	switch {
	case r.Success:
		return Decision{To: StepComplete}
	case !r.Metadata.Retryable:
		return Decision{To: StepError, Reason: "permanent failure"}
	case !p.Retryable:
		return Decision{To: StepError, Reason: "the template allows no retry"}
	case c.Failures() >= p.MaxAttempts:
		return Decision{To: StepError, Reason: fmt.Sprintf("all %d attempts are used up", c.Failures())}
	}
	return Decision{To: StepWaitingForRetry, Delay: retryDelay(p, c, r, spread)}
}

// DecideCrash says what becomes of a step whose worker was lost. c counts the crash already.
func DecideCrash(p RetryPolicy, c AttemptCounts) Decision {
	if c.Crashes >= max(p.MaxCrashes, 1) {
		return Decision{To: StepError, Reason: fmt.Sprintf("its worker was lost %d times", c.Crashes)}
	}
	return Decision{To: StepWaitingForRetry}
}

func retryDelay(p RetryPolicy, c AttemptCounts, r *sdk.StepExecutionResult, spread float64) time.Duration {
	if m := r.OrchestrationMetadata; m != nil && m.BackoffHint != nil {
		asked := time.Duration(m.BackoffHint.DelaySeconds) * time.Second
		if p.MaxDelay > 0 {
			asked = min(asked, p.MaxDelay)
		}
		return asked
	}
	return p.Backoff.Delay(c.Failures(), spread)
}
