package orchestration_test

import (
	"context"
	"log/slog"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/orchestration"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/testdb"
)

func TestTheActorsStartInOrderAndStopInReverse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.Shutdown(t.Context()))
	var begun, ended []string
	for _, m := range regexp.MustCompile(`msg="actor (started|stopped)" actor=(\w+)`).FindAllStringSubmatch(w.logs.String(), -1) {
		if m[1] == "started" {
			begun = append(begun, m[2])
		} else {
			ended = append(ended, m[2])
		}
	}
	require.Equal(t, []string{"TaskRequestActor", "ResultProcessorActor", "StepEnqueuerActor", "TaskFinalizerActor"}, begun)
	require.Equal(t, []string{"TaskFinalizerActor", "StepEnqueuerActor", "ResultProcessorActor", "TaskRequestActor"}, ended)
}

func TestTheRegistryDoesNotStartUnderAContextThatIsDone(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), testdb.New(t).DSN(), testdb.Patient)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = orchestration.BuildActorRegistry(ctx, orchestration.Dependencies{
		Store: s, Catalog: catalog.New(s, catalog.Config{}), Logger: slog.New(slog.DiscardHandler),
	})
	require.ErrorIs(t, err, context.Canceled)
}
