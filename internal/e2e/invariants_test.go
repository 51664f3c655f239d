package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
	"github.com/tasker-systems/tasker-go/sdk"
)

// The invariants of the architecture, each with a test of its name. I7 is in drain_test.go.

func TestI1_AStepHoldsOneSlotFromItsClaimUntilItsResultIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "wide", wide(20)...)
	n := w.node(t, role{Handlers: allHandlers, Slots: 3})
	task := w.submit(t, n, "wide", map[string]conduct{"join": {MS: 1}, "*": {MS: 20}})
	for w.db.Count(t, openTasks) > 0 {
		var held int
		require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), `select count(*) from tasker.workflow_steps where state = 'in_progress'`).Scan(&held))
		require.LessOrEqual(t, held, 3, "more steps are claimed than there are slots")
		require.LessOrEqual(t, n.Worker.Slots.InUse(), 3)
	}
	require.Equal(t, "complete", w.taskState(t, task))
	awaitSlots(t, n.Worker.Slots, 0)

	// A result that the database does not take yet keeps its slot.
	locked := filepath.Join(w.dir, "locked")
	slow := w.submit(t, n, "wide", map[string]conduct{"cut": {Until: locked}})
	w.effectOf(t, slow, "cut", "start", 1)
	tx, err := w.db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = tx.Exec(t.Context(), `select from tasker.workflow_steps where task_uuid = $1 and step_no = 0 for update`, slow)
	require.NoError(t, err)
	let(t, locked, 1)
	w.effectOf(t, slow, "cut", "end", 1)
	w.eventually(t, patience, 1, `select count(*) from pg_stat_activity where datname = current_database() and query like '/* tasker:end_attempt %' and wait_event_type = 'Lock'`)
	require.GreaterOrEqual(t, n.Worker.Slots.InUse(), 1)
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, "complete", w.taskState(t, slow))
	awaitSlots(t, n.Worker.Slots, 0)
	w.requireIntact(t)
}

// watch checks the database again and again until stop is called, which tells how often it did.
func (w *world) watch(t testing.TB) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	checks := 0
	wg.Go(func() {
		for ctx.Err() == nil {
			violations, err := w.store.Check(ctx)
			if ctx.Err() == nil && (err != nil || len(violations) > 0) {
				t.Errorf("under load: %v %+v", err, violations)
				return
			}
			checks++
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	return func() int {
		cancel()
		wg.Wait()
		return checks
	}
}

func TestI2_AStateChangeAndTheMessageItCausesCommitTogether(t *testing.T) {
	t.Parallel()
	for name, queued := range map[string]bool{"results in place": false, "results by queue": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.registerShapes(t)
			front := w.node(t, role{Queued: queued})
			stop := w.watch(t)
			for range 4 { // each has more steps to come than it may end before it is killed
				done := make(chan struct{})
				go func() {
					defer close(done)
					w.submitMany(t.Context(), front, 2, 40, func(n int) sdk.TaskRequest {
						return request(shapes[n%len(shapes)], map[string]conduct{"*": {MS: 2}, "join": {Fail: n % 2}, "s2": {Fail: n % 3}})
					})
				}()
				worker := w.worker(t, "worker", role{Lease: 500 * time.Millisecond, Slots: 10, Queued: queued})
				ended := w.db.Count(t, `select count(*) from tasker.workflow_steps where state = 'complete'`)
				w.eventually(t, patience, 1, `select (count(*) > $1)::int from tasker.workflow_steps where state = 'complete'`, ended+100)
				worker.kill(t)
				<-done
			}
			w.worker(t, "last", role{Slots: 20, Queued: queued})
			w.settled(t, patience)
			t.Logf("checked %d times", stop())
			w.requireNothingLost(t)
			w.requireIntact(t)
		})
	}
}

func TestI3_DomainEventsAreOnlyForWhatIsCommittedAndNeverFailAStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	declare := func(s template.StepDefinition) template.StepDefinition {
		s.PublishesEvents = []template.EventDeclaration{{Name: "step.done", Condition: template.Always, DeliveryMode: template.DeliverDurable}}
		return s
	}
	w.register(t, "linear", declare(step("s1")), declare(step("s2", "s1")))
	n := w.node(t, role{Handlers: allHandlers})
	published := w.submit(t, n, "linear", nil)
	require.Equal(t, "complete", w.taskState(t, published))
	w.eventually(t, patience, 2, `select count(*) from tasker.domain_events`)
	require.Zero(t, w.db.Count(t, `select count(*) from tasker.domain_events e where not exists (
		select from tasker.step_transitions s where s.path[cardinality(s.path)] = 'complete' and s.at <= e.published_at)`), "an event came before its commit")

	w.db.Exec(t, `alter table tasker.domain_events rename to gone`)
	unpublished := w.submit(t, n, "linear", nil)
	require.Equal(t, "complete", w.taskState(t, unpublished), "a step failed because its event could not be published")
	require.Equal(t, 1, w.step(t, unpublished, "s2").Attempt)
	w.db.Exec(t, `alter table tasker.gone rename to domain_events`)
	w.requireIntact(t)
}

