package template_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

func TestAllProblemsOfAFileAreReportedAtOnceWithTheirPlaces(t *testing.T) {
	t.Parallel()
	tmpl, found := template.Parse(read(t, "broken.yaml"), "broken.yaml", template.ParseOptions{})
	require.Nil(t, tmpl)
	requireGolden(t, "broken.txt", formatted(t, found))
}

func TestAProblemReadsAsTheHandbookShowsIt(t *testing.T) {
	t.Parallel()
	src := "name: order\nnamespace_name: shop\nsteps:\n  - name: a\n    handler: {callable: a}\n" +
		"    backof: 1s\n"
	_, found := template.Parse([]byte(strings.Replace(src, "    backof", "    retri: {}\n    backof", 1)), "order.yaml", template.ParseOptions{})
	require.Equal(t, `TK012 order.yaml:6:5  unknown field "retri" in step "a"
  6 |     retri: {}
          ^^^^^ did you mean "retry"?
TK012 order.yaml:7:5  warning: unknown field "backof" in step "a"
  7 |     backof: 1s
          ^^^^^^ it has no effect
`, formatted(t, found))
}

func TestEveryProblemHasItsCode(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	batchable := "{name: split, type: batchable, handler: {callable: h}, dependencies: [a]}"
	worker := "{name: work, type: batch_worker, handler: {callable: h}, dependencies: [split]}"
	cases := map[string]struct {
		src  string
		want string // the report, and its hint if there is one
	}{
		"text that is not YAML": {"name: [a\nb: c",
			"TK001 t.yaml:2:2  this is not YAML: did not find expected ',' or ']' while parsing a flow sequence | it begins on line 1"},
		"an indentation of tabs": {"name:\n\tfirst: 1",
			"TK001 t.yaml:2:1  this is not YAML: found character that cannot start any token while scanning for the next token | indent with spaces, not tabs"},
		"bytes that are not text":            {"name: a\nb: \xff", "TK001 t.yaml:2:4  the file is not UTF-8 text"},
		"a file that is too large":           {head + "#" + long(template.MaxFileBytes), "TK002 t.yaml:1:1  the file is larger than 262144 bytes | declare very large workflows in code"},
		"an anchor":                          {withSteps(step("a")) + "metadata: &m {}\n", `TK003 t.yaml:6:11  anchor "&m" is not read | remove it, and write the value out where it is used`},
		"an alias":                           {"name: &n t\nnamespace_name: *n", `TK003 t.yaml:2:17  alias "*n" is not read | write the value out`},
		"a merge key":                        {withSteps(step("a")) + "<<: {version: 1.0.0}\n", "TK003 t.yaml:6:1  merge keys are not read | write the fields out"},
		"values that are nested too deep":    {withSteps(step("a")) + "input_schema: {x: " + strings.Repeat("[", 31) + strings.Repeat("]", 31) + "}", "TK004 t.yaml:6:49  values are nested more than 32 deep"},
		"a field that is written twice":      {head + "name: u", `TK005 t.yaml:4:1  field "name" is written twice | the first is on line 1`},
		"a field under both of its names":    {withSteps("{name: a, handler: {callable: h}, type: standard, step_type: decision}"), `TK005 t.yaml:5:55  "type" and "step_type" are the same field | keep one; the first is on line 5`},
		"an empty file":                      {"# nothing\n", "TK006 t.yaml:1:1  the file holds no template"},
		"a second document":                  {withSteps(step("a")) + "---\nname: u\n", "TK006 t.yaml:6:1  the file holds a second document | put each template into a file of its own"},
		"a tag":                              {withSteps(step("a")) + "description: !secret x\n", `TK007 t.yaml:6:14  tag "!secret" is not read | remove it`},
		"a number that JSON cannot hold":     {withSteps("{name: a, handler: {callable: h, initialization: {x: .inf}}}"), `TK008 t.yaml:5:58  ".inf" is not a number that JSON can hold`},
		"a zero byte":                        {withSteps(step("a")) + `description: "a\0"`, "TK008 t.yaml:6:14  the text holds a zero byte, which the database cannot store"},
		"a value of another type":            {withSteps("{name: a, handler: {callable: h}, timeout_seconds: 30s}"), `TK010 t.yaml:5:56  timeout_seconds in step "a" must be a whole number, not the text "30s" | write the number alone: 30`},
		"a YAML 1.1 boolean":                 {withSteps("{name: a, handler: {callable: h}, retry: {retryable: yes}}"), `TK010 t.yaml:5:58  retryable in retry of step "a" must be true or false, not the text "yes" | write true`},
		"a text without its quotes":          {strings.Replace(withSteps(step("a")), "name: t", "name: 12", 1), `TK010 t.yaml:1:7  name in the template must be a text, not the number 12 | put it in quotes: "12"`},
		"one item instead of a list":         {withSteps(step("a"), "{name: b, handler: {callable: h}, dependencies: a}"), `TK010 t.yaml:6:53  dependencies in step "b" must be a list, not the text "a" | write [a]`},
		"an item of another type":            {withSteps("{name: a, handler: {callable: h}, dependencies: [1]}"), `TK010 t.yaml:5:54  dependencies[0] in step "a" must be a text, not the number 1 | put it in quotes: "1"`},
		"a time that is none":                {withSteps(step("a")) + "metadata: {created_at: 2026-01-31}", `TK010 t.yaml:6:24  created_at in metadata must be a time such as 2026-01-31T12:00:00Z, not the text "2026-01-31"`},
		"a field name that is no text":       {head + "[a]: b", "TK010 t.yaml:4:1  the name of a field is a plain text"},
		"a template that is a list":          {"- a", "TK010 t.yaml:1:1  the template must be a mapping of fields, not a list"},
		"a step that is a text":              {withSteps("a"), `TK010 t.yaml:5:5  steps[0] in the template must be a mapping of fields, not the text "a"`},
		"a value close to one that exists":   {withSteps("{name: a, type: standart, handler: {callable: h}}"), `TK011 t.yaml:5:21  unknown type "standart" in step "a" | did you mean "standard"?`},
		"a value far from all":               {withSteps("{name: a, handler: {callable: h}, retry: {backoff: quadratic}}"), `TK011 t.yaml:5:56  unknown backoff "quadratic" in retry of step "a" | it is one of none, linear, exponential or fibonacci`},
		"a field close to one that exists":   {withSteps("{name: a, handlr: {callable: h}}"), `TK012 t.yaml:5:15  unknown field "handlr" in step "a" | did you mean "handler"?`},
		"the beginning of a field's name":    {withSteps("{name: a, handler: {callable: h}, timeout: 5}"), `TK012 t.yaml:5:39  unknown field "timeout" in step "a" | did you mean "timeout_seconds"?`},
		"another word for a field":           {withSteps("{name: a, handler: {callable: h}, retry: {limit: 5}}"), `TK012 t.yaml:5:47  unknown field "limit" in retry of step "a" | did you mean "max_attempts"?`},
		"another spelling of a field":        {withSteps("{name: a, handler: {callable: h}, dependsOn: []}"), `TK012 t.yaml:5:39  unknown field "dependsOn" in step "a" | did you mean "depends_on"?`},
		"a template without a name":          {"namespace_name: ns\nsteps: [" + step("a") + "]", "TK013 t.yaml:1:1  the template has no name"},
		"a step without a name":              {withSteps(step("a"), "{name: '', handler: {callable: h}}"), "TK013 t.yaml:6:6  step 2 has no name"},
		"a number that is too small":         {withSteps("{name: a, handler: {callable: h}, retry: {max_attempts: -1}}"), `TK014 t.yaml:5:61  max_attempts in retry of step "a" must be at least 0, not -1`},
		"a number that is too large":         {withSteps("{name: a, handler: {callable: h}, timeout_seconds: 99999999999999999999}"), `TK014 t.yaml:5:56  timeout_seconds in step "a" must be at most 2147483647, not 99999999999999999999`},
		"a name that is too long":            {strings.Replace(withSteps(step("a")), "name: t", "name: "+long(65), 1), "TK015 t.yaml:1:7  name in the template has 65 characters; it may have 64"},
		"a namespace that is too long":       {"name: t\nnamespace_name: " + long(30) + "\nsteps: [" + step("a") + "]", "TK016 t.yaml:2:17  namespace_name in the template has 30 characters; it may have 29"},
		"a namespace that no queue can have": {"name: t\nnamespace_name: a-b\nsteps: [" + step("a") + "]", `TK017 t.yaml:2:17  malformed namespace_name "a-b" in the template | a namespace is part of queue names: lower-case letters, digits and _, with a letter first`},
		"a name with a space at its end":     {withSteps("{name: 'a ', handler: {callable: h}}"), `TK018 t.yaml:5:12  malformed name "a " in step "a " | a name has no control characters, and no space at either end`},
		"a reserved name":                    {withSteps(step("ALL")), `TK018 t.yaml:5:12  no step can have the name "ALL" | environments mean every step by it; choose another name`},
		"a version that is not semantic":     {strings.Replace(withSteps(step("a")), "1.0.0", "'1.0'", 1), `TK019 t.yaml:3:10  malformed version "1.0" in the template | a version is semantic, such as 1.2.0 or 2.0.0-rc.1`},

		"a number that is none":                {withSteps("{name: a, handler: {callable: h, initialization: {x: !!int foo}}}"), `TK008 t.yaml:5:58  "foo" is not a number that JSON can hold`},
		"a truth that is none":                 {withSteps("{name: a, handler: {callable: h, initialization: {x: !!bool maybe}}}"), `TK008 t.yaml:5:58  "maybe" is neither true nor false`},
		"a list that is tagged as a text":      {withSteps(step("a")) + "metadata: {tags: !!str [x]}", `TK007 t.yaml:6:18  tag "!!str" is not read | remove it`},
		"a mapping that is tagged as a list":   {withSteps(step("a")) + "metadata: !!seq {}", `TK007 t.yaml:6:11  tag "!!seq" is not read | remove it`},
		"a field without a name":               {withSteps(step("a")) + "~: 1", "TK010 t.yaml:6:1  the name of a field is a plain text"},
		"a zero byte in the name of a field":   {withSteps(step("a")) + `"a\0": 1`, "TK008 t.yaml:6:1  the text holds a zero byte, which the database cannot store"},
		"a second document that is not YAML":   {withSteps(step("a")) + "---\n[", "TK001 t.yaml:7:2  this is not YAML: did not find expected node content while parsing a flow node"},
		"a mapping instead of a text":          {withSteps(step("a")) + "description: {}", "TK010 t.yaml:6:14  description in the template must be a text, not a mapping"},
		"a fraction instead of a whole number": {withSteps("{name: a, handler: {callable: h}, timeout_seconds: 1.5}"), `TK010 t.yaml:5:56  timeout_seconds in step "a" must be a whole number, not the number 1.5`},
		"a YAML 1.1 boolean that is false":     {withSteps("{name: a, handler: {callable: h}, retry: {retryable: off}}"), `TK010 t.yaml:5:58  retryable in retry of step "a" must be true or false, not the text "off" | write false`},
		"a word instead of a boolean":          {withSteps("{name: a, handler: {callable: h}, retry: {retryable: never}}"), `TK010 t.yaml:5:58  retryable in retry of step "a" must be true or false, not the text "never"`},

		"two steps of one name":            {withSteps(step("a"), step("a")), `TK020 t.yaml:6:12  another step has the name "a" | the first is on line 5`},
		"a step that depends on itself":    {withSteps(step("a", "a")), `TK021 t.yaml:5:54  step "a" depends on itself | remove it`},
		"a dependency that does not exist": {withSteps(step("load"), step("b", "laod")), `TK022 t.yaml:6:54  step "b" depends on "laod", which is no step | did you mean "load"?`},
		"steps in a circle":                {withSteps(step("a", "c"), step("b", "a"), step("c", "b")), "TK023 t.yaml:5:54  steps wait for each other in a circle: a -> b -> c -> a | remove one of these dependencies"},
		"a long circle":                    {withSteps(ring(25)...), "TK023 t.yaml:5:55  steps wait for each other in a circle: s0 -> s1 -> s2 -> s3 -> s4 -> s5 -> s6 -> s7 -> s8 -> s9 -> … 6 more … -> s16 -> s17 -> s18 -> s19 -> s20 -> s21 -> s22 -> s23 -> s24 -> s0 | remove one of these dependencies"},
		"a dependency that is named twice": {withSteps(step("a"), step("b", "a", "a")), `TK024 t.yaml:6:57  warning: step "b" names the dependency "a" twice | once is enough`},
		"more steps than a file may declare": {head + "steps:\n" + strings.Repeat("- {name: a, handler: {callable: h}}\n", template.MaxFileSteps+1),
			"TK026 t.yaml:5:1  the template has 2001 steps; a file may declare 2000 | declare very large workflows in code"},
		"no steps":           {head + "steps: []", "TK027 t.yaml:4:8  the template has no steps"},
		"no field for steps": {head, "TK027 t.yaml:1:1  the template has no steps"},

		"a step without a handler":               {withSteps("{name: a}"), `TK030 t.yaml:5:5  step "a" has no handler`},
		"a handler without a callable":           {withSteps("{name: a, handler: {callable: ''}}"), `TK030 t.yaml:5:25  handler of step "a" has no callable`},
		"a decision without a dependency":        {withSteps("{name: a, type: decision, handler: {callable: h}}"), `TK031 t.yaml:5:5  decision "a" depends on no step | name the step whose result it decides upon`},
		"a convergence without a dependency":     {withSteps("{name: a, type: deferred_convergence, handler: {callable: h}}"), `TK031 t.yaml:5:5  convergence "a" depends on no step | name the steps that it brings together`},
		"a batchable step without a worker":      {withSteps(step("a"), batchable), `TK032 t.yaml:6:5  batchable step "split" has no batch_worker | add a step of type batch_worker that depends on it`},
		"a worker template that does not exist":  {withSteps(step("a"), strings.Replace(batchable, "callable: h", "callable: h, initialization: {worker_template_name: wrok}", 1), worker), `TK033 t.yaml:6:98  "wrok", the worker template of step "split", is no step of type batch_worker | did you mean "work"?`},
		"a worker template of another type":      {withSteps(step("a"), strings.Replace(batchable, "dependencies", "batch_config: {worker_template: a}, dependencies", 1), worker), `TK033 t.yaml:6:92  "a", the worker template of step "split", is no step of type batch_worker`},
		"a batch worker without a batchable":     {withSteps(step("a"), "{name: work, type: batch_worker, handler: {callable: h}, dependencies: [a]}"), `TK034 t.yaml:6:76  batch_worker "work" depends on no batchable step | name the step that makes its batches`},
		"a standard step that waits for batches": {withSteps(step("a"), batchable, worker, step("end", "work")), `TK035 t.yaml:8:56  step "end" is of type standard but waits for the batches of "work" | make its type deferred_convergence`},
		"delays in the wrong order":              {withSteps("{name: a, handler: {callable: h}, retry: {backoff_base_ms: 500, max_backoff_ms: 400}}"), "TK036 t.yaml:5:85  max_backoff_ms is 400, shorter than backoff_base_ms, which is 500"},
		"an override of a step that is none":     {withSteps(step("load")) + "environments: {test: {steps: [{name: laod}]}}", `TK037 t.yaml:6:38  environment "test" changes "laod", which is no step | did you mean "load"?`},
		"an override that upsets the delays":     {withSteps(step("a")) + "environments: {test: {steps: [{name: ALL, retry: {max_backoff_ms: 10}}]}}", "TK036 t.yaml:6:50  max_backoff_ms is 10, shorter than backoff_base_ms, which is 1000"},

		"a schema that is no object":               {withSteps(step("a")) + "input_schema: string", `TK040 t.yaml:6:15  input_schema in the template must be a JSON Schema, an object; it is the text "string"`},
		"a schema that is none":                    {withSteps(step("a")) + "input_schema: {properties: {n: {minimum: low}}}", "TK041 t.yaml:6:42  this is not JSON Schema: got string, want number"},
		"a schema that reads files":                {withSteps(step("a")) + "input_schema: {$ref: 'file:///etc/passwd'}", `TK041 t.yaml:6:15  the JSON Schema refers to "file:///etc/passwd", which is outside of it | copy what it needs into its $defs`},
		"a schema that refers to nothing":          {withSteps(step("a")) + "input_schema: {$ref: '#/$defs/x'}", `TK041 t.yaml:6:15  the JSON Schema does not compile: json-pointer in "#/$defs/x" not found`},
		"a schema that is too large":               {withSteps(step("a")) + "input_schema: {description: " + long(template.MaxSchemaBytes) + "}", "TK041 t.yaml:6:15  the JSON Schema has 65554 bytes; it may have 65536"},
		"a faulty alternative deep in a schema":    {withSteps(step("a")) + "input_schema: {allOf: [{type: [object, nul]}]}", "TK041 t.yaml:6:40  this is not JSON Schema: value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'"},
		"an event named in one part":               {withSteps("{name: a, handler: {callable: h}, publishes_events: [{name: paid}]}"), `TK043 t.yaml:5:65  malformed name "paid" in event "paid" of step "a" | an event is named in at least two parts of lower-case letters, digits and _, such as order.paid`},
		"a publisher that is no identifier":        {withSteps("{name: a, handler: {callable: h}, publishes_events: [{name: a.b, publisher: 'x y'}]}"), `TK044 t.yaml:5:81  malformed publisher "x y" in event "a.b" of step "a" | a publisher is an identifier, such as OrderEvents, Orders::Events or orders.Events`},
		"a setting of an event in the environment": {withSteps(step("a")) + "environments: {test: {steps: [{name: a, retry: {max_atempts: 1}}]}}", `TK012 t.yaml:6:49  unknown field "max_atempts" in retry of override "a" of environment "test" | did you mean "max_attempts"?`},
	}
	provoked := map[template.Code]bool{
		"TK025": true, "TK042": true, // only with Lint, TestLintRemarksOnWhatIsUnusual
		"TK050": true, // only with several files, TestTwoFilesCannotDeclareOneVersionDifferently
		"TK099": true, // TestAFileOfGarbageIsRefusedWithABoundedList
	}
	for name, tt := range cases {
		provoked[template.Code(tt.want[:5])] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := template.Parse([]byte(tt.src), "t.yaml", template.ParseOptions{})
			var got []string
			for _, d := range found {
				got = append(got, strings.TrimSuffix(d.String()+" | "+d.Hint, " | "))
			}
			require.Contains(t, got, tt.want)
		})
	}
	for _, c := range template.Codes() {
		require.True(t, provoked[c.Code], "no test provokes %s %s", c.Code, c.Name)
	}
}

