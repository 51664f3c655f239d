package docs_test

import (
	"regexp"
	"strings"
	"testing"
)

var (
	pythonTest   = regexp.MustCompile(`^\s*(?:async )?def (test_\w+)\(`)
	pythonIDs    = regexp.MustCompile(`(?:^|_)([wecb][1-9][0-9]?)(?:_|$)`)
	pythonCaseID = regexp.MustCompile(`\bid="([^"]*)"`)
	formWord     = regexp.MustCompile(`"(class|dsl)"|'(class|dsl)'`)
)

// inPython reads a test file in Python. A test names ids in its name, in its docstring and in the ids of its parameters. Its forms are
// its parameters too, or those of the module.
func inPython(_ *testing.T, text string) named {
	found, lines := named{}, strings.Split(text, "\n")
	ofModule := ""
	for i, line := range lines {
		if strings.HasPrefix(line, "pytestmark") {
			ofModule = block(lines[i:])
		}
	}
	for i, line := range lines {
		m := pythonTest.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		first := i
		for first > 0 && strings.TrimSpace(lines[first-1]) != "" {
			first--
		}
		above := strings.Join(lines[first:i], "\n")
		var ids []string
		for name := m[1]; ; { // neighbours share an underscore
			at := pythonIDs.FindStringSubmatchIndex(name)
			if at == nil {
				break
			}
			ids, name = append(ids, strings.ToUpper(name[at[2]:at[3]])), name[at[3]:]
		}
		for _, id := range pythonCaseID.FindAllStringSubmatch(above, -1) {
			ids = append(ids, anID.FindAllString(id[1], -1)...)
		}
		ids = append(ids, anID.FindAllString(docstring(lines[i:]), -1)...)
		found.add(ids, formWords(above+ofModule))
	}
	return found
}

// block is a statement in Python from its first line to the next one that is not indented.
func block(lines []string) string {
	end := 1
	for end < len(lines) && (strings.HasPrefix(lines[end], " ") || strings.HasPrefix(lines[end], ")") || strings.HasPrefix(lines[end], "]")) {
		end++
	}
	return strings.Join(lines[:end], "\n")
}

// docstring is that of the function that begins here, if it has one.
func docstring(lines []string) string {
	body := 0
	for body < len(lines) && !strings.HasSuffix(lines[body], ":") {
		body++
	}
	text := strings.TrimSpace(strings.Join(lines[min(body+1, len(lines)):], "\n"))
	text, ok := strings.CutPrefix(text, `"""`)
	if !ok {
		return ""
	}
	text, _, _ = strings.Cut(text, `"""`)
	return text
}

// formWords are the forms that a piece of Python or Ruby lists.
func formWords(text string) (forms []string) {
	if strings.Contains(text, "FORMS") || strings.Contains(text, "Forms::ALL") || strings.Contains(text, "%w[class dsl") {
		return []string{"class", "dsl"}
	}
	for _, m := range formWord.FindAllStringSubmatch(text, -1) {
		forms = append(forms, m[1]+m[2])
	}
	return forms
}
