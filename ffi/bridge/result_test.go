package bridge

import (
	"testing"

	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
)

// BenchmarkDecodeResult reads results as hosts send them: the shortest one, that of the C driver, those of the bindings.
func BenchmarkDecodeResult(b *testing.B) {
	for name, raw := range map[string]string{
		"empty":   `{"success":true}`,
		"small":   `{"success":true,"result":{"value":46},"metadata":{"execution_time_ms":1}}`,
		"python":  `{"success":true,"result":{"total":1299.5,"items":[{"sku":"A-1","n":2},{"sku":"B-7","n":1}],"note":"checked against the stock of today"},"metadata":{"execution_time_ms":12,"worker_id":"python-4711","retryable":false,"custom":{}}}`,
		"failure": `{"success":false,"error":{"message":"the card was declined","error_type":"PermanentError","retryable":false,"backtrace":["a.py:12 in charge","b.py:7 in run"],"context":{}},"metadata":{"execution_time_ms":3,"error_code":"DECLINED"}}`,
	} {
		b.Run(name, func(b *testing.B) {
			text := []byte(raw)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decodeResult(text, sdk.UUID{1}, payload.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
