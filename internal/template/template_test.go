package template_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

func TestATemplateWithEveryFieldIsStoredAsUpstreamStoresIt(t *testing.T) {
	t.Parallel()
	tmpl, found := template.Parse(read(t, "invoice_run.yaml"), "invoice_run.yaml", template.ParseOptions{Strict: true})
	require.Empty(t, formatted(t, found))
	got, err := json.Marshal(tmpl)
	require.NoError(t, err)
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, got, "", "  "))
	indented.WriteByte('\n')
	requireGolden(t, "invoice_run.json", indented.String())
}

func TestTheFileWithEveryFieldLeavesNoneOut(t *testing.T) {
	t.Parallel()
	tmpl, _ := template.Parse(read(t, "invoice_run.yaml"), "invoice_run.yaml", template.ParseOptions{})
	require.NotNil(t, tmpl)
	seen := map[string]bool{}
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				visit(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		case reflect.Map:
			for _, key := range v.MapKeys() {
				visit(v.MapIndex(key))
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				return
			}
			for i := range v.NumField() {
				name := v.Type().Name() + "." + v.Type().Field(i).Name
				seen[name] = seen[name] || !v.Field(i).IsZero()
				visit(v.Field(i))
			}
		}
	}
	visit(reflect.ValueOf(*tmpl))
	delete(seen, "RetryOverride.Retryable") // the other overrides are set in TestOverridesApplyToAllStepsAndThenToSingleOnes
	for _, name := range []string{"Backoff", "BackoffBaseMS", "MaxBackoffMS", "Jitter", "MaxCrashes"} {
		delete(seen, "RetryOverride."+name)
	}
	for name, set := range seen {
		require.True(t, set, "testdata/invoice_run.yaml sets no %s", name)
	}
}

func TestATemplateComesBackFromJSONAsItWas(t *testing.T) {
	t.Parallel()
	tmpl, _ := template.Parse(read(t, "invoice_run.yaml"), "invoice_run.yaml", template.ParseOptions{})
	stored, err := json.Marshal(tmpl)
	require.NoError(t, err)
	var back template.TaskTemplate
	require.NoError(t, json.Unmarshal(stored, &back))
	require.Equal(t, *tmpl, back)
	require.Equal(t, json.Number("12345678901234567890"),
		back.InputSchema.(map[string]any)["properties"].(map[string]any)["account_id"].(map[string]any)["maximum"], "large numbers keep their digits")

	fromJSON, found := template.Parse(stored, "t.json", template.ParseOptions{Strict: true})
	require.Empty(t, formatted(t, found))
	require.Equal(t, *tmpl, *fromJSON, "JSON is read as YAML is")
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	t.Parallel()
	bare := parsed(t, "name: t\nnamespace_name: ns\nsteps: [{name: a, handler: {callable: h}, batch_config: {}, publishes_events: [{name: a.b}]}]\n"+
		"lifecycle: {}\nmetadata: {}\nenvironments: {test: {}}\n")
	want := template.New("ns", "t", template.DefaultVersion, template.NewStep("a", "h"))
	want.Lifecycle = &template.LifecycleConfig{StalenessAction: template.StalenessDLQ}
	want.Metadata = &template.TemplateMetadata{Tags: []string{}}
	want.Environments["test"] = template.EnvironmentOverride{Steps: []template.StepOverride{}}
	want.Steps[0].BatchConfig = &template.BatchConfiguration{BatchSize: 1000, Parallelism: 10, CursorField: "id", FailureStrategy: template.ContinueOnFailure}
	want.Steps[0].PublishesEvents = []template.EventDeclaration{{Name: "a.b", Condition: template.OnSuccess, DeliveryMode: template.DeliverDurable}}
	require.Equal(t, want, bare)

	require.Equal(t, "0.1.0", bare.Version)
	require.Equal(t, template.IdentityStrict, bare.IdentityStrategy)
	require.Equal(t, template.SystemDependencies{Primary: "default", Secondary: []string{}}, bare.SystemDependencies)
	require.Equal(t, template.StandardStep, bare.Steps[0].Type)
	require.Equal(t, template.RetryConfiguration{Retryable: true, MaxAttempts: 3, Backoff: workflow.BackoffExponential, BackoffBaseMS: 1000,
		MaxBackoffMS: 30000, Jitter: true, MaxCrashes: 3}, bare.Steps[0].Retry)
	require.Equal(t, "call", bare.Steps[0].Handler.EffectiveMethod())
	require.Zero(t, bare.Steps[0].Timeout())
}

