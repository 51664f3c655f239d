// Command tasker runs durable workflows on PostgreSQL.
package main

import (
	"os"
	"runtime"

	"github.com/tasker-systems/tasker-go/internal/cli"
)

func main() {
	// Never touched, the floor takes no memory. The collector counts it as live, and so lets some megabytes of garbage come
	// together before it runs: the engine's own heap is small, and would be collected a hundred times a second under load.
	floor := make([]byte, 16<<20)
	status := cli.Main()
	runtime.KeepAlive(floor)
	os.Exit(status)
}
