//go:build !linux

package embedpg

const canDropTracing = false

func execWithoutTracing(helperTask) { panic("only Linux has capabilities") }