// ring is a circle of steps.
func ring(n int) []string {
	steps := make([]string, n)
	for i := range steps {
		steps[i] = step(fmt.Sprint("s", i), fmt.Sprint("s", (i+n-1)%n))
	}
	return steps
}

func TestOneMistakeIsReportedOnce(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"an alias for a required field":        strings.Replace(withSteps(step("a")), "name: t", "name: *x", 1),
		"a name of the wrong type":             withSteps("{name: 1, handler: {callable: h}}"),
		"a step of the wrong type":             withSteps("7", step("b")),
		"a handler of the wrong type":          withSteps("{name: a, handler: h}"),
		"dependencies of the wrong type":       withSteps("{name: a, type: decision, handler: {callable: h}, dependencies: b}"),
		"a dependency of the wrong type":       withSteps("{name: a, handler: {callable: h}, dependencies: [{}]}"),
		"steps of the wrong type":              head + "steps: 5",
		"an unknown type of a batch worker":    withSteps(step("a"), "{name: w, type: batchworker, handler: {callable: h}}"),
		"the same faulty schema written twice": head + "input_schema: {type: x}\nsteps:\n  - " + step("a"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := template.Parse([]byte(src), "t.yaml", template.ParseOptions{})
			require.Len(t, found, 1, formatted(t, found))
		})
	}
}