func TestNumbersAreReadAsYAMLWritesThem(t *testing.T) {
	t.Parallel()
	tmpl := parsed(t, withSteps("{name: a, handler: {callable: h, method: run, initialization: "+
		"{hex: 0x1F, grouped: 1_000, short: .5, plus: +7, tagged: !!str 12, quoted: '12', exact: 0.10, large: 123456789012345678901234567890, day: 2026-01-31, flag: !!bool true}}, timeout_seconds: 0x10}"))
	require.Equal(t, map[string]any{"hex": json.Number("31"), "grouped": json.Number("1000"), "short": json.Number("0.5"), "plus": json.Number("7"),
		"tagged": "12", "quoted": "12", "exact": json.Number("0.10"), "large": json.Number("123456789012345678901234567890"), "day": "2026-01-31", "flag": true},
		tmpl.Steps[0].Handler.Initialization)
	require.Equal(t, 16*time.Second, tmpl.Steps[0].Timeout())
	require.Equal(t, "run", tmpl.Steps[0].Handler.EffectiveMethod())
}

func TestFieldsSetToNothingAreLeftOut(t *testing.T) {
	t.Parallel()
	empty := parsed(t, head+"description:\nmetadata: ~\ninput_schema: null\nsteps:\n"+
		"  - {name: a, handler: {callable: h, initialization: }, dependencies: , retry: ~, timeout_seconds: null}\n")
	require.Equal(t, parsed(t, withSteps("{name: a, handler: {callable: h}}")), empty)
}

func TestPartsOfARetryKeepTheDefaultsOfTheRest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		yaml string
		want func(*template.RetryConfiguration)
	}{
		"no further attempts": {"{max_attempts: 0, retryable: false}", func(r *template.RetryConfiguration) { r.MaxAttempts, r.Retryable = 0, false }},
		"no jitter":           {"{jitter: false}", func(r *template.RetryConfiguration) { r.Jitter = false }},
		"a base beyond the default bound moves the bound": {"{backoff_base_ms: 60000}",
			func(r *template.RetryConfiguration) { r.BackoffBaseMS, r.MaxBackoffMS = 60000, 60000 }},
		"nothing": {"{}", func(*template.RetryConfiguration) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := template.DefaultRetry()
			tt.want(&want)
			require.Equal(t, want, parsed(t, withSteps("{name: a, handler: {callable: h}, retry: "+tt.yaml+"}")).Steps[0].Retry)
		})
	}
}

