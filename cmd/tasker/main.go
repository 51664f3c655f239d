// Command tasker runs durable workflows on PostgreSQL.
package main

import (
	"os"

	"github.com/tasker-systems/tasker-go/internal/cli"
)

func main() { os.Exit(cli.Main()) }
