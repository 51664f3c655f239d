package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/sdk"
)

// fillBatch tasks are created by one statement.
const fillBatch = 500

// absentNamespace is served by nobody.
const absentNamespace = namespace + "_absent"

// fillQueue creates the tasks that wait and the backlog, before anybody claims.
func (e *engine) fillQueue(ctx context.Context) error {
	if err := e.fill(ctx, e.template.ID, e.options.Backlog); err != nil {
		return fmt.Errorf("fill the queue with a backlog: %w", err)
	}
	if e.options.Waiting == 0 {
		return nil
	}
	absent := &template.TaskTemplate{
		Name: "waiting", NamespaceName: absentNamespace, Version: shapeVersion, IdentityStrategy: template.IdentityAlwaysUnique,
		Steps: []template.StepDefinition{template.NewStep("wait", "bench.absent")},
	}
	absent.ApplyDefaults()
	t, err := e.system.Catalog.Register(ctx, absent, false)
	if err == nil {
		err = e.fill(ctx, t.ID, e.options.Waiting)
	}
	if err != nil {
		return fmt.Errorf("fill the queue with tasks that wait: %w", err)
	}
	return nil
}

// fill creates n tasks that no worker takes at once.
func (e *engine) fill(ctx context.Context, templateID int32, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for ; n > 0 && ctx.Err() == nil; n -= fillBatch {
		batch := make([]store.NewTask, min(n, fillBatch))
		for i := range batch {
			id := sdk.NewUUID()
			batch[i] = store.NewTask{
				TaskUUID: id, TemplateID: templateID, IdentityHash: id[:], CorrelationID: id, Context: taskContext, RequestedAt: time.Now(),
			}
		}
		group.Go(func() error {
			_, err := e.system.Store.CreateTasks(ctx, batch, store.Lease{})
			return err
		})
	}
	return group.Wait()
}
