package event

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
)

const benchSchema = `{"type":"object","required":["id","total"],"properties":{"id":{"type":"string"},"total":{"type":"number","minimum":0}}}`

// BenchmarkDispatch is what a step pays: nothing declared, nothing that applies, and one event.
func BenchmarkDispatch(b *testing.B) {
	for name, step := range map[string]StepEvent{
		"nothing declared": succeeded(`{}`),
		"nothing applies":  failed(true, declare("order.paid"), declare("order.done")),
		"one event":        succeeded(`{}`, declare("order.paid")),
	} {
		b.Run(name, func(b *testing.B) {
			s := New(&memoryQueue{before: func(context.Context, string, []DomainEvent) error { return context.Canceled }},
				Config{ChannelCapacity: 1 << 20, Logger: (&logbook{}).logger()})
			s.Start()
			defer func() { _ = s.Stop(context.Background()) }()
			b.ReportAllocs()
			for b.Loop() {
				s.Dispatch(b.Context(), step)
			}
		})
	}
}

// BenchmarkPublish is what events cost in the background, from the channel to PostgreSQL, in batches of 1 and 100.
func BenchmarkPublish(b *testing.B) {
	db, err := store.Open(b.Context(), testdb.New(b).DSN(), store.Options{})
	require.NoError(b, err)
	defer db.Close()
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch %d", size), func(b *testing.B) {
			s := New(NewStorePublisher(db), Config{})
			var commands []command
			for range size {
				step := succeeded(`{"id":"a","total":12.5}`, declare("order.paid", schema(b, benchSchema)))
				commands = append(commands, command{StepEvent: step, ctx: b.Context(), chosen: []int{0}})
			}
			b.ReportAllocs()
			for b.Loop() {
				s.publishSafely(commands)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "us/event")
			require.EqualValues(b, b.N*size, s.Stats().System.Published)
		})
	}
}

// BenchmarkSchema is the check of one payload against a schema that is compiled already.
func BenchmarkSchema(b *testing.B) {
	var cache schemaCache
	d := declare("order.paid", schema(b, benchSchema))
	b.ReportAllocs()
	for b.Loop() {
		require.NoError(b, cache.check(d.Schema, []byte(`{"id":"a","total":12.5}`)))
	}
}
