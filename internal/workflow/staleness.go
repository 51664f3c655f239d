package workflow

// StalenessVerdict is what becomes of a stale task.
type StalenessVerdict struct {
	// Letter enters it among the dead letters, Fail ends it in state error.
	Letter, Fail bool
}

// DecideStaleness says what a template's lifecycle wants done with a stale task. action is dlq, error or none; "" is dlq.
// autoFail and autoDLQ, if the template has them, come before it. A task that only waits for a worker loses nothing by
// waiting: it is not failed before its lifetime is over.
func DecideStaleness(action string, autoFail, autoDLQ *bool, waitsForWorker, expired bool) StalenessVerdict {
	v := StalenessVerdict{Letter: true, Fail: true}
	switch action {
	case "error":
		v.Letter = false
	case "none":
		v = StalenessVerdict{}
	}
	if autoFail != nil && action != "none" {
		v.Fail = *autoFail
	}
	if autoDLQ != nil && action != "none" {
		v.Letter = *autoDLQ
	}
	if waitsForWorker && !expired {
		v.Letter, v.Fail = v.Letter || v.Fail, false
	}
	return v
}

// Name is what monitoring calls the verdict; dry is one that is not acted on.
func (v StalenessVerdict) Name(dry bool) string {
	switch {
	case dry:
		return "would_transition_to_dlq_and_error"
	case v.Letter && v.Fail:
		return "transitioned_to_dlq_and_error"
	case v.Letter:
		return "moved_to_dlq_only"
	case v.Fail:
		return "transitioned_to_error_only"
	}
	return "none"
}
