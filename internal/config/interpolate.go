package config

import (
	"fmt"
	"regexp"
	"strings"
)

var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// interpolate replaces ${VAR} and ${VAR:-default} in s by the variable's value; the default also stands for a variable
// that is set but empty. $${ is a plain ${. What a variable holds is not looked at again. It returns the names of the
// variables referred to.
func interpolate(s string, env map[string]string) (out string, names []string, err error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "${")
		if !found {
			b.WriteString(s)
			return b.String(), names, nil
		}
		if plain, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(plain + "${")
			s = after
			continue
		}
		b.WriteString(before)
		m := reference.FindStringSubmatch("${" + after)
		if m == nil {
			return "", nil, fmt.Errorf("%q starts with ${ but is not a reference; write ${NAME} or ${NAME:-default}, or $${ for a plain ${", "${"+after)
		}
		value, set := env[m[1]]
		switch {
		case m[2] != "" && value == "":
			value = m[3]
		case m[2] == "" && !set:
			return "", nil, fmt.Errorf("environment variable %s is not set; set it, or give a default: ${%s:-value}", m[1], m[1])
		}
		b.WriteString(value)
		names = append(names, m[1])
		s = after[len(m[0])-len("${"):]
	}
}
