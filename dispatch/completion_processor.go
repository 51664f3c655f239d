package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tasker-systems/tasker-go/sdk"
)

// ResultSink accepts the ends of attempts, all of a batch or none. An error that is a [RefusedError] is the data's fault;
// any other goes away by itself.
type ResultSink interface {
	// AcceptResults may dispatch further steps on up to slots of the slots that the batch gives back, and returns how many
	// it used.
	AcceptResults(ctx context.Context, batch []*Completion, slots int) (used int, err error)
}

// ResultBeginner is a [ResultSink] that can also be handed a result by callers who must not wait.
type ResultBeginner interface {
	ResultSink
	// BeginResult has the end of one attempt on its way, or returns nil if it cannot now: AcceptResults can. It is given up when ctx
	// is done.
	BeginResult(ctx context.Context, c *Completion, slots int) BegunResult
}

// BegunResult is a result whose acceptance is on its way.
type BegunResult interface {
	// FD is a descriptor that is readable when the answer has come.
	FD() int
	// End reads the answer, which is that of AcceptResults. It is called once, and waits if the answer has not come yet.
	End(ctx context.Context) (used int, err error)
}

// PostHandlerCallback hears of each attempt's end after it was accepted. It must not wait; what it does never changes the
// step.
type PostHandlerCallback interface {
	OnHandlerComplete(c *Completion)
}

// CompletionConfig tunes a [CompletionProcessorService]; the zero value is ready to use.
type CompletionConfig struct {
	// CompletionBufferSize is the room of the completion channel, in results. Defaults to 1000.
	CompletionBufferSize int
	// Shards are the batches that may be handed over side by side; all attempts of a task belong to one. Defaults to 2.
	Shards int
	// BatchSize bounds a batch. Defaults to 500.
	BatchSize int
	// Callback hears of accepted results. May be nil.
	Callback PostHandlerCallback
	// Logger defaults to slog.Default().
	Logger *slog.Logger
}

// CompletionProcessorService takes results from the completion channel and hands them, in whatever batches have gathered,
// to the sink, again and again until it accepts. No result is ever dropped: a result that can never be stored is replaced
// by the failure that says so.
type CompletionProcessorService struct {
	cfg   CompletionConfig
	sink  ResultSink
	slots *Slots
	queue *completionQueue
	// answer is the one on its way. There is one at most: a result is begun only if nothing else is being accepted.
	answer atomic.Pointer[Answer]
	ctx    context.Context // done when results are given up
	abort  context.CancelFunc
}

var _ CompletionSender = (*CompletionProcessorService)(nil)

// NewCompletionProcessorService makes a service that is ready to take results. Stop it with
// [CompletionProcessorService.Stop].
func NewCompletionProcessorService(sink ResultSink, slots *Slots, cfg CompletionConfig) *CompletionProcessorService {
	if cfg.CompletionBufferSize <= 0 {
		cfg.CompletionBufferSize = 1000
	}
	if cfg.Shards <= 0 {
		cfg.Shards = 2
	}
	if cfg.BatchSize <= 0 {
		cfg.BatchSize = 500
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &CompletionProcessorService{cfg: cfg, sink: sink, slots: slots}
	s.ctx, s.abort = context.WithCancel(context.Background())
	s.queue = newCompletionQueue(cfg.Shards, cfg.CompletionBufferSize, cfg.BatchSize, s.processAll)
	return s
}

// Send hands a completion over. It waits while the completion channel is full. After Stop it does nothing: the attempt is
// then made again once the lease has run out.
//
// In a runner's turn it has the completion accepted itself if nothing waits and nothing is being accepted. It tries that
// only once, so that the runner is not held by a database that is away.
func (s *CompletionProcessorService) Send(c *Completion) {
	if c.turn == nil {
		s.queue.put(c)
		return
	}
	batch, alone := s.queue.putAlone(c)
	if !alone {
		return
	}
	used, err := s.sink.AcceptResults(c.turn.in(s.ctx), batch.results, backSoon(batch.results))
	s.ended(batch, used, err)
}

// ended is what follows a single try to have a batch accepted.
func (s *CompletionProcessorService) ended(batch completionBatch, used int, err error) {
	if err != nil {
		if !isRefused(err) {
			s.warn(batch.results, err)
		}
		s.queue.handOn(batch)
		return
	}
	s.accepted(batch.results, used)
	s.queue.done(batch)
}

// TrySend is Send for those who must not wait: it hands over the first of a batch, as many as there is room for, and returns
// how many. A result that comes alone is on its way to the sink when it returns, if the sink can do that.
func (s *CompletionProcessorService) TrySend(batch []*Completion) (sent int) {
	if len(batch) == 1 && s.begin(batch[0]) {
		return 1
	}
	return s.queue.tryPut(batch)
}

// Stop hands over what was sent and returns when it is accepted. When ctx is done before, what is left is given up: its
// attempts stay leased, and are made again once the lease has run out.
func (s *CompletionProcessorService) Stop(ctx context.Context) error {
	drained := make(chan struct{})
	go func() { s.queue.close(); close(drained) }()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		s.abort()
		if a := s.answer.Load(); a != nil {
			a.end(s.ctx)
		}
		<-drained
		return errors.New("results were given up because the database did not take them in time")
	}
}