func TestAStepDecodedFromJSONMayUseEitherNameOfAFieldButNotBoth(t *testing.T) {
	t.Parallel()
	var s template.StepDefinition
	require.NoError(t, json.Unmarshal([]byte(`{"name":"a","handler":{"callable":"h"},"step_type":"decision","depends_on":["b"],"unknown":1}`), &s))
	require.Equal(t, template.DecisionStep, s.Type)
	require.Equal(t, []string{"b"}, s.Dependencies)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"name":"a","type":"decision","step_type":"decision"}`), &s), `step "a": type and step_type are the same field`)
	require.ErrorContains(t, json.Unmarshal([]byte(`{"name":"a","dependencies":[],"depends_on":[]}`), &s), `step "a": dependencies and depends_on are the same field`)
	var tmpl template.TaskTemplate
	require.ErrorContains(t, json.Unmarshal([]byte(`{"name":"t","steps":[{"name":"a","timeout_seconds":"5"}]}`), &tmpl), "decode task template")
}

func TestFieldsThatUpstreamDoesNotHaveAreWrittenOnlyWhereTheySaySomething(t *testing.T) {
	t.Parallel()
	tmpl := template.New("ns", "t", "1.0.0", template.NewStep("a", "h"))
	stored, err := json.Marshal(tmpl)
	require.NoError(t, err)
	for _, ours := range []string{"identity_strategy", "jitter", "max_crashes"} {
		require.NotContains(t, string(stored), ours)
	}
	tmpl.IdentityStrategy, tmpl.Steps[0].Retry.Jitter, tmpl.Steps[0].Retry.MaxCrashes = template.IdentityAlwaysUnique, false, 1
	stored, err = json.Marshal(tmpl)
	require.NoError(t, err)
	require.Contains(t, string(stored), `"identity_strategy":"always_unique"`)
	require.Contains(t, string(stored), `"jitter":false,"max_crashes":1`)
	var back template.TaskTemplate
	require.NoError(t, json.Unmarshal(stored, &back))
	require.Equal(t, *tmpl, back)
}

func TestTheContentHashTellsWhatATemplateSaysNotHowItIsWritten(t *testing.T) {
	t.Parallel()
	base := "name: t\nnamespace_name: ns\nversion: 1.0.0\nsteps:\n- name: a\n  handler: {callable: h, initialization: {x: 1.5, y: 100, z: -2, list: [1, {b: 2, a: 1}]}}\n"
	hash := parsed(t, base).ContentHash()
	require.Len(t, hash, 64)
	for name, src := range map[string]string{
		"comments and order of fields": "# a comment\nversion: '1.0.0'\nsteps:\n  - handler:\n      initialization: {list: [1, {a: 1, b: 2}], z: -2, y: 100, x: 1.5}\n      callable: h\n    name: \"a\"\nnamespace_name: ns\nname: t\n",
		"spelled-out defaults": strings.Replace(base, "  handler", "  type: standard\n  depends_on: []\n  retry: {max_attempts: 3, jitter: true}\n  handler", 1) +
			"identity_strategy: strict\nsystem_dependencies: {primary: default}\n",
		"other spellings of numbers": strings.NewReplacer("1.5", "15e-1", "100", "1.00E+2", "-2", "-2.0", "a: 1", "a: 0x1").Replace(base),
	} {
		require.Equal(t, hash, parsed(t, src).ContentHash(), name)
	}
	for name, src := range map[string]string{
		"another number":      strings.Replace(base, "1.5", "1.50001", 1),
		"a large number":      strings.Replace(base, "100", "12345678901234567890123", 1),
		"a number as text":    strings.Replace(base, "100", "'100'", 1),
		"the sign":            strings.Replace(base, "-2", "2", 1),
		"the power":           strings.Replace(base, "1.5", "1.5e9", 1),
		"the order of a list": strings.Replace(base, "[1, {b: 2, a: 1}]", "[{b: 2, a: 1}, 1]", 1),
		"the version":         strings.Replace(base, "1.0.0", "1.0.1", 1),
		"the crash bound":     strings.Replace(base, "  handler", "  retry: {max_crashes: 5}\n  handler", 1),
	} {
		require.NotEqual(t, hash, parsed(t, src).ContentHash(), name)
	}
	require.NotEqual(t, parsed(t, strings.Replace(base, "100", "12345678901234567890123", 1)).ContentHash(),
		parsed(t, strings.Replace(base, "100", "12345678901234567890124", 1)).ContentHash(), "no digit is lost")
}

func TestTheContentHashOfWhatJSONCannotHoldIsEmpty(t *testing.T) {
	t.Parallel()
	tmpl := template.New("ns", "t", "1.0.0", template.NewStep("a", "h"))
	tmpl.Steps[0].Handler.Initialization["f"] = func() {}
	require.Empty(t, tmpl.ContentHash())
	require.ErrorContains(t, template.Validate(tmpl).Err(), "TK008  the template cannot be stored as JSON")
}

func TestOverridesApplyToAllStepsAndThenToSingleOnes(t *testing.T) {
	t.Parallel()
	tmpl := parsed(t, withSteps(
		"{name: a, handler: {callable: h, initialization: {host: live, port: 1, deep: {x: 1, y: 2}}}, timeout_seconds: 60, retry: {max_attempts: 9}}",
		"{name: b, handler: {callable: h}}")+`environments:
  test:
    steps:
      - name: a
        timeout_seconds: 1
        handler: {initialization: {host: test, deep: {x: 3}, extra: yes}}
        retry: {retryable: false, backoff: linear, backoff_base_ms: 10, max_backoff_ms: 20, jitter: false, max_crashes: 7}
      - {name: ALL, timeout_seconds: 5, retry: {max_attempts: 1}}
