package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/tasker-systems/tasker-go/internal/config"
	"github.com/tasker-systems/tasker-go/sdk"
)

// Connections of a worker process. The server's default is room for a hundred in all, of which the limit takes 32.
const workerConnections, workerIdleConnections = 10, 2

// quitWithin bounds the wait for a worker process that is told to end.
const quitWithin = 30 * time.Second

// fleet is the worker processes of a benchmark.
type fleet struct{ members []*member }

// member is one worker process.
type member struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	ask      *json.Encoder
	ready    chan struct{}
	counts   chan int64
	gone     chan struct{} // closed when it has ended and err is set
	err      error
	quitting atomic.Bool
}

// startFleet starts the processes and waits until they claim. ended hears of each task that ended in one of them, lost of
// the first process that ends unasked.
func startFleet(ctx context.Context, o *Options, cfg *config.Config, ended func(sdk.UUID), lost func(error)) (*fleet, error) {
	own := *cfg
	own.Database.Pool.MaxConnections = min(cfg.Database.Pool.MaxConnections, workerConnections)
	own.Database.Pool.MinConnections = min(cfg.Database.Pool.MinConnections, workerIdleConnections)
	setup := workerSetup{Config: own, DSN: own.Database.URL.Reveal(), Payload: o.Payload, Silent: o.Host != nil}
	f := &fleet{}
	for range o.Processes {
		if err := f.add(o.WorkerCommand(), &setup, ended, lost); err != nil {
			return nil, err
		}
	}
	if o.Host != nil {
		if err := f.add(o.Host.Command(), newHostSetup(&own, o.Host.Name, o.Payload), ended, lost); err != nil {
			return nil, err
		}
	}
	return f, f.awaitReady(ctx)
}

func (f *fleet) add(cmd *exec.Cmd, setup any, ended func(sdk.UUID), lost func(error)) error {
	m, err := startMember(cmd, setup, ended, lost)
	if err != nil {
		return errors.Join(fmt.Errorf("start a worker process: %w", err), f.stop())
	}
	f.members = append(f.members, m)
	return nil
}

// awaitReady waits until all claim, or ends them.
func (f *fleet) awaitReady(ctx context.Context) error {
	for _, m := range f.members {
		select {
		case <-m.ready:
		case <-m.gone:
			return errors.Join(endedAtStart(m.err), f.stop())
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), f.stop())
		}
	}
	return nil
}

// endedAtStart is told of a process that ended before it claimed, whether or not it had read its setup by then.
func endedAtStart(err error) error {
	return fmt.Errorf("a worker process ended at its start: %w", err)
}

func startMember(cmd *exec.Cmd, setup any, ended func(sdk.UUID), lost func(error)) (*member, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m := &member{
		cmd: cmd, in: in, ask: json.NewEncoder(in),
		ready: make(chan struct{}), counts: make(chan int64, 1), gone: make(chan struct{}),
	}
	go func() {
		m.listen(json.NewDecoder(out), ended)
		m.err = cmd.Wait()
		close(m.gone)
		if !m.quitting.Load() {
			lost(fmt.Errorf("worker process %d ended (%v); what it wrote to stderr may say why", cmd.Process.Pid, cmd.ProcessState))
		}
	}()
	if err := m.ask.Encode(setup); err != nil {
		return nil, endedAtStart(errors.Join(err, m.stop()))
	}
	return m, nil
}

// listen reads until the process ends.
func (m *member) listen(out *json.Decoder, ended func(sdk.UUID)) {
	for {
		var news workerNews
		if out.Decode(&news) != nil {
			return
		}
		if news.Ready {
			close(m.ready)
		}
		for _, task := range news.Ended {
			ended(task)
		}
		if news.Statements != nil {
			m.counts <- *news.Statements
		}
	}
}

func (m *member) statements(ctx context.Context) (int64, error) {
	if err := m.ask.Encode(statementsAsked{}); err != nil {
		return 0, fmt.Errorf("ask a worker process for its statements: %w", err)
	}
	select {
	case n := <-m.counts:
		return n, nil
	case <-m.gone:
		return 0, fmt.Errorf("a worker process ended: %w", m.err)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// stop ends the process by ending its input, and by force if that does not help.
func (m *member) stop() error {
	m.quitting.Store(true)
	_ = m.in.Close() // whether it still listens shows below
	select {
	case <-m.gone:
		return m.err
	case <-time.After(quitWithin):
		err := m.cmd.Process.Kill()
		<-m.gone
		return errors.Join(fmt.Errorf("worker process %d did not end within %v of being told to and was killed", m.cmd.Process.Pid, quitWithin), err)
	}
}

func (f *fleet) statements(ctx context.Context) (total int64, err error) {
	for _, m := range f.members {
		n, err := m.statements(ctx)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func (f *fleet) pids() (pids []int) {
	for _, m := range f.members {
		pids = append(pids, m.cmd.Process.Pid)
	}
	return pids
}

func (f *fleet) stop() error {
	for _, m := range f.members {
		m.quitting.Store(true)
		_ = m.in.Close() // all at once; stop waits for each
	}
	var errs []error
	for _, m := range f.members {
		errs = append(errs, m.stop())
	}
	return errors.Join(errs...)
}
