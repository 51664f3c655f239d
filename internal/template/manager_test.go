package template_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newManager(config template.ManagerConfig) *template.TaskTemplateManager {
	return template.NewTaskTemplateManager((&clock{time.Unix(0, 0)}).now, config)
}

// database is a source with one template for each name it knows.
type database struct {
	mu    sync.Mutex
	known map[template.Key]*template.TaskTemplate
	loads int
	fail  error
	hook  func()
}

func (d *database) register(templates ...*template.TaskTemplate) *database {
	d.known = map[template.Key]*template.TaskTemplate{}
	for _, t := range templates {
		d.known[t.Key()] = t
	}
	return d
}

func (d *database) Load(_ context.Context, namespace, name, version string) (*template.TaskTemplate, error) {
	if d.hook != nil {
		d.hook()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loads++
	if d.fail != nil {
		return nil, d.fail
	}
	if t, ok := d.known[template.Key{Namespace: namespace, Name: name, Version: version}]; ok {
		return t, nil
	}
	return nil, template.ErrNotFound
}

func simple(namespace, name, version string) *template.TaskTemplate {
	return template.New(namespace, name, version, template.NewStep("a", "h"))
}

// folder writes files into a new folder; the text of one is its template's key, or the text itself.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		writeFile(t, filepath.Join(dir, name), text)
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if key := strings.Split(text, "/"); len(key) == 3 {
		text = fmt.Sprintf("namespace_name: %s\nname: %s\nversion: %s\nsteps: [%s]\n", key[0], key[1], key[2], step("a"))
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func keys(m *template.TaskTemplateManager, namespace string) []string {
	var got []string
	for _, t := range m.List(namespace) {
		got = append(got, t.Key().String())
	}
	return got
}

func TestTheManagerFindsTemplateFilesWhereItIsPointed(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"a.yaml": "ns/a/1.0.0", "sub/b.yml": "ns/b/1.0.0", "sub/deep/er/c.yaml": "other/c/1.0.0", "one.conf": "ns/conf/1.0.0",
		"notes.txt": "not a template", ".hidden/d.yaml": "ns/d/1.0.0",
	})
	require.NoError(t, os.Symlink(filepath.Join(dir, "one.conf"), filepath.Join(dir, "linked.yaml")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "sub", "circle")))
	alias := filepath.Join(t.TempDir(), "alias")
	require.NoError(t, os.Symlink(dir, alias))
	for name, tt := range map[string]struct {
		paths []string
		want  []string
	}{
		"a folder, with all below it":     {[]string{dir}, []string{"ns/a/1.0.0", "ns/b/1.0.0", "ns/conf/1.0.0", "other/c/1.0.0"}},
		"a folder that is a link":         {[]string{alias}, []string{"ns/a/1.0.0", "ns/b/1.0.0", "ns/conf/1.0.0", "other/c/1.0.0"}},
		"a file of any name":              {[]string{dir + "/one.conf"}, []string{"ns/conf/1.0.0"}},
		"a file twice":                    {[]string{dir + "/a.yaml", dir + "/./a.yaml"}, []string{"ns/a/1.0.0"}},
		"a pattern":                       {[]string{dir + "/*.yaml"}, []string{"ns/a/1.0.0", "ns/conf/1.0.0"}},
		"a pattern with any folders":      {[]string{dir + "/**/*.{yml,yaml}"}, []string{"ns/a/1.0.0", "ns/b/1.0.0", "ns/conf/1.0.0", "other/c/1.0.0"}},
		"a pattern with folders inside":   {[]string{dir + "/s?b/**/c.yaml"}, []string{"other/c/1.0.0"}},
		"a choice of folders":             {[]string{dir + "/{sub,none}/b.yml"}, []string{"ns/b/1.0.0"}},
		"a pattern that matches nothing":  {[]string{dir + "/*.json"}, nil},
		"an opening brace that stays one": {[]string{dir + "/*{.yaml"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newManager(template.ManagerConfig{})
			found, err := m.LoadPaths(tt.paths...)
			require.NoError(t, err)
			require.Empty(t, formatted(t, found))
			require.Equal(t, tt.want, keys(m, ""))
		})
	}
	for name, path := range map[string]string{"a file that is not there": dir + "/nope.yaml", "a folder that is not there": dir + "/nope/*.yaml", "a malformed pattern": dir + "/[.yaml"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newManager(template.ManagerConfig{})
			_, err := m.LoadPaths(dir+"/a.yaml", path)
			require.ErrorContains(t, err, "load task templates: ")
			require.Empty(t, m.List(""))
			_, err = m.Refresh("")
			require.NoError(t, err, "a path that failed is not remembered")
		})
	}
}

