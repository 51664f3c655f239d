package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tick is the unit of processor times in /proc.
const tick = 10 * time.Millisecond

// cpuMeter reads processor times from /proc.
type cpuMeter struct {
	postmaster int
	workers    []int // our other processes
}

// newCPUMeter finds the server by the process of one of its connections, which shows the database's name in its title. It
// returns nil if that is no process of this machine, or cannot be seen.
func newCPUMeter(backend int, database string, workers []int) *cpuMeter {
	title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", backend))
	if err != nil || !bytes.Contains(title, []byte(database)) {
		return nil
	}
	fields, err := readStat(backend)
	if err != nil {
		return nil
	}
	m := &cpuMeter{workers: workers}
	if m.postmaster, err = strconv.Atoi(fields[statParent]); err != nil {
		return nil
	}
	if _, err := m.read(); err != nil {
		return nil
	}
	return m
}

func (m *cpuMeter) read() (t cpuTimes, err error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return t, err
	}
	t.own = time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	for _, pid := range m.workers {
		used, err := processTime(pid)
		if err != nil {
			return t, err
		}
		t.own += used
	}
	if t.server, err = m.serverTime(); err != nil {
		return t, err
	}
	t.busy, t.all, err = machineTime()
	return t, err
}

// serverTime is that of the postmaster, of its children that live, and of those that it has buried.
func (m *cpuMeter) serverTime() (total time.Duration, err error) {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", m.postmaster, m.postmaster))
	if err != nil {
		return 0, err
	}
	fields, err := readStat(m.postmaster)
	if err != nil {
		return 0, err
	}
	total = ticks(fields[statUser : statChildrenSystem+1])
	for child := range strings.FieldsSeq(string(children)) {
		pid := int(number(child))
		used, err := threadTime(pid)
		if err != nil {
			used, _ = processTime(pid) // one that has just gone is the postmaster's to count
		}
		total += used
	}
	return total, nil
}

// Places in /proc/PID/stat, counted after the command's name.
const (
	statParent         = 1
	statUser           = 11
	statSystem         = 12
	statChildrenSystem = 14
)

func readStat(pid int) (fields []string, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields = strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) <= statChildrenSystem {
		return nil, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields, nil
}

// threadTime is the precise time of a process that has one thread, on kernels that keep it.
func threadTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	first, _, _ := strings.Cut(string(text), " ")
	return time.Duration(number(first)), err
}

func processTime(pid int) (time.Duration, error) {
	fields, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	return ticks(fields[statUser : statSystem+1]), nil
}

// machineTime sums the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
func machineTime() (busy, all time.Duration, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 {
		return 0, 0, fmt.Errorf("/proc/stat begins with %q", line)
	}
	all = ticks(fields[1:9])
	return all - ticks(fields[4:6]), all, nil
}

func ticks(fields []string) (total time.Duration) {
	for _, f := range fields {
		total += time.Duration(number(f)) * tick
	}
	return total
}

// number reads what the kernel wrote; it writes nothing but numbers there.
func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
