package bridge

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// resultHomes says where keys belong that hosts like to put elsewhere.
var resultHomes = map[string]string{
	"execution_time_ms": "metadata.execution_time_ms", "handler_version": "metadata.handler_version", "completed_at": "metadata.completed_at",
	"started_at": "metadata.started_at", "worker_id": "metadata.worker_id", "worker_hostname": "metadata.worker_hostname",
	"error_code": "metadata.error_code", "custom": "metadata.custom", "retryable": "metadata.retryable",
	"error_message": "error.message", "message": "error.message", "error_type": "error.error_type", "backtrace": "error.backtrace",
	"status_code": "error.status_code", "context": "error.context or metadata.context",
	"backoff_hint": "orchestration_metadata.backoff_hint", "headers": "orchestration_metadata.headers",
	"retry_after": "orchestration_metadata.backoff_hint.delay_seconds",
	"success":     "success, at the top", "result": "result, at the top", "status": "status, at the top", "step_uuid": "step_uuid, at the top",
	"error": "error, at the top", "orchestration_metadata": "orchestration_metadata, at the top", "metadata": "metadata, at the top",
}

// resultDocument is a result on its way in: what was said, beside what was left out.
type resultDocument struct {
	*sdk.StepExecutionResult
	hasSuccess        bool
	metadataRetryable *bool
	errorRetryable    *bool
}

// keptResult is what is kept of a document.
type keptResult struct {
	sdk.StepExecutionResult
	small [96]byte // holds what was sent, if it is small
}

