package bench

import "time"

// cpuTimes are processor times: of the database server's processes, of ours, and of the whole machine, busy and in all.
type cpuTimes struct{ server, own, busy, all time.Duration }

func (t cpuTimes) since(before cpuTimes) cpuTimes {
	return cpuTimes{t.server - before.server, t.own - before.own, t.busy - before.busy, t.all - before.all}
}

func (t cpuTimes) plus(other cpuTimes) cpuTimes {
	return cpuTimes{t.server + other.server, t.own + other.own, t.busy + other.busy, t.all + other.all}
}

// foreign is the share of the machine's processors that others used.
func (t cpuTimes) foreign() float64 {
	if t.all <= 0 {
		return 0
	}
	return max(0, (t.busy-t.server-t.own).Seconds()/t.all.Seconds())
}
