package bridge

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/sdk"
)

// BenchmarkEncodeStepEvent writes the event of a step behind another one.
func BenchmarkEncodeStepEvent(b *testing.B) {
	e := &dispatch.FfiStepEvent{
		EventID: sdk.NewUUID(), Timeout: time.Minute,
		Message: &dispatch.DispatchHandlerMessage{Step: sdk.NewStepContext(sdk.StepData{
			TaskUUID: sdk.NewUUID(), StepNo: 1, CorrelationID: sdk.NewUUID(), Namespace: "shop", TaskName: "order", TaskVersion: "1.0.0",
			StepName: "pay", TemplateStepName: "pay", Attempt: 1, MaxAttempts: 3,
		})},
	}
	details := StepDetails{Definition: json.RawMessage(`{"name":"pay","handler":{"callable":"shop.pay"}}`), Ancestors: []Ancestor{{"check", 0}}}
	results := map[string]json.RawMessage{}
	b.ReportAllocs()
	for b.Loop() {
		results["check"] = json.RawMessage(`{"total":1299.5}`) // it is taken out
		encodeStepEvent(e, details, json.RawMessage(`{"cart":7}`), results)
	}
}
