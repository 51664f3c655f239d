package orders

import _ "embed"

// Python holds the same handlers in Python, for programs that bring them along.
//
//go:embed orders.py
var Python []byte

// Ruby holds the same handlers in Ruby.
//
//go:embed orders.rb
var Ruby []byte