func TestNotesAreWarningsUnlessReadingIsStrict(t *testing.T) {
	t.Parallel()
	src := []byte(withSteps("{name: a, owner: ops, handler: {callable: h}}") + "notes: [1, 2]\n")
	tmpl, found := template.Parse(src, "t.yaml", template.ParseOptions{})
	require.NotNil(t, tmpl)
	require.NoError(t, found.Err())
	require.Equal(t, `TK012 t.yaml:5:15  warning: unknown field "owner" in step "a"
  5 |   - {name: a, owner: ops, handler: {callable: h}}
                    ^^^^^ it has no effect
TK012 t.yaml:6:1  warning: unknown field "notes" in the template
  6 | notes: [1, 2]
      ^^^^^ it has no effect
`, formatted(t, found))

	tmpl, found = template.Parse(src, "t.yaml", template.ParseOptions{Strict: true})
	require.Nil(t, tmpl)
	require.Len(t, found.Errors(), 2)
	require.EqualError(t, found.Err(), `invalid task template: TK012 t.yaml:5:15  unknown field "owner" in step "a" (it has no effect) and 1 more`)
}

func TestLintRemarksOnWhatIsUnusual(t *testing.T) {
	t.Parallel()
	src := []byte(withSteps(step("a"), step("b", "a"), step("c")))
	_, found := template.Parse(src, "t.yaml", template.ParseOptions{Strict: true, Lint: true})
	require.NoError(t, found.Err(), "remarks are no errors, however strict the reading")
	var got []string
	for _, d := range found {
		got = append(got, d.Name+" "+d.Path)
	}
	require.Equal(t, []string{"NO_RESULT_SCHEMA steps[0].result_schema", "NO_RESULT_SCHEMA steps[1].result_schema",
		"NO_RESULT_SCHEMA steps[2].result_schema", "ORPHAN_STEP steps[2]"}, got)
}

