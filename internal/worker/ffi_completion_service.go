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
	results, sent := make([]workflow.AttemptResult, 0, len(batch)), make([]*dispatch.Completion, 0, len(batch))
	jobs := make([]*job, 0, len(batch))
	tasks := make(map[sdk.UUID]*TaskData, len(batch))
	fanOut, foreign := 0, false
	for _, c := range batch {
		j := s.ledger.get(c.Message.Key)
		if j == nil {
			continue
		}
		tasks[j.task.TaskUUID] = j.task
		sent, jobs = append(sent, c), append(jobs, j)
		foreign = foreign || j.step.WorkerID != s.keeper.WorkerID()
		results = append(results, workflow.AttemptResult{
			TaskUUID: j.task.TaskUUID, TemplateID: j.task.TemplateID, StepNo: j.step.StepNo, Counts: j.step.Counts,
			From: workflow.StepInProgress, Result: c.Result,
		})
		if c.Result != nil && c.Result.Success {
			fanOut += j.task.Template.Step(j.step.StepNo).FanOut
			j.task.keep(j.step.StepNo, c.Result.Result)
		}
	}
	extra := s.slots.TryAcquire(min(fanOut-slots, claimLimit))
	defer func() { s.slots.Release(extra) }()

	s.ledger.flight.RLock()
	defer s.ledger.flight.RUnlock()
	lease := s.keeper.Lease(slots + extra)
	if foreign {
		// The worker came back under a new identity, of which these tasks' claims do not know: their next steps are queued.
		lease.Budget = 0
	}
	applied, err := s.sender.Send(ctx, results, lease)
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
		jobs[i].became = state
	}
	for _, i := range applied.Stale {
		sent[i].Stale = true
	}
	if n := len(applied.Stale); n > 0 {
		s.logger.WarnContext(ctx, "results of attempts that are no longer this worker's changed nothing", "results", n)
	}
	started := s.execute(ctx, applied.Leased, tasks)
	used = min(started, slots)
	extra -= started - used
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
