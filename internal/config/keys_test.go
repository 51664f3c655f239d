package config

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample returns a value for the key that is not its default: as TOML, as text, and as the field holds it.
func sample(t *testing.T, k *key) (inTOML, text string, want any) {
	t.Helper()
	if s, ok := map[string]string{
		"environment":      "staging",
		"web.bind_address": "127.0.0.1:9999", "worker.web.bind_address": "127.0.0.1:9998",
		"database.url": "postgres://localhost/orders",
	}[k.name]; ok {
		return quote(s), s, reflect.ValueOf(s).Convert(reflect.TypeOf(k.in(&Config{})).Elem()).Interface()
	}
	switch field := k.in(Default()).(type) {
	case *string:
		v := "other " + k.leaf
		for _, allowed := range k.oneOf {
			if allowed != *field {
				v = allowed
			}
		}
		return quote(v), v, v
	case *[]string:
		return `["one", "two words"]`, "one, two words", []string{"one", "two words"}
	case *bool:
		return fmt.Sprint(!*field), fmt.Sprint(!*field), !*field
	case *int:
		v := *field + 1
		return fmt.Sprint(v), fmt.Sprint(v), v
	case *float64:
		v := *field/2 + k.min/2 + 0.125
		return fmt.Sprint(v), fmt.Sprint(v), v
	case *time.Duration:
		n := int64(*field/k.unit) + 1
		return fmt.Sprint(n), fmt.Sprint(n), time.Duration(n) * k.unit
	}
	require.FailNow(t, "no sample", "%s has no sample for its type", k.name)
	return "", "", nil
}

// withOnly is the default configuration with one field changed.
func withOnly(k *key, value any) *Config {
	c := Default()
	reflect.ValueOf(c).Elem().FieldByIndex(k.field).Set(reflect.ValueOf(value))
	return c
}

func TestEveryKeySetsItsFieldAndNoOther(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, registry.names)
	for _, name := range registry.names {
		k := registry.keys[name]
		inTOML, text, want := sample(t, k)
		expected := withOnly(k, want)
		require.NotEqual(t, Default(), expected, "the sample for %s is its default", name)

		for layer, o := range map[string]Options{
			"file":                 {Files: []string{writeFile(t, name+" = "+inTOML)}},
			"file with a variable": {Files: []string{writeFile(t, name+` = "${SAMPLE}"`)}, Environ: []string{"SAMPLE=" + text}},
			"file with a default":  {Files: []string{writeFile(t, name+` = "${SAMPLE:-`+text+`}"`)}},
			"generic variable":     {Environ: []string{k.variable() + "=" + text}},
			"override":             {Overrides: []Override{{Key: name, Value: text, Origin: "--set"}}},
		} {
			t.Run(name+" from "+layer, func(t *testing.T) {
				t.Parallel()
				c, origins, err := Load(inEmptyDir(t, o))
				require.NoError(t, err)
				require.Equal(t, expected, c)
				require.NotEqual(t, "default", origins.Of(name))
				require.Len(t, origins, 1)
			})
		}
		for _, variable := range k.env {
			t.Run(name+" from "+variable, func(t *testing.T) {
				t.Parallel()
				c, origins, err := Load(inEmptyDir(t, Options{Environ: []string{variable + "=" + text}}))
				require.NoError(t, err)
				require.Equal(t, expected, c)
				require.Equal(t, variable, origins.Of(name))
			})
		}
	}
}

func TestEveryKeyRefusesAValueOfAnotherType(t *testing.T) {
	t.Parallel()
	for _, name := range registry.names {
		k := registry.keys[name]
		wrong := []string{"1979-05-27", "{ a = 1 }", "[[1]]"}
		switch k.in(&Config{}).(type) {
		case *string, *Secret:
			wrong = append(wrong, "1", "true")
		case *[]string:
			wrong = append(wrong, `"a"`, `[""]`, "[1]")
		case *bool:
			wrong = append(wrong, `"true"`, "1", `"${X:-maybe}"`)
		case *int, *time.Duration:
			wrong = append(wrong, `"1"`, "1.5", "true", `"${X:-1.5}"`)
		case *float64:
			wrong = append(wrong, `"1"`, "nan", "inf", `"${X:-x}"`)
		}
		if len(k.oneOf) > 0 {
			wrong = append(wrong, `"neither"`, `"${X:-neither}"`)
		}
		for _, value := range wrong {
			t.Run(name+" = "+value, func(t *testing.T) {
				t.Parallel()
				column := 1 + len(name) - len(k.leaf)
				requireProblem(t, loadText(t, name+" = "+value), 1, column, name, "want "+k.takes())
			})
		}
	}
}