func TestAFileOfGarbageIsRefusedWithABoundedList(t *testing.T) {
	t.Parallel()
	var src strings.Builder
	src.WriteString(withSteps(step("a")))
	for i := range 5000 {
		fmt.Fprintf(&src, "note%d: x\n", i)
	}
	tmpl, found := template.Parse([]byte(src.String()), "t.yaml", template.ParseOptions{})
	require.Nil(t, tmpl, "what was not looked at may be an error")
	require.Len(t, found, 1001)
	require.EqualError(t, found.Err(), "invalid task template: TK099 t.yaml  there are more than 1000 problems; the rest is not listed (is this a task template?)")
}

func TestDiagnosticsAreWrittenAsJSON(t *testing.T) {
	t.Parallel()
	_, found := template.Parse([]byte(withSteps("{name: a, handlr: 1, handler: {callable: h}}")), "t.yaml", template.ParseOptions{})
	got, err := json.Marshal(found)
	require.NoError(t, err)
	require.JSONEq(t, `[{"code":"TK012","name":"UNKNOWN_FIELD","severity":"error","file":"t.yaml","line":5,"column":15,"path":"steps[0].handlr",
		"message":"unknown field \"handlr\" in step \"a\"","hint":"did you mean \"handler\"?",
		"snippet":"  5 |   - {name: a, handlr: 1, handler: {callable: h}}\n                    ^^^^^^"}]`, string(got))
	none, err := json.Marshal(template.Diagnostics(nil))
	require.NoError(t, err)
	require.Equal(t, "[]", string(none))
}