// maxFanOut bounds the steps that may wait for the results of one batch, a single result apart.
const maxFanOut = 20_000

func (s *CompletionProcessorService) processAll(batch []*Completion) {
	for len(batch) > 0 {
		n, fanOut := 1, batch[0].Message.FanOut
		for n < len(batch) && fanOut+batch[n].Message.FanOut <= maxFanOut {
			fanOut += batch[n].Message.FanOut
			n++
		}
		s.process(batch[:n])
		batch = batch[n:]
	}
}

func (s *CompletionProcessorService) process(batch []*Completion) {
	if used, ok := s.accept(batch); ok {
		s.accepted(batch, used)
	}
}

// accepted gives the slots back that no further step uses, and tells of the results.
func (s *CompletionProcessorService) accepted(batch []*Completion, used int) {
	free := 0
	for _, c := range batch {
		if c.Message.slot.give() {
			free++
		}
		if s.cfg.Callback != nil {
			s.cfg.Callback.OnHandlerComplete(c)
		}
	}
	s.slots.Release(free - used)
}

// accept retries until the sink takes the batch; false means that the service was aborted.
func (s *CompletionProcessorService) accept(batch []*Completion) (used int, ok bool) {
	slots := backSoon(batch)
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 10*time.Millisecond, time.Second
	for {
		used, err := s.sink.AcceptResults(s.ctx, batch, slots)
		switch {
		case err == nil:
			return used, true
		case s.ctx.Err() != nil:
			return 0, false
		case isRefused(err) && len(batch) > 1:
			return s.acceptEach(batch)
		case isRefused(err) && !batch[0].Released && batch[0].Result.Metadata.ErrorType != sdk.ErrTypeResultRefused:
			batch[0].Result = Failed(batch[0].Message.Key, Refused(err))
			continue
		}
		s.warn(batch, err)
		select {
		case <-time.After(wait.NextBackOff()):
		case <-s.ctx.Done():
			return 0, false
		}
	}
}

func (s *CompletionProcessorService) warn(batch []*Completion, err error) {
	s.cfg.Logger.Warn("results are kept until the database takes them", "results", len(batch), "error", err)
}

// backSoon counts the slots that the batch gives back when it is accepted.
func backSoon(batch []*Completion) (slots int) {
	for _, c := range batch {
		if c.Message.slot.cameBack() {
			slots++
		}
	}
	return slots
}

func (s *CompletionProcessorService) acceptEach(batch []*Completion) (used int, ok bool) {
	for i := range batch {
		n, ok := s.accept(batch[i : i+1])
		if !ok {
			return used, false
		}
		used += n
	}
	return used, true
}
