package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

var (
	rubyTest  = regexp.MustCompile(`^\s*it\b`)
	rubyGroup = regexp.MustCompile(`^\s*(?:RSpec\.)?(?:describe|context)\b`)
	rubyText  = regexp.MustCompile(`"([^"]*)"`)
	rubyForms = regexp.MustCompile(`\((?:[^()]*, )?(class|dsl|class and dsl)\)`)
	rubyAside = regexp.MustCompile(`\((?:[WECB][1-9][0-9]?(?:, )?)+\)`)
)

// inRuby reads a spec. An example names ids in its description, in what it says within in brackets, in the descriptions of its groups
// and the comments on them, and in the lists whose items are put into it; so it does with forms. What encloses a line is what stands
// before it and is indented less, as RuboCop has it.
func inRuby(_ *testing.T, text string) named {
	found, lines := named{}, strings.Split(text, "\n")
	for i, line := range lines {
		if !rubyTest.MatchString(line) {
			continue
		}
		ids, lists, forms := anID.FindAllString(line, -1), "", []string(nil)
		if m := rubyForms.FindStringSubmatch(line); m != nil {
			forms = append(forms, strings.Split(m[1], " and ")...)
		}
		for after := i + 1; after < len(lines) && (indent(lines[after]) > indent(lines[i]) || strings.TrimSpace(lines[after]) == ""); after++ {
			ids = append(ids, anID.FindAllString(strings.Join(rubyAside.FindAllString(lines[after], -1), " "), -1)...)
		}
		for _, around := range enclosing(lines, i) {
			if isGroup(around) {
				ids = append(ids, anID.FindAllString(around, -1)...)
				line += around
			}
			lists += around + "\n"
		}
		if strings.Contains(line, "#{") {
			for _, item := range rubyText.FindAllStringSubmatch(lists, -1) {
				ids = append(ids, anID.FindAllString(item[1], -1)...)
			}
			forms = append(forms, formWords(lists)...)
		}
		found.add(ids, forms)
	}
	return found
}

func isGroup(opening string) bool {
	lines := strings.Split(opening, "\n")
	return rubyGroup.MatchString(lines[len(lines)-1])
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// enclosing are the openings of the blocks around a line, each with the list that it goes over.
func enclosing(lines []string, at int) (found []string) {
	depth := indent(lines[at])
	for i := at - 1; i >= 0 && depth > 0; i-- {
		if strings.TrimSpace(lines[i]) == "" || indent(lines[i]) >= depth {
			continue
		}
		first := i
		depth = indent(lines[i])
		if begins := strings.TrimSpace(lines[i])[0]; begins == '}' || begins == ']' || begins == '.' {
			for first--; first > 0 && (strings.TrimSpace(lines[first]) == "" || indent(lines[first]) > depth); first-- {
			}
		}
		for first > 0 && strings.HasPrefix(strings.TrimSpace(lines[first-1]), "# ") {
			first--
		}
		found = append(found, strings.Join(lines[first:i+1], "\n"))
		i = first
	}
	return found
}
