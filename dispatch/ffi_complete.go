package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
)

// FfiEnding is the result of a step that the host holds, and what came of handing it over.
type FfiEnding struct {
	Event  *FfiStepEvent
	Result *sdk.StepExecutionResult
	Err    error
}

// Complete takes over the result of a step that the host holds, and ends the delivery. [ErrFfiBusy] means that there is no
// room: the event is still the host's. An [FfiStaleError] means that the delivery is over; nothing changes.
func (c *FfiDispatchChannel) Complete(e *FfiStepEvent, r *sdk.StepExecutionResult) error {
	one := [1]FfiEnding{{Event: e, Result: r}}
	c.CompleteAll(one[:])
	return one[0].Err
}

// CompleteAll is Complete for many steps, and sets each one's Err: each is accepted or not, whatever the others are. One
// without an event is left as it is.
func (c *FfiDispatchChannel) CompleteAll(endings []FfiEnding) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	results := c.ending[:0]
	for i := range endings {
		e, r := endings[i].Event, endings[i].Result
		if e == nil {
			continue
		}
		if endings[i].Err = c.take(e, len(results)); endings[i].Err != nil {
			continue
		}
		if r.Metadata.StartedAt == nil {
			since := sdk.At(e.since)
			r.Metadata.StartedAt = &since
		}
		if r.Metadata.CompletedAt.IsZero() {
			r.Metadata.CompletedAt = sdk.At(now)
		}
		c.counts.Completed++
		c.end(e, FfiCompleted)
		e.ending = Completion{Message: e.Message, Result: r}
		results = append(results, &e.ending)
	}
	c.enqueue(results...)
	clear(results)
	c.ending = results
}

// Release gives a step that the host holds back to the queue, without using up an attempt. It fails as Complete does.
func (c *FfiDispatchChannel) Release(e *FfiStepEvent) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.take(e, 0); err != nil {
		return err
	}
	c.counts.Released++
	c.settle(e, FfiReleased, &Completion{Message: e.Message, Released: true})
	return nil
}

// take says whether the host may end the event now, with so many results before its own. The caller holds mu.
func (c *FfiDispatchChannel) take(e *FfiStepEvent, before int) error {
	switch e.state {
	case ffiHeld:
		if int(c.unsent.Load())+before >= c.cfg.CompletionBufferSize {
			c.full.Store(true)
			c.counts.Busy++
			return ErrFfiBusy
		}
		return nil
	case ffiCheckpointing:
		return ErrFfiBusy
	case ffiQuarantined: // its handler has come back: the slot is free
		c.counts.Late++
		c.giveSlot(e.Message)
		c.forget(e, e.end)
	default:
		c.counts.Duplicate++
	}
	return &FfiStaleError{End: e.end}
}

// HasRoom says whether a result would be taken over now.
func (c *FfiDispatchChannel) HasRoom() bool {
	return c.unsent.Load() < int64(c.cfg.CompletionBufferSize)
}

// Heartbeat says that the handler is alive: its time starts anew, unless the template sets it. details are kept for the
// metrics. An [FfiCancelledError] tells the handler to stop.
func (c *FfiDispatchChannel) Heartbeat(e *FfiStepEvent, details json.RawMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case e.state == ffiQuarantined:
		return &FfiCancelledError{End: e.end}
	case e.state != ffiHeld && e.state != ffiCheckpointing:
		return &FfiStaleError{End: e.end}
	case e.cause != nil:
		return &FfiCancelledError{End: endOf(e.cause)}
	}
	if e.details = details; e.Message.Timeout <= 0 {
		e.due = time.Since(e.since) + e.Timeout
	}
	return nil
}

// Checkpoint stores how far the step got and delivers it again, to go on from there; this delivery is over then. After an
// error that is no [FfiStaleError] the event is still the host's.
func (c *FfiDispatchChannel) Checkpoint(ctx context.Context, e *FfiStepEvent, p Checkpoint) error {
	c.mu.Lock()
	err := c.beginCheckpoint(e)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.checkpoint(ctx, e, p, false)
}

// CheckpointLater is [FfiDispatchChannel.Checkpoint] for a host that does not wait: the event is no longer the host's, and
// if the checkpoint cannot be stored the step fails as retryable.
func (c *FfiDispatchChannel) CheckpointLater(e *FfiStepEvent, p Checkpoint) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.beginCheckpoint(e); err != nil {
		return err
	}
	c.tasks.Add(1)
	go func() {
		defer c.tasks.Done()
		c.survives("store a checkpoint", func() {
			ctx, cancel := context.WithTimeout(c.ctx, c.cfg.CheckpointTimeout)
			defer cancel()
			_ = c.checkpoint(ctx, e, p, true) // it fails the step
		})
	}()
	return nil
}

// beginCheckpoint takes the event from the host. The caller holds mu.
func (c *FfiDispatchChannel) beginCheckpoint(e *FfiStepEvent) error {
	if c.cfg.Checkpoints == nil {
		return ErrFfiNoCheckpoints
	}
	if err := c.take(e, 0); err != nil {
		return err
	}
	e.state = ffiCheckpointing
	return nil
}

func (c *FfiDispatchChannel) checkpoint(ctx context.Context, e *FfiStepEvent, p Checkpoint, final bool) (err error) {
	defer func() { c.keepHeld(e, final, err) }() // also when the store panics
	record, err := c.cfg.Checkpoints.SaveCheckpoint(ctx, e.Message.Key, p)
	if err != nil {
		return c.explainCheckpoint(e, err)
	}
	c.mu.Lock()
	if e.state != ffiCheckpointing { // the channel was stopped meanwhile
		defer c.mu.Unlock()
		return &FfiStaleError{End: e.end}
	}
	c.counts.Checkpoints++
	if c.draining || e.cause != nil {
		c.settle(e, FfiCheckpointed, &Completion{Message: e.Message, Released: true})
		c.mu.Unlock()
		return nil
	}
	c.leave(e)
	c.forget(e, FfiCheckpointed)
	c.mu.Unlock()
	c.deliver(ctx, e.Message, record)
	return nil
}

func (c *FfiDispatchChannel) explainCheckpoint(e *FfiStepEvent, err error) error {
	if !errors.Is(err, ErrLeaseLost) {
		return fmt.Errorf("store the checkpoint: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.state == ffiCheckpointing {
		c.settle(e, FfiLeaseLost, &Completion{Message: e.Message, Released: true})
	}
	return &FfiStaleError{End: FfiLeaseLost}
}

// keepHeld leaves the event with the host if its checkpoint was not stored. A host that did not wait has it no more: then
// the step fails.
func (c *FfiDispatchChannel) keepHeld(e *FfiStepEvent, final bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.state != ffiCheckpointing {
		return
	}
	e.state = ffiHeld
	switch {
	case final:
		c.settle(e, FfiCheckpointed, &Completion{Message: e.Message, Result: c.failed(e, sdk.Retryable(
			fmt.Errorf("Checkpoint yield failed: %w", err), sdk.WithType("checkpoint_error")))})
	case e.cause != nil && endOf(e.cause) != FfiShutdown:
		c.notices = append(c.notices, FfiDelivery{Event: e, Cancelled: endOf(e.cause)})
		c.quarantine(e, endOf(e.cause), &Completion{Message: e.Message, Released: true})
	default:
		c.ring(e.deadline())
	}
}
