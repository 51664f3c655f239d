package tasker_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/config"
)

// A setting that nobody reads would be a promise that nobody keeps.
func TestEverySettingIsReadOutsideOfTheConfiguration(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, f := range sources(t) {
		if !f.isTest() && !strings.HasPrefix(f.name, "internal/config/") {
			code.Write(f.text)
		}
	}
	var unread []string
	var walk func(at reflect.Type, path string)
	walk = func(at reflect.Type, path string) {
		for i := range at.NumField() {
			field := at.Field(i)
			if field.Type.Kind() == reflect.Struct {
				walk(field.Type, path+field.Name+".")
				continue
			}
			if !regexp.MustCompile(`\.` + field.Name + `\b`).MatchString(code.String()) {
				unread = append(unread, path+field.Name)
			}
		}
	}
	walk(reflect.TypeFor[config.Config](), "")
	require.Empty(t, unread)
}
