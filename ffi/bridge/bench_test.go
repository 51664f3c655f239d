package bridge_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/ffi/bridge"
	"github.com/tasker-systems/tasker-go/ffi/bridge/loopback"
	"github.com/tasker-systems/tasker-go/internal/testkit"
)

// BenchmarkRoundTrip is one poll and completion of a step of 600 bytes, in batches of 1 and 32, without the C.
func BenchmarkRoundTrip(b *testing.B) {
	for name, batch := range map[string]int32{"one by one": 1, "batches of 32": 32} {
		b.Run(name, func(b *testing.B) {
			l := bridge.New(bridge.Options{OpenWorker: loopback.Open})
			w, r := l.WorkerNew([]byte(`{"settings":{"loopback.steps":-1}}`), nil, patienceMS)
			require.Equal(b, bridge.OK, r.Code)
			require.Equal(b, bridge.OK, l.WorkerStart(w).Code)
			result := []byte(`{"success":true,"result":{"value":46},"metadata":{"execution_time_ms":1}}`)
			memory := make([]byte, 1<<20)
			b.ReportAllocs()
			for done := 0; done < b.N; {
				var buf []byte
				r := l.Poll(w, batch, 8<<20, true, func(n int) []byte { buf = memory[:n]; return buf })
				if r.Code == bridge.Timeout {
					testkit.Readable(b, r.Wait.FD, 1e9)
					l.WaitDone(r.Wait.ID)
					continue
				}
				frames, err := bridge.ReadFrames(buf)
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range frames {
					if r := l.Complete(w, f.Number, result, true); r.Code != bridge.OK {
						b.Fatal(string(r.Document))
					}
					done++
				}
			}
			b.StopTimer()
			l.WorkerStop(w, patienceMS)
			l.WorkerFree(w)
		})
	}
}