// byHand drives the store without an engine: a worker whose every statement the test decides.
type byHand struct {
	*store.Store
	lease store.Lease
}

func (w *world) byHand(t testing.TB, lease time.Duration) byHand {
	t.Helper()
	id, err := w.store.RegisterWorker(t.Context(), store.WorkerRegistration{Name: "by hand", Slots: 1000, Lease: lease})
	require.NoError(t, err)
	_, err = w.db.Pool(t).Exec(t.Context(), `update tasker.handlers set offered_at = now()`)
	require.NoError(t, err)
	return byHand{w.store, store.Lease{WorkerID: id, Handlers: w.handlerIDs(t), Budget: 1000}}
}

func (w *world) handlerIDs(t testing.TB) (ids []int32) {
	t.Helper()
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), `select coalesce(array_agg(handler_id), '{}') from tasker.handlers`).Scan(&ids))
	return ids
}

func (b byHand) claim(t testing.TB) []store.LeasedStep {
	t.Helper()
	claimed, _, err := b.ClaimSteps(t.Context(), b.lease)
	require.NoError(t, err)
	var steps []store.LeasedStep
	for _, c := range claimed {
		steps = append(steps, c.LeasedStep)
	}
	return steps
}

func outcome(s store.LeasedStep, kind store.OutcomeKind) store.Outcome {
	o := store.Outcome{TaskUUID: s.TaskUUID, StepNo: s.StepNo, Attempt: s.Counts.Attempt, Kind: kind, From: workflow.StepInProgress, Delay: time.Millisecond}
	if kind == store.OutcomeComplete {
		o.Result = json.RawMessage(`{"by":"hand"}`)
	} else {
		o.Detail = json.RawMessage(`{"error":{"message":"by hand"}}`)
	}
	return o
}

var allOutcomes = []store.OutcomeKind{
	store.OutcomeComplete, store.OutcomeRetry, store.OutcomeError, store.OutcomeRelease, store.OutcomeCrash, store.OutcomeCrashOut,
	store.OutcomeRetryNow,
}

// everything is a fingerprint of all that the engine keeps, but for workers' signs of life.
const everything = `select md5(string_agg(x, '' order by x)) from (
	select s::text from tasker.workflow_steps s union all select t::text from tasker.tasks t
	union all select h::text from tasker.step_transitions h union all select h::text from tasker.task_transitions h
	union all select r::text from tasker.ready_steps r union all select m::text from tasker.step_timers m
	union all select q::text from tasker.step_results_queue q) a(x)`

func (w *world) fingerprint(t testing.TB) (f string) {
	t.Helper()
	require.NoError(t, w.db.Pool(t).QueryRow(t.Context(), everything).Scan(&f))
	return f
}

func TestI4_AStepHasOneOwnerAndAStaleTokenChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "diamond", diamond()...)
	front := w.node(t, role{Sweep: time.Hour})
	old, fresh := w.byHand(t, time.Hour), w.byHand(t, time.Hour)
	w.submit(t, front, "diamond", nil)
	lost := old.claim(t)
	require.Len(t, lost, 1)
	require.Empty(t, fresh.claim(t), "a step has two owners")
	applied, err := fresh.ApplyOutcomes(t.Context(), []store.Outcome{outcome(lost[0], store.OutcomeCrash)}, store.Lease{})
	require.NoError(t, err)
	require.Empty(t, applied.Stale)
	held := fresh.claim(t)
	require.Len(t, held, 1)
	require.Equal(t, lost[0].Counts.Attempt+1, held[0].Counts.Attempt)

	before := w.fingerprint(t)
	for _, kind := range allOutcomes {
		applied, err := old.ApplyOutcomes(t.Context(), []store.Outcome{outcome(lost[0], kind)}, old.lease)
		require.NoError(t, err)
		if kind != store.OutcomeCrash && kind != store.OutcomeRelease { // those end an attempt in the same way as it did end
			require.Equal(t, []int{0}, applied.Stale, "outcome %d of a superseded attempt", kind)
		}
		require.Empty(t, applied.Leased)
		require.Equal(t, before, w.fingerprint(t), "outcome %d of a superseded attempt changed something", kind)
	}
	accepted, err := old.ReportResults(t.Context(), []store.Report{{TaskUUID: lost[0].TaskUUID, Attempt: lost[0].Counts.Attempt, Success: true, Result: json.RawMessage(`1`)}}, old.lease.WorkerID)
	require.NoError(t, err)
	require.Zero(t, accepted)
	require.Equal(t, before, w.fingerprint(t))
	w.requireIntact(t)
}

