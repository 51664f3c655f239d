package template_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

var writers = map[string]func(io.Writer, *template.TaskTemplate) error{
	"mmd":  template.WriteMermaid,
	"dot":  template.WriteDOT,
	"json": template.WriteGraphJSON,
}

func TestGraphsAreDrawnTheSameEachTime(t *testing.T) {
	t.Parallel()
	tmpl, _ := template.Parse(read(t, "invoice_run.yaml"), "invoice_run.yaml", template.ParseOptions{})
	for format, write := range writers {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			var drawn strings.Builder
			require.NoError(t, write(&drawn, tmpl))
			requireGolden(t, "invoice_run.graph."+format, drawn.String())
		})
	}
}

func TestNamesCannotBreakOutOfADrawing(t *testing.T) {
	t.Parallel()
	tmpl := template.New("ns", "t", "1.0.0", template.NewStep("a\"]; end #1 <b> \\", "h"))
	var mermaid, dot strings.Builder
	require.NoError(t, template.WriteMermaid(&mermaid, tmpl))
	require.Equal(t, "flowchart TD\n  s0[\"a#quot;]; end #35;1 #lt;b#gt; \\\"]\n", mermaid.String())
	require.NoError(t, template.WriteDOT(&dot, tmpl))
	require.Contains(t, dot.String(), `s0 [label="a\"]; end #1 <b> \\", shape=box];`)
}

func TestAGraphIsDrawnWithoutItsDefaultsToo(t *testing.T) {
	t.Parallel()
	var drawn strings.Builder
	require.NoError(t, template.WriteMermaid(&drawn, &template.TaskTemplate{Steps: []template.StepDefinition{{Name: "a"}}}))
	require.Equal(t, "flowchart TD\n  s0[\"a\"]\n", drawn.String())
}

type fullDisk struct{}

var errFull = errors.New("disk full")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestDrawingReportsWhatStopsIt(t *testing.T) {
	t.Parallel()
	circle := template.New("ns", "t", "1.0.0", template.NewStep("a", "h", "b"), template.NewStep("b", "h", "a"))
	for format, write := range writers {
		require.ErrorContains(t, write(io.Discard, circle), "a -> b -> a", format)
		require.ErrorIs(t, write(fullDisk{}, template.New("ns", "t", "1.0.0", template.NewStep("a", "h"))), errFull, format)
	}
	_, found := template.Parse([]byte("- a"), "t.yaml", template.ParseOptions{})
	require.ErrorIs(t, found.Format(fullDisk{}), errFull)
}
