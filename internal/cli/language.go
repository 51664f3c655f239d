package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// language is one besides Go that handlers are written in. They run in a process of their own, with Tasker's core in it.
type language struct {
	// Name is what flags call it by, Title what people do.
	Name, Title string
	// variable of the environment names the program that runs it. Without it, those of programs are tried.
	variable string
	programs []string
	// binding is the package in a checkout, from its root. pathVariable is where the program looks for packages.
	binding, pathVariable string
	// probe makes the program print its version, if it can run handlers.
	probe []string
	// worker starts a worker; --handlers, --set and their like follow.
	worker []string
	// bench starts the worker of the benchmark.
	bench []string
	// install says how to get it.
	install string
}

// languages are all that there are, besides Go.
var languages = []language{{
	Name: "python", Title: "Python",
	variable: "TASKER_PYTHON", programs: []string{"python3", "python"},
	binding: "bindings/python/src", pathVariable: "PYTHONPATH",
	probe:   []string{"-c", "import platform, tasker_core._native as native; native.library(); print(platform.python_version())"},
	worker:  []string{"-m", "tasker_core.server"},
	bench:   []string{"-m", "tasker_core._bench"},
	install: "install the package tasker_core into Python 3.10 or newer, or run `make lib` in a checkout; TASKER_PYTHON names an interpreter",
}, {
	Name: "ruby", Title: "Ruby",
	variable: "TASKER_RUBY", programs: []string{"ruby"},
	binding: "bindings/ruby/lib", pathVariable: "RUBYLIB",
	probe:   []string{"-e", `begin; require "tasker_core"; TaskerCore::Native.library; puts RUBY_VERSION; rescue LoadError, StandardError => e; abort e.message; end`},
	worker:  []string{"-e", `require "tasker_core/server"; exit TaskerCore::Server.main(ARGV)`, "--"},
	bench:   []string{"-e", `require "tasker_core/bench_host"; TaskerCore::BenchHost.run`},
	install: "install the gem tasker_core into Ruby 3.1 or newer, or run `make lib` in a checkout; TASKER_RUBY names an interpreter",
}}

// languageNames lists them for the help of flags.
func languageNames() string {
	var names []string
	for _, l := range languages {
		names = append(names, l.Name)
	}
	return strings.Join(names, " or ")
}

func findLanguage(name string) (language, error) {
	i := slices.IndexFunc(languages, func(l language) bool { return l.Name == name })
	if i < 0 {
		return language{}, fmt.Errorf("there are no handlers in %q, but in Go, the default, and in %s", name, languageNames())
	}
	return languages[i], nil
}

// host runs handlers of a language.
type host struct {
	language
	Version string
	program string
	env     []string
}

// probeWithin bounds the wait for a program that is asked whether it can run handlers.
const probeWithin = 20 * time.Second

// findHost looks for a program that runs the language's handlers. In a checkout it uses the package there. The error says
// what is missing, and how to get it.
func (l language) findHost(ctx context.Context, environ []string) (*host, error) {
	programs := l.programs
	if named := lookup(environ, l.variable); named != "" {
		programs = []string{named}
	}
	var problems []string
	for _, name := range programs {
		program, err := exec.LookPath(name)
		if err != nil {
			problems = append(problems, name+" is not in PATH")
			continue
		}
		for _, env := range l.environments(environ) {
			h := &host{language: l, program: program, env: env}
			if h.Version, err = h.ask(ctx); err == nil {
				return h, nil
			}
			problems = append(problems, program+": "+err.Error())
		}
	}
	return nil, fmt.Errorf("%s handlers cannot run here (%s): %s", l.Title, strings.Join(slices.Compact(problems), "; "), l.install)
}

// environments are those to try: that of a checkout, if this is one, and the one that is there.
func (l language) environments(environ []string) [][]string {
	all := [][]string{environ}
	roots := []string{"."}
	if program, err := os.Executable(); err == nil {
		roots = append(roots, filepath.Dir(filepath.Dir(program)))
	}
	for _, root := range roots {
		src, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(l.binding)))
		if _, missing := os.Stat(src); err != nil || errors.Is(missing, fs.ErrNotExist) {
			continue
		}
		if before := lookup(environ, l.pathVariable); before != "" {
			src += string(os.PathListSeparator) + before
		}
		return append([][]string{append(slices.Clone(environ), l.pathVariable+"="+src)}, all...)
	}
	return all
}

// ask returns the version of a program that can run handlers.
func (h *host) ask(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.program, h.probe...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = h.env, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if last := lastLine(stderr.String()); last != "" {
			return "", errors.New(last)
		}
		return "", err
	}
	return strings.TrimSpace(stdout.String()), nil
}

// command runs the program with these arguments.
func (h *host) command(args ...string) *exec.Cmd {
	cmd := exec.Command(h.program, args...)
	cmd.Env = h.env
	return cmd
}

// lastLine of an error output is where interpreters say what is wrong.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// lookup finds a variable; of several, the last one counts.
func lookup(environ []string, name string) string {
	for _, pair := range slices.Backward(environ) {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}
