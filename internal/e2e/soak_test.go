//go:build soak

package e2e

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
	"github.com/tasker-systems/tasker-go/sdk"
)

const soakLease = 2 * time.Second

// soakOptions come from TASKER_SOAK_DURATION and TASKER_SOAK_SEED.
func soakOptions(t testing.TB) (faults time.Duration, seed uint64) {
	faults, seed = 3*time.Minute, uint64(time.Now().UnixNano())
	var err error
	if text := os.Getenv("TASKER_SOAK_DURATION"); text != "" {
		faults, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	if text := os.Getenv("TASKER_SOAK_SEED"); text != "" {
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	return faults, seed
}

// chaos is a world under faults.
type chaos struct {
	*world
	t       testing.TB
	cluster *testdb.Cluster
	random  *rand.Rand
	parts   []*part
	report  soakReport
	kills   []kill
	ups     []time.Time // when the database was there again

	mu      sync.Mutex
	servers []*process // those that may be asked for tasks
}

// part is a process that is started again whenever it has gone, and its own way to the database.
type part struct {
	name    string
	role    role
	way     *proxy
	running *process
	// wake is when a frozen process goes on, or a cut way is mended.
	wake time.Time
	then func()
}

type kill struct {
	pid int
	at  time.Time
}

// soakReport is the line that a run ends with. Times are in milliseconds.
type soakReport struct {
	Seed      uint64         `json:"seed"`
	Duration  string         `json:"duration"`
	Workflows int            `json:"workflows"`
	Steps     int            `json:"steps"`
	Faults    map[string]int `json:"faults"`
	Acked     int            `json:"acked"`
	Lost      int            `json:"lost"`
	// Unknown are requests without an answer.
	Unknown int `json:"unknown"`
	// DeadLetters are tasks that a poison step blocks, as it must.
	DeadLetters     int     `json:"dead_letters"`
	Crashes         int     `json:"crashes"`
	Reexecuted      int     `json:"reexecuted"`
	FullyRunTwice   int     `json:"fully_run_twice"`
	Checks          int     `json:"checks"`
	RecoveryMS      summary `json:"recovery_ms"`
	DatabaseUpMS    summary `json:"database_up_to_first_step_ms"`
	SettledMS       int64   `json:"settled_ms"`
	DrainMS         summary `json:"drain_ms"`
	StepsPerSecond  float64 `json:"steps_per_second"`
	DeadlocksInTime int     `json:"deadlocks"`
}

func TestSoakNothingIsLostInMinutesOfChaos(t *testing.T) {
	duration, seed := soakOptions(t)
	cluster := testdb.NewCluster(t)
	c := &chaos{
		world: newWorldOn(t, cluster.NewDB(t)), t: t, cluster: cluster, random: rand.New(rand.NewPCG(seed, 0)),
		report: soakReport{Seed: seed, Duration: duration.String(), Faults: map[string]int{}},
	}
	t.Logf("seed %d", seed)
	c.registerHardy()
	for _, name := range []string{"server1", "server2"} {
		c.parts = append(c.parts, &part{name: name, role: role{Socket: c.socket(name), Lease: soakLease}, way: c.proxy(t)})
	}
	for _, name := range []string{"worker1", "worker2", "worker3"} {
		c.parts = append(c.parts, &part{name: name, role: role{
			Handlers: allHandlers, Slots: 40, Lease: soakLease, HandlerTimeout: 4 * soakLease, Grace: soakLease,
		}, way: c.proxy(t)})
	}
	c.revive()
	began := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	submitted := make(chan struct{})
	go func() {
		defer close(submitted)
		c.report.Unknown = c.submitMany(ctx, c, 6, 1<<30, c.next(seed))
	}()
	watched := c.watchCalmly()

	for time.Since(began) < duration {
		<-time.After(time.Duration(200+c.random.IntN(1800)) * time.Millisecond)
		c.wakeUp(false)
		c.revive()
		c.strike()
	}
	stop()
	<-submitted
	c.wakeUp(true)
	c.revive()
	calm := time.Now()
	c.settledDespitePoison()
	c.report.SettledMS = time.Since(calm).Milliseconds()
	c.report.Checks = watched()
	c.drain()
	c.judge(time.Since(began))
}

// registerHardy makes the shapes with steps that may lose many workers, and one whose first step kills each of them.
func (c *chaos) registerHardy() {
	hardy := func(steps []template.StepDefinition, crashes int32) []template.StepDefinition {
		for i := range steps {
			steps[i] = retried(6, steps[i])
			steps[i].Retry.MaxCrashes = crashes
		}
		return steps
	}
	c.register(c.t, "linear", hardy(linear(20), 99)...)
	c.register(c.t, "diamond", hardy(diamond(), 99)...)
	c.register(c.t, "tree", hardy(tree(), 99)...)
	c.register(c.t, "wide", hardy(wide(30), 99)...)
	c.register(c.t, "poison", hardy(linear(2), 2)...)
}

// next gives requests: most steps are short, a tenth lasts about as long as a lease, some fail twice, hang or kill.
func (c *chaos) next(seed uint64) func(n int) sdk.TaskRequest {
	return func(n int) sdk.TaskRequest {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		conducts := map[string]conduct{"*": {MS: random.IntN(20)}}
		long := conduct{MS: int(soakLease.Milliseconds()/2) + random.IntN(int(soakLease.Milliseconds()*3/2)), Stubborn: random.IntN(2) == 0}
		switch chance := random.IntN(100); {
		case chance < 1:
			return request("poison", map[string]conduct{"s1": {Die: 99}})
		case chance < 30:
			conducts["s3"], conducts["a"], conducts["d"], conducts["w1"] = long, long, long, long
		case chance < 45:
			conducts["s2"], conducts["b"], conducts["join"] = conduct{Fail: 2}, conduct{Fail: 2}, conduct{Fail: 1}
		}
		return request(shapes[random.IntN(len(shapes))], conducts)
	}
}

// submit asks one of the servers, and not too often.
func (c *chaos) submit(ctx context.Context, r sdk.TaskRequest) (answer submitted, err error) {
	<-time.After(400 * time.Millisecond)
	c.mu.Lock()
	server := c.servers[rand.IntN(len(c.servers))]
	c.mu.Unlock()
	asking, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	return server.submit(asking, r)
}

// revive starts what has gone.
func (c *chaos) revive() {
	c.t.Helper()
	for _, p := range c.parts {
		if p.running != nil {
			select {
			case <-p.running.exited:
				c.noteKill(p.running.cmd.Process.Pid)
			default:
				continue
			}
		}
		r := p.role
		r.DSN = p.way.dsn
		started, err := c.launch(c.t, p.name, r)
		if err != nil {
			continue // the database is away: next time
		}
		p.running = started
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.servers = c.servers[:0]
	for _, p := range c.parts[:2] {
		if p.running != nil {
			c.servers = append(c.servers, p.running)
		}
	}
}

// noteKill remembers the death of a process, if it was not known before.
func (c *chaos) noteKill(pid int) {
	for _, k := range c.kills {
		if k.pid == pid {
			return
		}
	}
	c.kills = append(c.kills, kill{pid, time.Now()})
}

// wakeUp lets frozen processes go on and mends cut ways whose time has come, or all.
func (c *chaos) wakeUp(all bool) {
	for _, p := range c.parts {
		if p.then != nil && (all || time.Now().After(p.wake)) {
			p.then()
			p.then = nil
		}
	}
}

// strike does one fault.
func (c *chaos) strike() {
	p := c.parts[c.random.IntN(len(c.parts))]
	if p.then != nil || p.running == nil {
		return
	}
	pause := time.Duration(float64(soakLease) * (0.2 + 2.8*c.random.Float64()))
	kind := "none"
	switch n := c.random.IntN(100); {
	case n < 30:
		kind = "kill -9 " + p.name[:len(p.name)-1]
		_ = p.running.cmd.Process.Signal(syscall.SIGKILL)
		<-p.running.exited
		c.noteKill(p.running.cmd.Process.Pid)
	case n < 50:
		kind = "SIGSTOP"
		frozen := p.running
		_ = frozen.cmd.Process.Signal(syscall.SIGSTOP)
		p.wake, p.then = time.Now().Add(pause), func() { _ = frozen.cmd.Process.Signal(syscall.SIGCONT) }
	case n < 62:
		kind = "SIGTERM"
		_ = p.running.cmd.Process.Signal(syscall.SIGTERM)
	case n < 80:
		kind = "cut"
		p.way.cut()
		p.wake, p.then = time.Now().Add(pause), func() { p.way.reopen(c.t) }
	case n < 90:
		kind = "terminate backends"
		c.cluster.TerminateBackends(c.t)
	case n < 95:
		kind = "kill a backend"
		if c.killBackend(c.t) {
			c.eventually(c.t, patience, 1, `select 1`)
			c.ups = append(c.ups, time.Now())
		}
	default:
		kind = "pg_ctl -m immediate"
		c.cluster.StopImmediate(c.t)
		<-time.After(time.Duration(c.random.IntN(1500)) * time.Millisecond)
		c.cluster.Start(c.t)
		c.ups = append(c.ups, time.Now())
	}
	c.report.Faults[kind]++
}

// watchCalmly checks once a second. While the database is away there is nothing to check.
func (c *chaos) watchCalmly() (stop func() int) {
	done, over := make(chan struct{}), make(chan int)
	go func() {
		checks := 0
		defer func() { over <- checks }()
		for {
			violations, err := c.store.Check(c.t.Context())
			if err == nil && len(violations) > 0 {
				raw, _ := json.MarshalIndent(violations, "", "  ")
				c.t.Errorf("%s\n%s", time.Now(), raw)
				return
			}
			if err == nil {
				checks++
			}
			select {
			case <-time.After(time.Second):
			case <-done:
				return
			}
		}
	}()
	return func() int { close(done); return <-over }
}