func TestEveryNumberKeepsToItsBounds(t *testing.T) {
	t.Parallel()
	for _, name := range registry.names {
		k := registry.keys[name]
		switch k.in(&Config{}).(type) {
		case *int, *float64, *time.Duration:
		default:
			continue
		}
		outside := []string{plain(k.min - 1)}
		switch {
		case !math.IsInf(k.max, 1):
			outside = append(outside, plain(k.max+1))
		case k.unit > 0:
			outside = append(outside, fmt.Sprint(math.MaxInt64/int64(k.unit)+1))
		default:
			require.Fail(t, "no upper bound", name)
		}
		for _, value := range outside {
			t.Run(name+" = "+value, func(t *testing.T) {
				t.Parallel()
				_, _, err := Load(inEmptyDir(t, Options{Overrides: []Override{{Key: name, Value: value, Origin: "--set"}}}))
				require.ErrorContains(t, err, fmt.Sprintf("--set: %s = %q: want %s", name, value, k.takes()))
			})
		}
	}
}

func plain(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") }

func TestEveryFieldIsAKeyWithAMeaning(t *testing.T) {
	t.Parallel()
	var walk func(typ reflect.Type) int
	walk = func(typ reflect.Type) (leaves int) {
		for f := range fields(typ) {
			require.Regexp(t, `^[a-z][a-z0-9_]*$`, f.Tag.Get("toml"), "%s.%s", typ, f.Name)
			require.Regexp(t, `^[A-Z].*\.$`, f.Tag.Get("doc"), "%s.%s", typ, f.Name)
			require.NotContains(t, f.Tag.Get("doc"), "|", "%s.%s would break the reference's table", typ, f.Name)
			if f.Type == reflect.TypeFor[time.Duration]() {
				require.Regexp(t, `_(ms|seconds|minutes|hours|days)$`, f.Tag.Get("toml"), "%s.%s", typ, f.Name)
			}
			if f.Type.Kind() == reflect.Struct {
				leaves += walk(f.Type)
			} else {
				leaves++
			}
		}
		return leaves
	}
	require.Equal(t, walk(reflect.TypeFor[Config]()), len(registry.names))
}

func TestNoTwoKeysShareAVariable(t *testing.T) {
	t.Parallel()
	owner := map[string]string{}
	for _, name := range registry.names {
		k := registry.keys[name]
		for _, variable := range append([]string{k.variable()}, k.env...) {
			require.Empty(t, owner[variable], "%s sets two keys", variable)
			owner[variable] = name
		}
	}
}

func TestDefaultsAreThoseOfTheSeedsAndUpstream(t *testing.T) {
	t.Parallel()
	c := Default()
	require.Equal(t, HandlerDispatch{1000, 1000, 10, 30 * time.Second}, c.Worker.MpscChannels.HandlerDispatch)
	require.Equal(t, FfiDispatch{
		DispatchBufferSize:         1000,
		CompletionTimeout:          30 * time.Second,
		StarvationWarningThreshold: 10 * time.Second,
		CheckpointTimeout:          10 * time.Second,
	}, c.Worker.MpscChannels.FfiDispatch)
	require.Equal(t, CircuitBreaker{5, 5 * time.Second, 2, 100 * time.Millisecond}, c.Worker.CircuitBreakers.FfiCompletionSend)
	require.Equal(t, Pool{25, 5, 5 * time.Minute, 30 * time.Minute}, c.Database.Pool)
	require.Equal(t, Backoff{time.Hour, 2, true, 0.15}, c.Backoff)
	require.Equal(t, 15*time.Second, c.Worker.Lease)
	require.Equal(t, "127.0.0.1:8080", c.Web.BindAddress)
	require.Equal(t, "inline", c.Orchestration.Mode)
	require.Equal(t, "development", c.Environment)
	require.Empty(t, c.Database.URL)
}
