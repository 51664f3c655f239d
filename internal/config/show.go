package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteShow writes c as TOML that [Load] reads back, with secrets as "***". withOrigin adds where each value came from
// as a comment.
func (c *Config) WriteShow(w io.Writer, origins Origins, withOrigin bool) error {
	var b strings.Builder
	for _, s := range registry.sections {
		if len(s.keys) == 0 {
			continue
		}
		if s.name != "" {
			fmt.Fprintf(&b, "\n[%s]\n", s.name)
		}
		for _, k := range s.keys {
			b.WriteString(k.leaf + " = " + k.text(c))
			if withOrigin {
				b.WriteString(" # " + origins.Of(k.name))
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
