package cli

import (
	"os"
	"time"

	"golang.org/x/term"

	"github.com/tasker-systems/tasker-go/internal/telemetry"
)

// newView shows a task in the form that was asked for: JSON lines, a live picture on a terminal, or a line a change.
func (a *app) newView(f format) view {
	switch {
	case f == formatJSON:
		return &jsonView{out: a.Stdout}
	case a.live():
		return &screenView{out: a.Stdout, size: a.size, now: time.Now, color: a.getenv("NO_COLOR") == ""}
	}
	return &lineView{out: a.Stdout}
}

// live says whether output can be drawn over. A CI system may well bring a terminal, but nobody looks at it.
func (a *app) live() bool {
	return telemetry.IsTerminal(a.Stdout) && a.getenv("TERM") != "dumb" && a.getenv("CI") == ""
}

// size is the terminal's, or that of a common one.
func (a *app) size() (width, height int) {
	if f, ok := a.Stdout.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}

// width bounds the lines of a table; 0 is no bound.
func (a *app) width() int {
	if !telemetry.IsTerminal(a.Stdout) {
		return 0
	}
	w, _ := a.size()
	return w
}
