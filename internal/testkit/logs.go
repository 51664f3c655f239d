package testkit

import (
	"bytes"
	"strings"
	"sync"
	"testing"
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

// Await waits until the text was logged. What is logged of something that was done often comes a moment after it.
func (l *Logs) Await(t testing.TB, text string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(l.String())
		}
	}()
	Eventually(t, func() bool { return l.Has(text) }, "it is not logged: "+text)
}
