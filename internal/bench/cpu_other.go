//go:build !linux

package bench

import "errors"

// cpuMeter cannot be had on this system.
type cpuMeter struct{}

func newCPUMeter(int, string, []int) *cpuMeter { return nil }

func (*cpuMeter) read() (cpuTimes, error) { return cpuTimes{}, errors.ErrUnsupported }
