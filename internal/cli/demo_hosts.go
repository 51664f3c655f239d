package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/tasker-systems/tasker-go/examples/orders"
	"github.com/tasker-systems/tasker-go/sdk"
)

// demoPart is what the demo has another language do, if that is here. The rest is done in Go.
type demoPart struct {
	language string
	step     string
	handler  string
	file     string
	code     []byte
}

var demoParts = []demoPart{
	{"python", "process_payment", "order.process_payment", "orders.py", orders.Python},
	{"ruby", "ship_order", "order.ship_order", "orders.rb", orders.Ruby},
}

// demoHost is a worker in another language that takes part in the demo.
type demoHost struct {
	demoPart
	*host
	cmd      *exec.Cmd
	lifeline io.Closer // the worker ends when it is closed, or its owner dies
	stderr   bytes.Buffer
	gone     chan struct{}
	ended    error
}

const (
	demoHostStarts = 30 * time.Second
	demoHostEnds   = 10 * time.Second
)

// startHosts starts a worker for each part whose language is here, and says which are and why others are not.
func (d *demo) startHosts(ctx context.Context, dsn string) (hosts []*demoHost, err error) {
	for _, part := range demoParts {
		l, err := findLanguage(part.language)
		if err != nil {
			return hosts, err
		}
		h, err := l.findHost(ctx, d.app.Environ)
		if err != nil {
			d.say("%s is done in Go: %s.\n", part.step, err)
			continue
		}
		d.say("%s is done in %s %s, by a process of its own.\n", part.step, l.Title, h.Version)
		dh := &demoHost{demoPart: part, host: h, gone: make(chan struct{})}
		hosts = append(hosts, dh)
		if err := dh.start(ctx, dsn, d); err != nil {
			return hosts, fmt.Errorf("start the demo's worker in %s: %w", l.Title, err)
		}
	}
	return hosts, nil
}

// start returns when the worker takes steps.
func (h *demoHost) start(ctx context.Context, dsn string, d *demo) (err error) {
	folder, err := os.MkdirTemp("", "tasker-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) // the worker has read it by then
	file := filepath.Join(folder, h.file)
	if err := os.WriteFile(file, h.code, 0o600); err != nil {
		return err
	}
	lifeline, owner, err := os.Pipe()
	if err != nil {
		return err
	}
	defer lifeline.Close()
	h.lifeline = owner
	news, ready, err := os.Pipe()
	if err != nil {
		return err
	}
	defer news.Close()
	h.cmd = h.command(append(slices.Clone(h.worker), "--handlers", file, "--only", h.handler, "--grace", "0", "--log-level", "error",
		"--set", fmt.Sprintf("worker.lease_ms=%d", d.lease.Milliseconds()))...)
	h.cmd.Env = append(slices.Clone(h.cmd.Env), "DATABASE_URL="+dsn, "TASKER_LIFELINE_FD=3", "TASKER_READY_FD=4",
		fmt.Sprintf("ORDERS_PACE_S=%g", d.pace.Seconds()))
	h.cmd.ExtraFiles, h.cmd.Stderr = []*os.File{lifeline, ready}, &h.stderr
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for this process, which tells it
	err = h.cmd.Start()
	_ = ready.Close() // so that reading ends with the worker
	if err != nil {
		return err
	}
	go func() {
		h.ended = h.cmd.Wait()
		close(h.gone)
	}()
	return h.awaitReady(ctx, news)
}

func (h *demoHost) awaitReady(ctx context.Context, news *os.File) error {
	if err := news.SetReadDeadline(time.Now().Add(demoHostStarts)); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = news.SetReadDeadline(time.Now()) })()
	if _, err := news.Read(make([]byte, 1)); err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return gaveUp(ctx, ctx.Err())
	}
	_ = h.stop()
	return fmt.Errorf("it did not take steps within %v: %s", demoHostStarts, lastLine(h.stderr.String()))
}

// stop has the worker give back what it holds, and waits for its end.
func (h *demoHost) stop() error {
	if h.lifeline != nil {
		_ = h.lifeline.Close()
	}
	if h.cmd == nil || h.cmd.Process == nil {
		return nil
	}
	select {
	case <-h.gone:
	case <-time.After(demoHostEnds):
		_ = h.cmd.Process.Kill()
		<-h.gone
	}
	if h.ended != nil {
		return fmt.Errorf("the demo's worker in %s: %w: %s", h.Title, h.ended, strings.TrimSpace(h.stderr.String()))
	}
	return nil
}

func stopHosts(hosts []*demoHost) error {
	var errs []error
	for _, h := range hosts {
		errs = append(errs, h.stop())
	}
	return errors.Join(errs...)
}

// goHandlers are those that no other language has taken.
func goHandlers(all *sdk.Registry, hosts []*demoHost) *sdk.Registry {
	rest := sdk.NewRegistry()
	for _, name := range all.RegisteredHandlers() {
		if !slices.ContainsFunc(hosts, func(h *demoHost) bool { return h.handler == name }) {
			handler, _ := all.GetHandler(name)
			rest.Register(name, handler)
		}
	}
	return rest
}
