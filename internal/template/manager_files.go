package template

import (
	"fmt"
	"io"
	"os"
	"slices"
)

// LoadPaths reads the template files at the paths and holds their templates, besides those of earlier calls. A path is a
// file, a folder that is searched with all below it for *.yaml and *.yml, or a pattern in which ** stands for any
// folders and {a,b} for either; hidden folders are left out. Files are read in alphabetical order.
//
// All problems of all files come back together. A template with errors is not held, the others are. The error is for
// paths that cannot be read; nothing is held then.
func (m *TaskTemplateManager) LoadPaths(paths ...string) (Diagnostics, error) {
	m.mu.Lock()
	earlier := m.paths
	m.mu.Unlock()
	read, found, err := m.readFiles(slices.Concat(earlier, paths))
	if err != nil {
		return nil, fmt.Errorf("load task templates: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.paths = slices.Concat(m.paths, paths)
	m.holdFiles(read, "")
	return found, nil
}

// Refresh reads the files of earlier [TaskTemplateManager.LoadPaths] calls again, and forgets what was loaded from the
// source, so that the next Get asks it anew: of one namespace, or of all if it is empty. The template of a file that is
// gone is dropped; that of one which has errors now is kept as it was. Templates that were put stay.
func (m *TaskTemplateManager) Refresh(namespace string) (Diagnostics, error) {
	m.mu.Lock()
	paths := m.paths
	m.mu.Unlock()
	read, found, err := m.readFiles(paths)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refresh++
	for key, h := range m.held {
		_, still := read[key]
		gone := h.from == fromFile && !still && err == nil && found.Err() == nil
		if (namespace == "" || key.Namespace == namespace) && (h.from == fromSource || gone) {
			delete(m.held, key)
		}
	}
	m.holdFiles(read, namespace)
	if err != nil {
		return nil, fmt.Errorf("refresh task templates: %w", err)
	}
	return found, nil
}

// holdFiles holds templates of a namespace, or of all, that were read from files. The caller holds the lock.
func (m *TaskTemplateManager) holdFiles(read map[Key]*TaskTemplate, namespace string) {
	for key, t := range read {
		if namespace != "" && key.Namespace != namespace {
			continue
		}
		if h := m.held[key]; h == nil || h.from != fromPut {
			m.hold(t, key, fromFile)
		}
	}
}

// readFiles reads all template files at the paths. Of two files that declare the same version the first is taken.
func (m *TaskTemplateManager) readFiles(paths []string) (map[Key]*TaskTemplate, Diagnostics, error) {
	var files []string
	for _, path := range paths {
		matched, err := findFiles(path)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, matched...)
	}
	slices.Sort(files)
	read, declaredIn := map[Key]*TaskTemplate{}, map[Key]string{}
	var found Diagnostics
	for _, file := range slices.Compact(files) {
		t, problems, err := ParseFile(file, ParseOptions{Strict: m.config.Strict})
		if err != nil {
			return nil, nil, err
		}
		found = append(found, problems...)
		if t == nil {
			continue
		}
		key := t.Key()
		switch first := read[key]; {
		case first == nil:
			read[key], declaredIn[key] = t, file
		case first.ContentHash() != t.ContentHash():
			info := codeInfo[codeDuplicateTemplate]
			found = append(found, Diagnostic{Code: info.Code, Name: info.Name, Severity: info.Severity, File: file,
				Message: fmt.Sprintf("template %s is declared differently in %s", key, declaredIn[key]),
				Hint:    "give the newer one a version of its own"})
		}
	}
	return read, found, nil
}

// ParseFile reads a template file as [Parse] does. The error is for a file that cannot be read at all.
func ParseFile(path string, opts ParseOptions) (*TaskTemplate, Diagnostics, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1)) // one more tells that it is too large
	if err != nil {
		return nil, nil, err
	}
	t, found := Parse(src, path, opts)
	return t, found, nil
}
