package embedpg

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestTheDataDirectoryIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	dir := newDataDir(t, self)
	s := openHere(t, Options{DataDir: dir})
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.EqualValues(t, 0o700, info.Mode().Perm())

	require.NoError(t, os.Chmod(dir, 0o755))
	_, err = Open(t.Context(), quiet(Options{DataDir: dir}))
	require.ErrorContains(t, err, "open to other users (mode 0755)")
	require.ErrorContains(t, err, dir)
	require.NoError(t, os.Chmod(dir, 0o700))
	require.Empty(t, query(t, s.DSN(""), "show listen_addresses"))
}

func TestADirectoryWithOtherThingsInItIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o644))
	require.NoError(t, os.Chmod(dir, 0o755))
	_, err := Open(t.Context(), quiet(Options{DataDir: dir}))
	require.ErrorContains(t, err, dir+" is not empty")
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.EqualValues(t, 0o755, info.Mode().Perm())
}

func TestAnEmptyDirectoryIsTakenOver(t *testing.T) {
	t.Parallel()
	dir := newDataDir(t, self)
	require.NoError(t, os.Mkdir(dir, 0o755))
	openHere(t, Options{DataDir: dir})
	require.NoError(t, checkPrivate(dir, must(chooseOwner(dir)).uid))
}

func TestADirectoryOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, checkPrivate(t.TempDir(), os.Geteuid()+1), "must belong to uid")
}

func TestAParentThatTheServersUserMayNotPassIsNamed(t *testing.T) {
	t.Parallel()
	closed := filepath.Join(t.TempDir(), "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	dir := filepath.Join(closed, "tasker", "pg")
	require.Contains(t, traversalHint(owner{name: "user postgres", uid: 54321, gid: 54321}, dir), "user postgres, who runs the private database, may not pass through")

	_, err := Open(t.Context(), quiet(Options{DataDir: dir}))
	if os.Geteuid() != 0 {
		require.NoError(t, err, "who owns the directories passes them")
		return
	}
	require.ErrorContains(t, err, "may not pass through")
	require.ErrorContains(t, err, "TASKER_DATA_DIR")
}

func TestTheDefaultDataDirectoryFollowsTheEnvironment(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		env  map[string]string
		want string
	}{
		"it can be named": {map[string]string{"TASKER_DATA_DIR": "/data/pg", "XDG_DATA_HOME": "/xdg", "HOME": "/home/ada"}, "/data/pg"},
	}
	if os.Geteuid() == 0 {
		cases["root's is a system directory"] = struct {
			env  map[string]string
			want string
		}{map[string]string{"HOME": "/root", "XDG_DATA_HOME": "/xdg"}, "/var/lib/tasker/pg"}
	} else {
		cases["XDG_DATA_HOME"] = struct {
			env  map[string]string
			want string
		}{map[string]string{"XDG_DATA_HOME": "/xdg", "HOME": "/home/ada"}, "/xdg/tasker/pg"}
		cases["the home directory"] = struct {
			env  map[string]string
			want string
		}{map[string]string{"HOME": "/home/ada"}, "/home/ada/.local/share/tasker/pg"}
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := DefaultDataDir(func(name string) string { return tt.env[name] })
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestADirectoryTooDeepForASocketGetsItsSocketElsewhere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDataDir(t, self), strings.Repeat("deep/", 20), "pg")
	s := openHere(t, Options{DataDir: dir})
	config, err := pgx.ParseConfig(s.DSN(""))
	require.NoError(t, err)
	require.True(t, fitsSocket(config.Host))
	require.NoError(t, checkPrivate(config.Host, s.owner.uid))
	require.NotEmpty(t, query(t, s.DSN(""), "select 1"))

	require.NoError(t, os.Chmod(config.Host, 0o755))
	_, err = Open(t.Context(), quiet(Options{DataDir: dir}))
	require.ErrorContains(t, err, "open to other users")
	require.NoError(t, os.Chmod(config.Host, 0o700))
	require.NoError(t, s.Close())
	require.NoDirExists(t, config.Host)
}

func TestAPathMayHoldAnyCharacter(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDataDir(t, self), `it's "a", $(touch x) \ 100% [dir]`)
	s := openHere(t, Options{DataDir: dir})
	require.Equal(t, "tasker", query(t, s.DSN(""), "select current_database()"))
}

func TestAnAccountThatTheSystemDoesNotKnowIsToldSo(t *testing.T) {
	t.Parallel()
	printed := "initdb: could not look up effective user ID 54321: user does not exist"
	own := owner{name: "uid 54321", uid: 54321, gid: 54321}
	answers := map[string]string{"from what initdb prints": explainCreation(errors.New(printed), own).Error()}
	if os.Geteuid() == 0 { // nobody else can become such an account
		unknown := account{credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
		answers["from initdb"] = start(t, unknown, helperTask{DataDir: newDataDir(t, unknown)})().Error
	}
	for source, answer := range answers {
		require.Contains(t, answer, "add uid 54321 to /etc/passwd", source)
	}
	other := errors.New("disk full")
	require.Equal(t, other, explainCreation(other, own))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// expired is a context whose time is up as soon as someone waits.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	t.Cleanup(cancel)
	return ctx
}
