package config

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
)

//go:embed reference.md
var introduction string

// WriteReference writes the Markdown page that explains every key: docs/config.md.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString(introduction)
	defaults := Default()
	for _, s := range registry.sections {
		if s.name != "" {
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.name, s.doc)
		}
		if len(s.keys) > 0 {
			b.WriteString("\n| Key | Default | Takes | Meaning |\n|---|---|---|---|\n")
		}
		for _, k := range s.keys {
			doc := k.doc
			if len(k.env) > 0 {
				doc += " Environment: `" + strings.Join(k.env, "`, else `") + "`."
			}
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", k.leaf, k.text(defaults), k.takes(), doc)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