// TestPatternsMayBeRelative does not run in parallel: it changes the folder.
func TestPatternsMayBeRelative(t *testing.T) {
	dir := folder(t, map[string]string{"a.yaml": "ns/a/1.0.0", "sub/b.yaml": "ns/b/1.0.0"})
	t.Chdir(dir)
	for path, want := range map[string][]string{
		"*.yaml":    {"ns/a/1.0.0"},
		"**/*.yaml": {"ns/a/1.0.0", "ns/b/1.0.0"},
		"sub":       {"ns/b/1.0.0"},
		".":         {"ns/a/1.0.0", "ns/b/1.0.0"},
	} {
		m := newManager(template.ManagerConfig{})
		_, err := m.LoadPaths(path)
		require.NoError(t, err)
		require.Equal(t, want, keys(m, ""), path)
	}
	m := newManager(template.ManagerConfig{})
	writeFile(t, "bad.yaml", "- a")
	found, err := m.LoadPaths(".")
	require.NoError(t, err)
	require.Equal(t, "bad.yaml", found[0].File)
}

func TestFilesWithErrorsDoNotKeepOthersOut(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"bad.yaml":  withSteps("{nam: a, handler: {callable: h}}"),
		"big.yaml":  "#" + strings.Repeat("x", template.MaxFileBytes),
		"good.yaml": "ns/good/1.0.0",
		"note.yaml": withSteps(step("a")) + "note: x\n",
	})
	m := newManager(template.ManagerConfig{})
	found, err := m.LoadPaths(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"ns/good/1.0.0", "ns/t/1.0.0"}, keys(m, ""))
	var got []string
	for _, d := range found {
		got = append(got, filepath.Base(d.File)+" "+d.Name+" "+string(d.Severity))
	}
	require.Equal(t, []string{"bad.yaml UNKNOWN_FIELD error", "big.yaml TOO_LARGE error", "note.yaml UNKNOWN_FIELD warning"}, got)

	strict := newManager(template.ManagerConfig{Strict: true})
	_, err = strict.LoadPaths(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"ns/good/1.0.0"}, keys(strict, ""))
}

func TestTwoFilesCannotDeclareOneVersionDifferently(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.yaml": "ns/t/1.0.0", "b.yaml": "ns/t/1.0.0", "c.yaml": withSteps(step("a"), step("b"))})
	m := newManager(template.ManagerConfig{})
	found, err := m.LoadPaths(dir)
	require.NoError(t, err)
	require.Len(t, found, 1, "the same text twice is no contradiction")
	require.Equal(t, fmt.Sprintf("TK050 %s/c.yaml  template ns/t/1.0.0 is declared differently in %s/a.yaml\n  give the newer one a version of its own\n", dir, dir), formatted(t, found))
	got, err := m.Get(t.Context(), "ns", "t", "1.0.0")
	require.NoError(t, err)
	require.Len(t, got.Steps, 1)
}

func TestRefreshReadsFilesAgainAndForgetsWhatWasLoaded(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.yaml": "ns/a/1.0.0", "b.yaml": "ns/b/1.0.0", "o.yaml": "other/o/1.0.0"})
	db := (&database{}).register(simple("ns", "loaded", "1.0.0"))
	m := newManager(template.ManagerConfig{Source: db})
	_, err := m.LoadPaths(dir)
	require.NoError(t, err)
	require.NoError(t, m.Put(simple("ns", "put", "1.0.0")))
	require.NoError(t, m.Put(simple("ns", "a", "2.0.0")))
	_, err = m.Get(t.Context(), "ns", "loaded", "1.0.0")
	require.NoError(t, err)

	require.NoError(t, os.Remove(filepath.Join(dir, "b.yaml")))
	require.NoError(t, os.Remove(filepath.Join(dir, "o.yaml")))
	writeFile(t, filepath.Join(dir, "a.yaml"), "ns/a/2.0.0")
	writeFile(t, filepath.Join(dir, "new.yaml"), "ns/new/1.0.0")
	writeFile(t, filepath.Join(dir, "p.yaml"), "other/p/1.0.0")
	found, err := m.Refresh("ns")
	require.NoError(t, err)
	require.Empty(t, found)
	require.Equal(t, []string{"ns/a/2.0.0", "ns/new/1.0.0", "ns/put/1.0.0"}, keys(m, "ns"))
	require.Equal(t, []string{"other/o/1.0.0"}, keys(m, "other"), "other namespaces stay as they were")
	require.Equal(t, []string{"ns", "other"}, m.Namespaces())

	_, err = m.Get(t.Context(), "ns", "loaded", "1.0.0")
	require.NoError(t, err)
	require.Equal(t, 2, db.loads)

	writeFile(t, filepath.Join(dir, "new.yaml"), "name: [")
	found, err = m.Refresh("")
	require.NoError(t, err)
	require.Error(t, found.Err())
	require.Contains(t, keys(m, ""), "ns/new/1.0.0", "a template stays while its file has errors")
	require.Contains(t, keys(m, ""), "other/p/1.0.0")

	require.NoError(t, os.RemoveAll(dir))
	_, err = m.Refresh("")
	require.ErrorContains(t, err, "refresh task templates: ")
	require.Contains(t, keys(m, ""), "ns/a/2.0.0", "templates stay while their folder cannot be read")
}

