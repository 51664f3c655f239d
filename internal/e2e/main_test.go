package e2e

import (
	"flag"
	"os"
	"testing"
)

// The test program plays all parts: started again with a role, it is a server or a worker of the test that started it.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	flag.Parse()
	// These tests wait for leases and processes most of the time: more of them fit side by side than there are cores.
	if !isSet("test.parallel") {
		_ = flag.Set("test.parallel", "6")
	}
	os.Exit(m.Run())
}

func isSet(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}
