package embedpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/testkit"
)

func anyVersion(int) bool { return true }

func TestBinariesAreSearchedInOrder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for dir, version := range map[string]string{
		"explicit": "15.3", "path": "16.1 (Debian 16.1-1)", "old": "14.9",
		"pg/9.6/bin": "9.6.24", "pg/15/bin": "15.18", "pg/100/bin": "100beta1", "pg/17/bin": "17.2", "broken/18/bin": "",
	} {
		fakeInstall(t, filepath.Join(root, dir), version)
	}
	require.NoError(t, os.Mkdir(filepath.Join(root, "links"), 0o755))
	require.NoError(t, os.Symlink(filepath.Join(root, "pg/15/bin/postgres"), filepath.Join(root, "links/postgres")))
	at := func(dir string) string { return filepath.Join(root, dir) }
	patterns := []string{at("broken/*/bin"), at("pg/*/bin")}

	for name, tt := range map[string]struct {
		explicit, path string
		accept         func(int) bool
		want           string
		version        int
	}{
		"what is named wins":                    {at("explicit"), at("path"), anyVersion, at("explicit"), 15},
		"PATH comes before the usual places":    {"", at("nothing") + ":" + at("path"), anyVersion, at("path"), 16},
		"PATH is passed over if it is too old":  {"", at("old"), anyVersion, at("pg/100/bin"), 100},
		"links lead to the whole set":           {"", at("links"), anyVersion, at("pg/15/bin"), 15},
		"the highest number wins":               {"", "", anyVersion, at("pg/100/bin"), 100},
		"an existing cluster chooses its match": {"", at("path"), func(v int) bool { return v == 17 }, at("pg/17/bin"), 17},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := findBinaries(tt.explicit, tt.path, patterns, tt.accept)
			require.NoError(t, err)
			require.Equal(t, binaries{dir: tt.want, version: tt.version}, found)
		})
	}
}

func TestWithoutBinariesTheErrorNamesEveryPlaceAndWhatToInstall(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	fakeInstall(t, filepath.Join(root, "old"), "13.1")
	_, err := findBinaries("", filepath.Join(root, "old"), []string{"/nowhere/*/bin", "/nor/here"}, anyVersion)
	for _, part := range []string{
		"TASKER_PG_BIN (not set)", "PATH (" + filepath.Join(root, "old") + ")", "/nowhere/*/bin", "/nor/here",
		"version 13 is older than 15", "apt-get install postgresql", "DATABASE_URL",
	} {
		require.ErrorContains(t, err, part)
	}

	_, _, err = FindBinaries(func(name string) string { return map[string]string{"TASKER_PG_BIN": root}[name] })
	require.ErrorContains(t, err, "in "+root+", the one place to look that was named")
	require.NotContains(t, err.Error(), "PATH (", "what is named decides alone")

	require.NoError(t, os.Remove(filepath.Join(root, "old/initdb")))
	_, err = findBinaries(filepath.Join(root, "old"), "", nil, anyVersion)
	require.ErrorContains(t, err, "initdb is missing")
}

func TestTheSetupScriptLooksInTheSamePlaces(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../../scripts/setup.sh")
	require.NoError(t, err)
	require.Contains(t, string(script), "postgres_dirs='\n"+strings.Join(wellKnownDirs, "\n")+"\n'\n")
}

func TestOpenWithoutBinariesSaysSo(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), quiet(Options{DataDir: newDataDir(t, self), BinDir: t.TempDir()}))
	require.ErrorContains(t, err, "apt-get install postgresql")
}

func TestADataDirectoryOfAnotherMajorVersionIsRefused(t *testing.T) {
	t.Parallel()
	dir := newDataDir(t, self)
	s, err := newServer(quiet(Options{DataDir: dir}))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "db"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "db", "PG_VERSION"), []byte("12\n"), 0o600))
	require.NoError(t, s.Close())

	_, err = Open(t.Context(), quiet(Options{DataDir: dir}))
	var mismatch *VersionError
	require.ErrorAs(t, err, &mismatch)
	require.Equal(t, 12, mismatch.Cluster)
	require.GreaterOrEqual(t, mismatch.Binaries, MinVersion)
	for _, part := range []string{"PostgreSQL 12", fmt.Sprintf("PostgreSQL %d", mismatch.Binaries), filepath.Join(dir, "db"), "pg_dumpall"} {
		require.ErrorContains(t, err, part)
	}
}

// fakeInstall makes programs that know their version; "" makes one that fails.
func fakeInstall(t *testing.T, dir, version string) {
	require.NoError(t, os.MkdirAll(dir, 0o755))
	script := "#!/bin/sh\nexit 1\n"
	if version != "" {
		script = fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s'\n", version)
	}
	for _, program := range []string{"postgres", "initdb"} {
		require.NoError(t, testkit.WriteProgram(filepath.Join(dir, program), []byte(script)))
	}
}
