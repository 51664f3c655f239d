package scripts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// sideBySide runs the script with a make that is made up.
func sideBySide(t *testing.T, fakeMake string, targets ...string) (code int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile("side-by-side.sh")
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "scripts"), 0o755))
	program(t, filepath.Join(dir, "scripts", "side-by-side.sh"), string(script))
	program(t, filepath.Join(dir, "make"), "#!/bin/sh\nfor target; do :; done\n"+fakeMake)
	cmd := exec.Command("scripts/side-by-side.sh", targets...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "MAKE="+filepath.Join(dir, "make"))
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

func TestTargetsRunAtTheSameTimeAndSpeakInTurn(t *testing.T) {
	t.Parallel()
	// The first one named ends after the second one has, which no order of one after the other allows.
	code, stdout, stderr := sideBySide(t, `mkfifo fifo 2>/dev/null
		if [ "$target" = first ]; then read -r said <fifo; echo "the other $said"; else echo said so >fifo; echo last words; fi`, "first", "second")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, "--- first\nthe other said so\n--- second\nlast words\n")
}

func TestATargetThatFailsFailsAllWhenTheOthersHaveEnded(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := sideBySide(t, `echo "this is $target"; [ "$target" != bad ]`, "bad", "good")
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "--- bad\nthis is bad\n--- good\nthis is good\n")
	require.Contains(t, stderr, "failed: bad\n")
}
