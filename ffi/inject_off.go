//go:build !tasker_testhooks

package main

// injected is where tests make a function panic.
func injected(string) {}
