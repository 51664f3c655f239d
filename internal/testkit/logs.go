package testkit

import (
	"bytes"
	"strings"
	"sync"
)

// Logs keep what is logged to them, from any goroutine.
type Logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *Logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *Logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Has says whether the text was logged.
func (l *Logs) Has(text string) bool { return strings.Contains(l.String(), text) }
