package template

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// findFiles lists the template files that a path stands for: a file, a folder or a pattern.
func findFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return []string{filepath.Clean(path)}, nil
	case err == nil:
		return walk(path, func(rel string) bool {
			ext := filepath.Ext(rel)
			return ext == ".yaml" || ext == ".yml"
		})
	case !strings.ContainsAny(path, "*?[{"):
		return nil, err
	}
	var files []string
	var missing error
	for _, pattern := range expandBraces(path) {
		base, rest := splitPattern(pattern)
		for _, segment := range rest {
			if _, err := filepath.Match(segment, ""); err != nil {
				return nil, fmt.Errorf("pattern %s: %w", path, err)
			}
		}
		found, err := walk(base, func(rel string) bool {
			return matchSegments(rest, strings.Split(rel, string(filepath.Separator)))
		})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = err
		case err != nil:
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, missing // of several choices some folders may lack
	}
	return files, nil
}

// walk lists the regular files below a folder that match by their path within it. Links to files count as files, which
// is how Kubernetes mounts them; links to folders are not followed, so that no circle of them can trap the search.
func walk(base string, match func(rel string) bool) ([]string, error) {
	var files []string
	root := base + string(filepath.Separator) // follows a link that the folder itself may be
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && strings.HasPrefix(d.Name(), "."):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || !match(rel) {
			return err
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// splitPattern takes the folder that a pattern begins with off the segments to match.
func splitPattern(pattern string) (base string, rest []string) {
	segments := strings.Split(filepath.Clean(pattern), string(filepath.Separator))
	first := slices.IndexFunc(segments, func(s string) bool { return strings.ContainsAny(s, "*?[") })
	if first < 0 {
		first = len(segments) - 1
	}
	base = strings.Join(segments[:first], string(filepath.Separator))
	if base == "" {
		base = "."
		if filepath.IsAbs(pattern) {
			base = string(filepath.Separator)
		}
	}
	return base, segments[first:]
}

// matchSegments matches the parts of a path; ** stands for any number of folders, also none.
func matchSegments(pattern, path []string) bool {
	if len(pattern) == 0 {
		return len(path) == 0
	}
	if pattern[0] == "**" {
		for i := range len(path) + 1 {
			if matchSegments(pattern[1:], path[i:]) {
				return true
			}
		}
		return false
	}
	if len(path) == 0 {
		return false
	}
	ok, err := filepath.Match(pattern[0], path[0])
	return err == nil && ok && matchSegments(pattern[1:], path[1:])
}

// expandBraces writes out the choices of a pattern: *.{yml,yaml} is *.yml and *.yaml.
func expandBraces(pattern string) []string {
	start := strings.IndexByte(pattern, '{')
	end := strings.IndexByte(pattern[max(start, 0):], '}') + max(start, 0)
	if start < 0 || end < start {
		return []string{pattern}
	}
	var patterns []string
	for choice := range strings.SplitSeq(pattern[start+1:end], ",") {
		patterns = append(patterns, expandBraces(pattern[:start]+choice+pattern[end+1:])...)
	}
	return patterns
}