`)
	before := tmpl.ContentHash()
	got := tmpl.ForEnvironment("test")

	require.Equal(t, map[string]any{"host": "test", "port": json.Number("1"), "deep": map[string]any{"x": json.Number("3")}, "extra": "yes"},
		got.Step("a").Handler.Initialization)
	require.Equal(t, time.Second, got.Step("a").Timeout(), "a step's own override comes last, wherever it is written")
	require.Equal(t, template.RetryConfiguration{Retryable: false, MaxAttempts: 1, Backoff: workflow.BackoffLinear, BackoffBaseMS: 10,
		MaxBackoffMS: 20, Jitter: false, MaxCrashes: 7}, got.Step("a").Retry)
	require.Equal(t, 5*time.Second, got.Step("b").Timeout())
	require.Equal(t, int32(1), got.Step("b").Retry.MaxAttempts)
	require.Equal(t, int64(1000), got.Step("b").Retry.BackoffBaseMS, "what an override leaves out stays")
	require.Empty(t, got.Environments)
	require.Equal(t, before, tmpl.ContentHash(), "the template itself does not change")

	other := tmpl.ForEnvironment("production")
	require.Equal(t, tmpl.Steps, other.Steps)
	require.Nil(t, other.Step("nobody"))
}

func TestATemplateBuiltInGoIsHeldToWhatAFileIsHeldTo(t *testing.T) {
	t.Parallel()
	good := func() *template.TaskTemplate {
		return template.New("ns", "t", "1.0.0", template.NewStep("a", "h"), template.NewStep("b", "h", "a"))
	}
	require.Empty(t, template.Validate(good()))
	nested := any("x")
	for range template.MaxDepth {
		nested = []any{nested}
	}
	for name, tt := range map[string]struct {
		change func(*template.TaskTemplate)
		want   string
	}{
		"a namespace of capitals":    {func(t *template.TaskTemplate) { t.NamespaceName = "NS" }, `TK017 namespace_name  malformed namespace_name "NS" in the template`},
		"no name":                    {func(t *template.TaskTemplate) { t.Name = "" }, `TK013 name  the template has no name`},
		"no steps":                   {func(t *template.TaskTemplate) { t.Steps = nil }, `TK027 steps  the template has no steps`},
		"no callable":                {func(t *template.TaskTemplate) { t.Steps[1].Handler.Callable = "" }, `TK030 steps[1].handler.callable  handler of step "b" has no callable`},
		"an unknown type":            {func(t *template.TaskTemplate) { t.Steps[0].Type = "standart" }, `TK011 steps[0].type  unknown type "standart" in step "a"`},
		"a negative timeout":         {func(t *template.TaskTemplate) { t.Steps[0].TimeoutSeconds = new(int32) }, `TK014 steps[0].timeout_seconds  timeout_seconds in step "a" must be at least 1, not 0`},
		"a duplicate":                {func(t *template.TaskTemplate) { t.Steps[1].Name = "a" }, `TK020 steps[1].name  another step has the name "a"`},
		"a dependency that is none":  {func(t *template.TaskTemplate) { t.Steps[0].Dependencies = []string{"x", "b"} }, `TK022 steps[0].dependencies[0]  step "a" depends on "x", which is no step`},
		"a circle":                   {func(t *template.TaskTemplate) { t.Steps[0].Dependencies = []string{"b"} }, `TK023 steps[0].dependencies[0]  steps wait for each other in a circle: a -> b -> a`},
		"a schema that is none":      {func(t *template.TaskTemplate) { t.InputSchema = map[string]any{"required": "a"} }, `TK041 input_schema.required  this is not JSON Schema: got string, want array`},
		"a schema that is a boolean": {func(t *template.TaskTemplate) { t.Steps[0].ResultSchema = true }, `TK040 steps[0].result_schema  result_schema in step "a" must be a JSON Schema, an object; it is true`},
		"a zero byte":                {func(t *template.TaskTemplate) { t.Steps[0].Handler.Initialization["x"] = "\x00" }, `TK008 steps[0].handler.initialization.x  the text holds a zero byte, which the database cannot store`},
		"a zero byte in a name":      {func(t *template.TaskTemplate) { t.Steps[0].Handler.Initialization["\x00"] = 1 }, `TK008 steps[0].handler.initialization  the text holds a zero byte, which the database cannot store`},
		"a number beyond all bounds": {func(t *template.TaskTemplate) { t.Steps[0].Composition = json.Number("1e99999999999999999999") }, `TK008 steps[0].composition  "1e99999999999999999999" is not a number that JSON can hold`},
		"deep nesting":               {func(t *template.TaskTemplate) { t.Steps[0].Composition = nested }, `TK004 steps[0].composition` + strings.Repeat("[0]", 29) + `  values are nested more than 32 deep`},
		"an override of no step": {func(t *template.TaskTemplate) {
			t.Environments["e"] = template.EnvironmentOverride{Steps: []template.StepOverride{{Name: "A1"}}}
		}, `TK037 environments.e.steps[0].name  environment "e" changes "A1", which is no step`},
		"more steps than any may have": {func(t *template.TaskTemplate) { t.Steps = make([]template.StepDefinition, template.MaxSteps+1) }, `TK026 steps  the template has 20001 steps; it may have 20000`},
		"an event with a malformed name": {func(t *template.TaskTemplate) {
			t.Steps[0].PublishesEvents = []template.EventDeclaration{{Name: "A.b"}}
		}, `TK043 steps[0].publishes_events[0].name  malformed name "A.b" in event "A.b" of step "a"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmpl := good()
			tt.change(tmpl)
			found := template.Validate(tmpl)
			require.NotEmpty(t, found)
			require.Equal(t, tt.want, found[0].String())
			require.Empty(t, found[0].Snippet)
			require.Contains(t, found.Err().Error(), found[0].Message)
		})
	}
}

