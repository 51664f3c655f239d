package worker

import (
	"context"
	"log/slog"

	"github.com/tasker-systems/tasker-go/dispatch"
	"github.com/tasker-systems/tasker-go/internal/actor"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// FFICompletionService has results accepted, whatever language they come from, and goes on with the steps that they made
// ready.
type FFICompletionService struct {
	sender   ResultSender
	keeper   *LeaseKeeper
	ledger   *ledger
	slots    *dispatch.Slots
	claimer  *StepClaimer
	executor *StepExecutorActor
	logger   *slog.Logger
}

// SendStepResults hands a batch over. Steps that became ready run next on the slots that the batch gives back and, where
// it fans out, on further free ones; used counts those of the former.
func (s *FFICompletionService) SendStepResults(ctx context.Context, batch []*dispatch.Completion, slots int) (used int, err error) {
	s.ledger.flight.RLock()
	defer s.ledger.flight.RUnlock()
	b := s.gather(batch, slots)
	defer func() { s.slots.Release(b.extra) }()
	applied, err := s.sender.Send(ctx, b.results, b.lease)
	return s.conclude(ctx, b, applied, err)
}

// BeginStepResult is SendStepResults for one result and callers who must not wait: it is on its way, and the future is the
// number of slots used. nil: only SendStepResults will do.
func (s *FFICompletionService) BeginStepResult(ctx context.Context, c *dispatch.Completion, slots int) *store.Future[int] {
	if !s.ledger.flight.TryRLock() {
		return nil
	}
	b := &sentBatch{}
	leave := func() {
		s.ledger.flight.RUnlock()
		s.slots.Release(b.extra)
	}
	var begun *store.Future[store.Applied]
	defer func() {
		if begun == nil {
			leave()
		}
	}()
	if b = s.gather([]*dispatch.Completion{c}, slots); len(b.results) == 1 {
		begun = s.sender.Begin(ctx, b.results[0], b.lease)
	}
	return store.Then(begun, func(ctx context.Context, applied store.Applied, err error) (int, error) {
		defer leave()
		return s.conclude(ctx, b, applied, err)
	})
}

// sentBatch is a batch on its way.
type sentBatch struct {
	results []workflow.AttemptResult
	lease   store.Lease
	sent    []*dispatch.Completion // by the results' indexes, as jobs
	jobs    []*job
	tasks   map[sdk.UUID]*TaskData
	// slots come back with the batch, extra ones are taken for the steps that it fans out to.
	slots, extra int
}

// gather puts together what is sent. The caller holds flight for reading until the batch is concluded, and then gives the extra
// slots back.
func (s *FFICompletionService) gather(batch []*dispatch.Completion, slots int) *sentBatch {
	b := &sentBatch{
		results: make([]workflow.AttemptResult, 0, len(batch)), sent: make([]*dispatch.Completion, 0, len(batch)),
		jobs: make([]*job, 0, len(batch)), tasks: make(map[sdk.UUID]*TaskData, len(batch)), slots: slots,
	}
	fanOut, foreign := 0, false
	for _, c := range batch {
		j := s.ledger.get(c.Message.Key)
		if j == nil {
			continue
		}
		b.tasks[j.task.TaskUUID] = j.task
		b.sent, b.jobs = append(b.sent, c), append(b.jobs, j)
		foreign = foreign || j.step.WorkerID != s.keeper.WorkerID()
		b.results = append(b.results, workflow.AttemptResult{
			TaskUUID: j.task.TaskUUID, TemplateID: j.task.TemplateID, StepNo: j.step.StepNo, Counts: j.step.Counts,
			From: workflow.StepInProgress, Result: c.Result,
		})
		if c.Result != nil && c.Result.Success {
			fanOut += j.task.Template.Step(j.step.StepNo).FanOut
			j.task.keep(j.step.StepNo, c.Result.Result)
		}
	}
	b.extra = s.slots.TryAcquire(min(fanOut-slots, claimLimit))
	b.lease = s.keeper.Lease(slots + b.extra)
	if foreign {
		// The worker came back under a new identity, of which these tasks' claims do not know: their next steps are queued.
		b.lease.Budget = 0
	}
	return b
}

// conclude goes on with what came of a batch.
func (s *FFICompletionService) conclude(ctx context.Context, b *sentBatch, applied store.Applied, err error) (used int, _ error) {
	switch store.Classify(err) {
	case store.RemedyReconnect:
		s.claimer.Adopt()
	case store.RemedyRefuse:
		return 0, &dispatch.RefusedError{Err: err}
	}
	if err != nil {
		return 0, err
	}
	if applied.Again {
		s.claimer.Adopt()
	}
	for i, state := range applied.States {
		b.jobs[i].became = state
	}
	for _, i := range applied.Stale {
		b.sent[i].Stale = true
	}
	if n := len(applied.Stale); n > 0 {
		s.logger.WarnContext(ctx, "results of attempts that are no longer this worker's changed nothing", "results", n)
	}
	started := s.execute(ctx, applied.Leased, b.tasks)
	used = min(started, b.slots)
	b.extra -= started - used
	return used, nil
}

func (s *FFICompletionService) execute(ctx context.Context, leased []store.LeasedStep, tasks map[sdk.UUID]*TaskData) (started int) {
	for _, l := range leased {
		task := tasks[l.TaskUUID]
		ok, err := actor.Ask(ctx, s.executor.HandleExecuteStep, ExecuteStepMessage{Step: store.ClaimedStep{LeasedStep: l, Task: task.TaskHeader}, Task: task})
		if err != nil {
			s.logger.ErrorContext(ctx, "a leased step cannot be run yet", "step", l.Name, "task_uuid", l.TaskUUID, "error", err)
			s.claimer.Adopt()
		}
		if ok {
			started++
		}
	}
	return started
}
