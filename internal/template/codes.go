package template

// Code names a kind of problem for good: TK001 and so on. Editors, scripts and the documentation refer to it.
type Code string

// CodeInfo describes a kind of problem.
type CodeInfo struct {
	Code     Code     `json:"code"`
	Name     string   `json:"name"` // where upstream's linter has the same check, its name for it
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"`
}

const (
	codeSyntax         Code = "TK001"
	codeTooLarge       Code = "TK002"
	codeAlias          Code = "TK003"
	codeTooDeep        Code = "TK004"
	codeDuplicateField Code = "TK005"
	codeDocuments      Code = "TK006"
	codeTag            Code = "TK007"
	codeNotJSON        Code = "TK008"

	codeWrongType        Code = "TK010"
	codeUnknownValue     Code = "TK011"
	codeUnknownField     Code = "TK012"
	codeMissingField     Code = "TK013"
	codeOutOfRange       Code = "TK014"
	codeTooLong          Code = "TK015"
	codeNamespaceTooLong Code = "TK016"
	codeBadNamespace     Code = "TK017"
	codeBadName          Code = "TK018"
	codeBadVersion       Code = "TK019"

	codeDuplicateStep      Code = "TK020"
	codeSelfDependency     Code = "TK021"
	codeMissingDependency  Code = "TK022"
	codeCycle              Code = "TK023"
	codeRepeatedDependency Code = "TK024"
	codeOrphan             Code = "TK025"
	codeTooManySteps       Code = "TK026"
	codeNoSteps            Code = "TK027"

	codeEmptyCallable   Code = "TK030"
	codeNoDependency    Code = "TK031"
	codeNoBatchWorker   Code = "TK032"
	codeNotBatchWorker  Code = "TK033"
	codeWorkerNoBatches Code = "TK034"
	codeWorkerChild     Code = "TK035"
	codeBackoffOrder    Code = "TK036"
	codeUnknownOverride Code = "TK037"

	codeSchemaNotObject Code = "TK040"
	codeSchemaInvalid   Code = "TK041"
	codeNoResultSchema  Code = "TK042"
	codeBadEventName    Code = "TK043"
	codeBadPublisher    Code = "TK044"

	codeDuplicateTemplate Code = "TK050"
	codeTooMany           Code = "TK099"
)

var codes = []CodeInfo{
	{codeSyntax, "YAML_SYNTAX", SeverityError, "the file is not YAML"},
	{codeTooLarge, "TOO_LARGE", SeverityError, "the template is larger than is read"},
	{codeAlias, "ALIAS_REFUSED", SeverityError,
		"anchors, aliases and merge keys are not read, since a few lines of them can stand for gigabytes"},
	{codeTooDeep, "TOO_DEEP", SeverityError, "values are nested deeper than is read"},
	{codeDuplicateField, "DUPLICATE_FIELD", SeverityError, "a field is written twice"},
	{codeDocuments, "NOT_ONE_DOCUMENT", SeverityError, "a file holds exactly one template"},
	{codeTag, "TAG_REFUSED", SeverityError, "YAML tags are not read, but for those of JSON's types"},
	{codeNotJSON, "NOT_JSON", SeverityError, "a value cannot be stored as JSON"},

	{codeWrongType, "WRONG_TYPE", SeverityError, "a value is of another type than its field holds"},
	{codeUnknownValue, "UNKNOWN_VALUE", SeverityError, "a value is none of those that its field may have"},
	{codeUnknownField, "UNKNOWN_FIELD", SeverityWarning, "a field is not known; an error if it is close to a known one"},
	{codeMissingField, "MISSING_FIELD", SeverityError, "a required field is missing or empty"},
	{codeOutOfRange, "OUT_OF_RANGE", SeverityError, "a number is too small or too large"},
	{codeTooLong, "TOO_LONG", SeverityError, "a text is too long"},
	{codeNamespaceTooLong, "NAMESPACE_TOO_LONG", SeverityError, "the namespace is too long to be part of queue names"},
	{codeBadNamespace, "BAD_NAMESPACE", SeverityError, "the namespace cannot be part of queue names"},
	{codeBadName, "BAD_NAME", SeverityError, "a name has characters that names cannot have, or is reserved"},
	{codeBadVersion, "BAD_VERSION", SeverityError, "the version is not semantic"},

	{codeDuplicateStep, "DUPLICATE_STEP_NAME", SeverityError, "two steps have the same name"},
	{codeSelfDependency, "SELF_DEPENDENCY", SeverityError, "a step depends on itself"},
	{codeMissingDependency, "MISSING_DEP_REF", SeverityError, "a step depends on one that does not exist"},
	{codeCycle, "CYCLE_DETECTED", SeverityError, "steps wait for each other in a circle"},
	{codeRepeatedDependency, "REPEATED_DEPENDENCY", SeverityWarning, "a dependency is named twice"},
	{codeOrphan, "ORPHAN_STEP", SeverityInfo, "a step has neither dependencies nor dependents"},
	{codeTooManySteps, "TOO_MANY_STEPS", SeverityError, "the template has more steps than is read"},
	{codeNoSteps, "NO_STEPS", SeverityError, "the template has no steps"},

	{codeEmptyCallable, "EMPTY_CALLABLE", SeverityError, "a step names no handler"},
	{codeNoDependency, "NO_DEPENDENCY", SeverityError, "a decision or a convergence depends on no step"},
	{codeNoBatchWorker, "NO_BATCH_WORKER", SeverityError, "a batchable step has no step of type batch_worker"},
	{codeNotBatchWorker, "NOT_BATCH_WORKER", SeverityError, "the worker template is not a step of type batch_worker"},
	{codeWorkerNoBatches, "WORKER_WITHOUT_BATCHES", SeverityError, "a batch_worker depends on no batchable step"},
	{codeWorkerChild, "WORKER_CHILD", SeverityError, "a step waits for a batch_worker but is no deferred_convergence"},
	{codeBackoffOrder, "BACKOFF_ORDER", SeverityError, "the longest delay is shorter than the first"},
	{codeUnknownOverride, "UNKNOWN_OVERRIDE", SeverityError, "an environment changes a step that does not exist"},

	{codeSchemaNotObject, "SCHEMA_NOT_OBJECT", SeverityError, "a JSON Schema is not an object"},
	{codeSchemaInvalid, "SCHEMA_INVALID", SeverityError, "a JSON Schema does not compile"},
	{codeNoResultSchema, "NO_RESULT_SCHEMA", SeverityInfo, "a step declares no schema of its result"},
	{codeBadEventName, "BAD_EVENT_NAME", SeverityError, "an event's name is malformed"},
	{codeBadPublisher, "BAD_PUBLISHER", SeverityError, "a publisher is not an identifier"},

	{codeDuplicateTemplate, "DUPLICATE_TEMPLATE", SeverityError, "two files declare the same version differently"},
	{codeTooMany, "TOO_MANY_PROBLEMS", SeverityError, "there are more problems than are listed"},
}

// Codes lists every kind of problem that templates can have.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codes...) }

var codeInfo = func() map[Code]CodeInfo {
	m := make(map[Code]CodeInfo, len(codes))
	for _, c := range codes {
		m[c.Code] = c
	}
	return m
}()