func TestATemplateIsNoLargerThanTheDatabaseShouldHold(t *testing.T) {
	t.Parallel()
	tmpl := template.New("ns", "t", "1.0.0", template.NewStep("a", "h"))
	tmpl.Steps[0].Composition = strings.Repeat("x", template.MaxTemplateBytes)
	found := template.Validate(tmpl)
	require.Len(t, found, 1)
	require.Equal(t, template.Code("TK002"), found[0].Code)
}

func TestAProblemWithoutAFileStillHasItsHint(t *testing.T) {
	t.Parallel()
	tmpl := template.New("ns", "t", "1.0.0", template.NewStep("load", "h"), template.NewStep("b", "h", "laod"))
	require.Equal(t, "TK022 steps[1].dependencies[0]  step \"b\" depends on \"laod\", which is no step\n  did you mean \"load\"?\n",
		formatted(t, template.Validate(tmpl)))
	tmpl.Steps[1].Name = "load"
	require.Contains(t, formatted(t, template.Validate(tmpl)), "another step has the name \"load\"\n  the first is steps[0]\n")
}

func TestTheExamplesAreTemplatesWithoutAnyProblem(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "examples", "templates", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		tmpl, found := template.Parse(src, file, template.ParseOptions{Strict: true, Lint: true})
		require.Empty(t, formatted(t, found))
		require.NotNil(t, tmpl)
	}
}