func TestTemplatesComeFromTheSourceOnceAndAreCounted(t *testing.T) {
	t.Parallel()
	db := (&database{}).register(simple("ns", "a", "1.0.0"), simple("ns", "b", "1.0.0"), simple("ns", "c", "1.0.0"))
	time1 := &clock{time.Unix(100, 0)}
	m := template.NewTaskTemplateManager(time1.now, template.ManagerConfig{Source: db, MaxLoaded: 2})
	get := func(name string) {
		t.Helper()
		got, err := m.Get(t.Context(), "ns", name, "1.0.0")
		require.NoError(t, err)
		require.Equal(t, name, got.Name)
	}
	get("a")
	get("b")
	get("a")
	time1.at = time.Unix(160, 0)
	require.Equal(t, template.CacheStats{TotalCached: 2, CacheHits: 1, CacheMisses: 2, OldestEntryAgeSeconds: 60, AverageAccessCount: 0.5}, m.Stats())

	get("c")
	require.Equal(t, []string{"ns/a/1.0.0", "ns/c/1.0.0"}, keys(m, ""), "the one not used for longest makes room")
	require.Equal(t, uint64(1), m.Stats().CacheEvictions)
	get("a")
	require.Equal(t, 3, db.loads)

	require.NoError(t, m.Put(simple("ns", "kept", "1.0.0")))
	get("b")
	get("c")
	require.Contains(t, keys(m, ""), "ns/kept/1.0.0", "what was put never makes room")
	require.Zero(t, template.NewTaskTemplateManager(time1.now, template.ManagerConfig{}).Stats())
}

func TestATemplateThatNobodyHasIsNotFoundButMayBeNearOne(t *testing.T) {
	t.Parallel()
	m := newManager(template.ManagerConfig{Source: (&database{}).register()})
	require.NoError(t, m.Put(simple("billing", "invoice_run", "1.0.0")))
	_, err := m.Get(t.Context(), "billing", "invoice_rum", "1.0.0")
	require.ErrorIs(t, err, template.ErrNotFound)
	require.EqualError(t, err, `no such task template: billing/invoice_rum/1.0.0; did you mean "billing/invoice_run/1.0.0"?`)
	_, err = newManager(template.ManagerConfig{}).Get(t.Context(), "a", "b", "1.0.0")
	require.EqualError(t, err, "no such task template: a/b/1.0.0")

	down := errors.New("connection refused")
	_, err = newManager(template.ManagerConfig{Source: &database{fail: down}}).Get(t.Context(), "a", "b", "1.0.0")
	require.ErrorIs(t, err, down)
	require.EqualError(t, err, "load task template a/b/1.0.0: connection refused")
}

func TestPutRefusesWhatIsNotValidAndFillsInDefaults(t *testing.T) {
	t.Parallel()
	m := newManager(template.ManagerConfig{})
	err := m.Put(simple("NS", "t", "1.0.0"))
	var invalid *template.InvalidError
	require.ErrorAs(t, err, &invalid)
	require.ErrorContains(t, err, "put task template NS/t/1.0.0: invalid task template: TK017")
	require.NoError(t, m.Put(&template.TaskTemplate{NamespaceName: "ns", Name: "t",
		Steps: []template.StepDefinition{{Name: "a", Handler: template.HandlerDefinition{Callable: "h"}}}}))
	got, err := m.Get(t.Context(), "ns", "t", template.DefaultVersion)
	require.NoError(t, err)
	require.Equal(t, template.DefaultRetry(), got.Steps[0].Retry)
}

func TestALoadThatBeganBeforeARefreshIsNotKeptAfterIt(t *testing.T) {
	t.Parallel()
	db := (&database{}).register(simple("ns", "a", "1.0.0"))
	m := newManager(template.ManagerConfig{Source: db})
	db.hook = func() {
		db.hook = nil
		_, err := m.Refresh("")
		require.NoError(t, err)
	}
	_, err := m.Get(t.Context(), "ns", "a", "1.0.0")
	require.NoError(t, err)
	require.Empty(t, m.List(""))
}

func TestTheManagerServesManyAtOnce(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{"a.yaml": "ns/a/1.0.0"})
	m := newManager(template.ManagerConfig{Source: (&database{}).register(simple("ns", "b", "1.0.0"))})
	_, err := m.LoadPaths(dir)
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				for _, name := range []string{"a", "b"} {
					got, err := m.Get(t.Context(), "ns", name, "1.0.0")
					if err != nil || got.Name != name {
						t.Errorf("got %v, %v", got, err)
					}
				}
				if i == 0 {
					_, err := m.Refresh("ns")
					if err != nil {
						t.Errorf("refresh: %v", err)
					}
				}
				m.List("")
				m.Namespaces()
				m.Stats()
			}
		})
	}
	all.Wait()
	require.Equal(t, uint64(800), m.Stats().CacheHits+m.Stats().CacheMisses)
}
