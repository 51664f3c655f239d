package system

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testkit"
)

func TestALoopThatPanicsIsStartedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &testkit.Logs{}
		l := newLoops(slog.New(slog.NewTextHandler(out, nil)))
		var starts, quiet atomic.Int32
		l.run("restless", func(ctx context.Context) {
			if n := starts.Add(1); n <= 3 {
				panic(fmt.Sprintf("trouble number %d", n))
			}
			<-ctx.Done()
		})
		l.run("quiet", func(ctx context.Context) { quiet.Add(1); <-ctx.Done() })
		synctest.Wait()
		require.EqualValues(t, 1, starts.Load())
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		require.EqualValues(t, 1, starts.Load(), "not at once: the panic may come right back")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []int32{4, 1}, []int32{starts.Load(), quiet.Load()})
		require.True(t, out.Has("trouble number 3"))
		require.True(t, out.Has("loop=restless"))
		require.True(t, out.Has("loops_test.go"), "the stack is logged")
		l.end()
	})
}

func TestLoopsEndTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLoops(slog.New(slog.DiscardHandler))
		ended := make(chan struct{}, 2)
		for _, lasts := range []time.Duration{time.Minute, time.Hour} {
			l.run("slow to end", func(ctx context.Context) { <-ctx.Done(); time.Sleep(lasts); ended <- struct{}{} })
		}
		l.run("panics for ever", func(context.Context) { panic("again") })
		synctest.Wait()
		begun := time.Now()
		l.end()
		require.Len(t, ended, 2)
		require.Equal(t, time.Hour, time.Since(begun))
		l.end()
		l.run("too late", func(context.Context) { t.Error("it runs after the end") })
		l.end()
	})
}