func TestI5_NoTaskIsEverStuckWhereverItsProcessesDie(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.registerShapes(t)
	random := rand.New(rand.NewPCG(5, 5))
	for range 8 {
		p := w.whole(t, "node", role{Slots: 10, Lease: 500 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.submitMany(ctx, p, 2, 40, mixed(2))
		}()
		<-time.After(time.Duration(100+random.IntN(400)) * time.Millisecond) // where it dies is up to chance
		p.kill(t)
		cancel()
		<-done
	}
	w.whole(t, "node", role{Slots: 20})
	w.settled(t, patience)
	w.requireNothingLost(t)
	w.requireKeyedEffects(t)
	w.requireIntact(t)
	t.Logf("8 deaths, %d acknowledged, %d crashed attempts", len(w.acknowledged(t)), w.db.Count(t, `select sum(crashes) from tasker.workflow_steps`))
}

func TestI6_AResultThatArrivesAgainIsWrittenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "diamond", diamond()...)
	front := w.node(t, role{Sweep: time.Hour})
	for _, kind := range allOutcomes {
		hand := w.byHand(t, time.Hour)
		for range 5 {
			w.submit(t, front, "diamond", nil)
		}
		var batch []store.Outcome
		for _, s := range hand.claim(t) {
			batch = append(batch, outcome(s, kind))
		}
		require.NotEmpty(t, batch)
		applied, err := hand.ApplyOutcomes(t.Context(), batch, store.Lease{})
		require.NoError(t, err)
		require.Empty(t, applied.Stale)
		_, err = w.db.Pool(t).Exec(t.Context(), `delete from tasker.step_timers`) // no timer may fire in between
		require.NoError(t, err)
		before := w.fingerprint(t)
		again, err := hand.ApplyOutcomes(t.Context(), batch, hand.lease)
		require.NoError(t, err)
		require.Empty(t, again.Stale, "outcome %d: what was applied before counts as applied", kind)
		require.Empty(t, again.Leased)
		require.Equal(t, before, w.fingerprint(t), "outcome %d was written twice", kind)
	}
}

func TestI8_CountersEqualWhatCountingGives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	random := rand.New(rand.NewPCG(8, 8))
	n := w.node(t, role{Handlers: allHandlers, Slots: 20})
	want := map[sdk.UUID]map[string]string{}
	for graph := range 25 {
		steps, conducts, states := randomGraph(random)
		name := fmt.Sprint("graph", graph)
		w.register(t, name, steps...)
		want[w.submit(t, n, name, conducts)] = states
	}
	stop := w.watch(t)
	w.settled(t, patience)
	w.eventually(t, patience, 0, `select count(*) from tasker.workflow_steps where state not in ('complete', 'error') and not (state = 'pending' and waiting_on > 0)`)
	t.Logf("checked %d times", stop())
	for task, states := range want {
		for name, state := range states {
			require.Equal(t, state, w.step(t, task, name).State, "step %s of task %s", name, task)
		}
	}
	w.requireIntact(t)
}

// randomGraph makes steps that depend on earlier ones at random, of which some fail at first and some for good, and the
// states that they must end in.
func randomGraph(random *rand.Rand) (steps []template.StepDefinition, conducts map[string]conduct, states map[string]string) {
	conducts, states = map[string]conduct{}, map[string]string{}
	for i := range 3 + random.IntN(12) {
		name, state := fmt.Sprint("s", i), "complete"
		var parents []string
		for p := range i {
			if random.IntN(3) == 0 {
				parents = append(parents, fmt.Sprint("s", p))
				if states[parents[len(parents)-1]] != "complete" {
					state = "pending"
				}
			}
		}
		c := conduct{Fail: random.IntN(3)}
		if random.IntN(10) == 0 {
			c = conduct{Fail: 9, Permanent: true}
			if state == "complete" {
				state = "error"
			}
		}
		conducts[name], states[name] = c, state
		steps = append(steps, by(allHandlers[random.IntN(len(allHandlers))], retried(3, step(name, parents...))))
	}
	return steps, conducts, states
}
