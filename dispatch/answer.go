package dispatch

import (
	"context"
	"runtime"
	"sync"
	"time"
)

const (
	// unwatchedFor is how long an answer is left to a caller who may come to wait for it.
	unwatchedFor = 200 * time.Microsecond
	// watchedFor is how long it is left to one who has come.
	watchedFor = time.Second
)

// Answer is what the sink answers to a lone result, on its way. A caller who waits for the next step anyway may wait for the answer
// too, and goes on with it: the step that it leads to is there then, and no other thread had to be woken. If none does, the service
// goes on with it.
type Answer struct {
	service *CompletionProcessorService
	batch   completionBatch
	begun   BegunResult

	mu      sync.Mutex
	timer   *time.Timer // the service's, to go on by itself
	watcher *FfiDispatchChannel
	ended   bool
}

// begin has a result on its way that nothing else makes wait. false: it is the caller's as before. With more steps under way than CPUs
// it would be: a caller that waits for the answer may have to wait for a CPU as well, and all later results with it.
func (s *CompletionProcessorService) begin(c *Completion) bool {
	sink, ok := s.sink.(ResultBeginner)
	if !ok || s.slots.InUse() > runtime.NumCPU() {
		return false
	}
	batch, alone := s.queue.takeAlone(c)
	if !alone {
		return false
	}
	a := &Answer{service: s, batch: batch, begun: sink.BeginResult(s.ctx, c, backSoon(batch.results))}
	if a.begun == nil {
		s.queue.handOn(batch)
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer = time.AfterFunc(unwatchedFor, func() { a.end(s.ctx) })
	s.answer.Store(a)
	return true
}

// Watch gives the answer on its way to one caller, who waits until its descriptor is readable and calls Receive, or Leave. nil: there
// is none.
func (s *CompletionProcessorService) Watch(by *FfiDispatchChannel) *Answer {
	a := s.answer.Load()
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended || a.watcher != nil {
		return nil
	}
	a.watcher = by
	a.timer.Reset(watchedFor)
	return a
}

// FD is a descriptor that is readable when the answer has come. It may be closed or another file's when somebody else has gone on
// with the answer.
func (a *Answer) FD() int { return a.begun.FD() }

// Receive goes on with the answer, unless somebody else does. Steps that it leads to are not announced if they are the watcher's: it
// polls next, and announces what it leaves.
func (a *Answer) Receive() {
	a.end(context.WithValue(a.service.ctx, receiverKey{}, a.watcher))
}

// Leave leaves the answer to the service.
func (a *Answer) Leave() { go a.end(a.service.ctx) }

func (a *Answer) end(ctx context.Context) {
	a.mu.Lock()
	ended := a.ended
	a.ended = true
	a.timer.Stop()
	a.mu.Unlock()
	if ended {
		return
	}
	s := a.service
	s.answer.CompareAndSwap(a, nil)
	used, err := a.begun.End(ctx)
	s.ended(a.batch, used, err)
}

type receiverKey struct{}

// receives says that the channel's host itself goes on with an answer.
func (c *FfiDispatchChannel) receives(ctx context.Context) bool {
	by, _ := ctx.Value(receiverKey{}).(*FfiDispatchChannel)
	return by == c
}

// Watch is [CompletionProcessorService.Watch] for a host that waits for something to poll.
func (c *FfiDispatchChannel) Watch() *Answer { return c.sink.Watch(c) }
