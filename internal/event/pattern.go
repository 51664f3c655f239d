package event

import (
	"fmt"
	"regexp"
	"strings"
)

// pattern is an exact event name, such as order.paid; all names below a prefix, such as order.*; or all names, *.
type pattern string

var (
	exactPattern  = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)+$`)
	prefixPattern = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)*\.\*$`)
)

func parsePattern(s string) (pattern, error) {
	if s == "*" || exactPattern.MatchString(s) || prefixPattern.MatchString(s) {
		return pattern(s), nil
	}
	return "", fmt.Errorf("%q matches no event: write a whole name such as order.paid, order.* for all below order, or * for all", s)
}

func (p pattern) matches(name string) bool {
	if prefix, ok := strings.CutSuffix(string(p), "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return string(p) == name
}
