package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// layout is the folder of base and environment files.
type layout struct {
	base         []string
	environments string // empty when there is no such folder
	dir          string
}

// environmentName is what may be part of a path.
var environmentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// overlay lists the files of one environment.
func (f layout) overlay(environment string) []string {
	if f.environments == "" || !environmentName.MatchString(environment) {
		return nil
	}
	return tomlFiles(f.dir, filepath.Join(f.environments, environment))
}

// layout looks where TASKER_CONFIG_PATH says, or in ./config/tasker, where nothing needs to be.
func (l *loader) layout() layout {
	path := l.env["TASKER_CONFIG_PATH"]
	if path == "" {
		return l.layoutIn(filepath.Join("config", "tasker"))
	}
	info, err := os.Stat(inDir(l.dir, path))
	if err != nil {
		l.problem("TASKER_CONFIG_PATH", "", "cannot read "+path+": "+reason(err))
		return layout{}
	}
	if !info.IsDir() {
		return layout{base: []string{path}}
	}
	for _, root := range []string{filepath.Join(path, "tasker"), path} {
		if found := l.layoutIn(root); len(found.base) > 0 {
			return found
		}
	}
	l.problem("TASKER_CONFIG_PATH", "", path+" holds neither tasker/base/*.toml nor base/*.toml; name the folder that does, or one TOML file")
	return layout{}
}

func (l *loader) layoutIn(root string) layout {
	return layout{
		base:         tomlFiles(l.dir, filepath.Join(root, "base")),
		environments: filepath.Join(root, "environments"),
		dir:          l.dir,
	}
}

// readAll returns the settings of the files, in order.
func (l *loader) readAll(files []string) []setting {
	var all []setting
	for _, file := range files {
		data, err := os.ReadFile(inDir(l.dir, file))
		if err != nil {
			l.problem(file, "", "cannot read the file: "+reason(err))
			continue
		}
		settings, problems := parseTOML(file, data, l.env)
		all = append(all, settings...)
		l.problems = append(l.problems, problems...)
	}
	return all
}

// tomlFiles lists the *.toml files of a folder by name; a folder that is not there has none.
func tomlFiles(dir, folder string) []string {
	entries, _ := os.ReadDir(inDir(dir, folder)) // sorted
	var files []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ".toml" {
			files = append(files, filepath.Join(folder, e.Name()))
		}
	}
	return files
}

func inDir(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// reason is an error of the file system without the path, which the caller names as the user wrote it.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
