package orders

import _ "embed"

// Python holds the same handlers in Python, for programs that bring them along.
//
//go:embed orders.py
var Python []byte