// decodeResult reads the result of a step strictly. It keeps nothing of raw.
func decodeResult(raw []byte, step sdk.UUID, limits payload.Limits) (*sdk.StepExecutionResult, error) {
	l, err := documentLimits(raw, limits)
	if err != nil {
		return nil, err
	}
	kept := &keptResult{}
	d := resultDocument{StepExecutionResult: &kept.StepExecutionResult}
	var r memberReader
	r.open(append(kept.small[:0], raw...), "", l)
	for r.next() {
		if err := d.member(&r); err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if err := d.complete(step); err != nil {
		return nil, err
	}
	if limit := orDefault(limits.MaxBytes, payload.DefaultMaxBytes); len(d.Result) > limit {
		return nil, Errorf(ETooLarge, "the result has %d bytes, the limit is %d", len(d.Result), limit).With("limit", limit)
	}
	if err := checkOutcomes(d.Result); err != nil {
		return nil, err
	}
	return d.StepExecutionResult, nil
}

func (d *resultDocument) member(r *memberReader) error {
	if string(r.key) == "metadata" && r.enter("metadata") { // most results have it: it is read on the way
		err := d.metadata(r)
		r.leave()
		return err
	}
	value, err := r.value()
	if err != nil {
		return err
	}
	return d.said(r.place(), value)
}

func (d *resultDocument) said(at place, value json.RawMessage) error {
	switch string(at.key) {
	case "schema_version":
		return checkVersion(at, value)
	case "step_uuid":
		return toUUID(at, value, &d.StepUUID)
	case "success":
		d.hasSuccess = true
		return toBool(at, value, &d.Success)
	case "result":
		d.Result = value
		return nil
	case "status":
		return toString(at, value, &d.Status)
	case "metadata":
		if isNull(value) {
			return nil
		}
		return at.wrong("must be an object")
	case "error":
		if isNull(value) {
			return nil
		}
		d.Error = &sdk.StepExecutionError{}
		return members(value, "error", d.failure)
	case "orchestration_metadata":
		if isNull(value) {
			return nil
		}
		d.OrchestrationMetadata = &sdk.OrchestrationMetadata{Headers: map[string]string{}, Custom: map[string]any{}}
		return members(value, "orchestration_metadata", d.orchestration)
	}
	return unknownKey(at, resultHomes)
}

func (d *resultDocument) metadata(r *memberReader) error {
	for r.next() {
		value, err := r.value()
		if err == nil {
			err = d.metadatum(r.place(), value)
		}
		if err != nil {
			return err
		}
	}
	return r.err
}

func (d *resultDocument) metadatum(at place, value json.RawMessage) error {
	m := &d.Metadata
	switch string(at.key) {
	case "execution_time_ms":
		return toCount(at, value, math.MaxInt64, &m.ExecutionTimeMS)
	case "handler_version":
		return toString(at, value, &m.HandlerVersion)
	case "retryable":
		d.metadataRetryable = new(bool)
		return toBool(at, value, d.metadataRetryable)
	case "completed_at":
		return toTime(at, value, &m.CompletedAt)
	case "worker_id":
		return toString(at, value, &m.WorkerID)
	case "worker_hostname":
		return toString(at, value, &m.WorkerHostname)
	case "started_at":
		if isNull(value) {
			return nil
		}
		m.StartedAt = &sdk.Timestamp{}
		return toTime(at, value, m.StartedAt)
	case "custom":
		return toMap(at, value, &m.Custom)
	case "error_code":
		return toString(at, value, &m.ErrorCode)
	case "error_type":
		return toString(at, value, &m.ErrorType)
	case "context":
		return toMap(at, value, &m.Context)
	}
	return unknownKey(at, resultHomes)
}

func (d *resultDocument) failure(at place, value json.RawMessage) error {
	e := d.Error
	switch string(at.key) {
	case "message":
		return toString(at, value, &e.Message)
	case "error_type":
		return toString(at, value, &e.ErrorType)
	case "backtrace":
		if isNull(value) {
			return nil
		}
		return items(value, at.String(), func(at place, line json.RawMessage) error {
			var s string
			if err := toString(at, line, &s); err != nil {
				return err
			}
			e.Backtrace = append(e.Backtrace, s)
			return nil
		})
	case "retryable":
		d.errorRetryable = &e.Retryable
		return toBool(at, value, &e.Retryable)
	case "status_code":
		if isNull(value) {
			return nil
		}
		var n int64
		err := toCount(at, value, math.MaxUint16, &n)
		e.StatusCode = int(n)
		return err
	case "context":
		return toMap(at, value, &e.Context)
	}
	return unknownKey(at, resultHomes)
}

func (d *resultDocument) orchestration(at place, value json.RawMessage) error {
	m := d.OrchestrationMetadata
	switch string(at.key) {
	case "headers":
		if isNull(value) {
			return nil
		}
		return members(value, at.String(), func(at place, value json.RawMessage) error {
			var s string
			err := toString(at, value, &s)
			m.Headers[string(at.key)] = s
			return err
		})
	case "error_context":
		return toString(at, value, &m.ErrorContext)
	case "custom":
		return toMap(at, value, &m.Custom)
	case "backoff_hint":
		if isNull(value) {
			return nil
		}
		return d.hint(at.String(), value)
	}
	return unknownKey(at, resultHomes)
}

func (d *resultDocument) hint(path string, raw json.RawMessage) error {
	h := &sdk.BackoffHint{}
	d.OrchestrationMetadata.BackoffHint = h
	err := members(raw, path, func(at place, value json.RawMessage) error {
		switch string(at.key) {
		case "backoff_type":
			return toString(at, value, &h.BackoffType)
		case "delay_seconds":
			var n int64
			err := toCount(at, value, math.MaxUint32, &n)
			h.DelaySeconds = uint32(n)
			return err
		case "context":
			return toString(at, value, &h.Context)
		}
		return unknownKey(at, resultHomes)
	})
	if err == nil && !slices.Contains(backoffTypes, h.BackoffType) {
		return keyError(path+".backoff_type", "must be one of %q", backoffTypes)
	}
	return err
}

var backoffTypes = []string{"ServerRequested", "RateLimit", "ServiceUnavailable", "Custom"}

// complete checks what was said against each other, and adds what was left out.
func (d *resultDocument) complete(step sdk.UUID) error {
	switch {
	case !d.hasSuccess:
		return keyError("success", "is required")
	case d.StepUUID != (sdk.UUID{}) && d.StepUUID != step:
		return keyError("step_uuid", "is another step's: this token is for %s", step)
	case d.Success && d.Error != nil:
		return keyError("error", "a success has none")
	case !d.Success && d.Error == nil:
		return keyError("error", "is required where success is false")
	case !d.Success && d.Error.Message == "":
		return keyError("error.message", "is required")
	}
	d.StepUUID = step
	if d.Result == nil {
		d.Result = json.RawMessage("{}")
	}
	if err := d.deriveStatus(); err != nil || d.Success {
		return err
	}
	return d.deriveRetryable()
}

func (d *resultDocument) deriveStatus() error {
	switch {
	case d.Status == "" && d.Success:
		d.Status = sdk.StatusCompleted
	case d.Status == "":
		d.Status = sdk.StatusError
	case d.Success && d.Status != sdk.StatusCompleted:
		return keyError("status", "must be %q where success is true", sdk.StatusCompleted)
	case !d.Success && d.Status != sdk.StatusError && d.Status != sdk.StatusFailed:
		return keyError("status", "must be %q or %q where success is false", sdk.StatusError, sdk.StatusFailed)
	}
	return nil
}

// deriveRetryable makes metadata.retryable, which decides about a retry, agree with error.retryable.
func (d *resultDocument) deriveRetryable() error {
	m, e := d.metadataRetryable, d.errorRetryable
	switch {
	case m != nil && e != nil && *m != *e:
		return keyError("error.retryable", "differs from metadata.retryable")
	case m == nil:
		m = e
	}
	if m != nil {
		d.Metadata.Retryable, d.Error.Retryable = *m, *m
	}
	if d.Metadata.ErrorType == "" {
		d.Metadata.ErrorType = d.Error.ErrorType
	}
	return nil
}