func TestSnippetsOfUnusualLinesStayReadable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ src, want string }{
		"a long line is cut around the place": {
			head + "metadata: {author: " + strings.Repeat("x", 200) + ", tegs: [], documentation_url: " + strings.Repeat("y", 200) + "}\nsteps: [" + step("a") + "]",
			"  4 | …" + strings.Repeat("x", 31) + ", tegs: [], documentation_url: " + strings.Repeat("y", 38) + "…\n" + strings.Repeat(" ", 40) + "^^^^",
		},
		"tabs stay tabs": {withSteps("{name:\ta, handlr: 1, handler: {callable: h}}"),
			"  5 |   - {name:\ta, handlr: 1, handler: {callable: h}}\n" + strings.Repeat(" ", 16) + "\t   ^^^^^^"},
		"characters count, not bytes": {withSteps("{name: größe, handlr: 1, handler: {callable: h}}"),
			"  5 |   - {name: größe, handlr: 1, handler: {callable: h}}\n" + strings.Repeat(" ", 24) + "^^^^^^"},
		"what terminals obey is not passed on": {withSteps("{name: \"a\u202eb\", handler: {callable: h}}"),
			"  5 |   - {name: \"a\ufffdb\", handler: {callable: h}}\n" + strings.Repeat(" ", 17) + "^^^^^"},
		"lines may end in CR LF": {strings.ReplaceAll(withSteps("{name: a, handlr: 1, handler: {callable: h}}"), "\n", "\r\n"),
			"  5 |   - {name: a, handlr: 1, handler: {callable: h}}\n" + strings.Repeat(" ", 20) + "^^^^^^"},
		"a byte order mark is no character": {"\ufeffnam: t\nname: t\nnamespace_name: n\nsteps: [" + step("a") + "]", "  1 | nam: t\n      ^^^"},
		"unusual line breaks count":         {"name: t # \u2028namespace_name: n\u0085vers: 1.0.0\nsteps: [" + step("a") + "]", "  3 | vers: 1.0.0\n      ^^^^"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := template.Parse([]byte(tt.src), "t.yaml", template.ParseOptions{})
			require.NotEmpty(t, found)
			require.Equal(t, tt.want, found[0].Snippet)
		})
	}
}
