package template

import (
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// Longest names, in characters. The namespace is part of queue names, which PostgreSQL bounds.
const (
	maxNamespaceLength = 29
	maxNameLength      = 64
	maxVersionLength   = 16
	maxStepNameLength  = 128
	maxTextLength      = 4096
)

// The forms of texts, with what to tell people whose text has another.
const (
	namePattern = `^[^\p{Z}\p{C}]([^\p{C}]*[^\p{Z}\p{C}])?$`
	nameExpects = "a name has no control characters, and no space at either end"

	namespacePattern = `^[a-z][a-z0-9_]*$`
	namespaceExpects = "a namespace is part of queue names: lower-case letters, digits and _, with a letter first"

	versionPattern = `^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
		`(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$`
	versionExpects = "a version is semantic, such as 1.2.0 or 2.0.0-rc.1"

	eventPattern = `^[a-z0-9_]+(\.[a-z0-9_]+)+$`
	eventExpects = "an event is named in at least two parts of lower-case letters, digits and _, such as order.paid"

	publisherPattern = `^[A-Za-z_][A-Za-z0-9_]*((::|\.)[A-Za-z_][A-Za-z0-9_]*)*$`
	publisherExpects = "a publisher is an identifier, such as OrderEvents, Orders::Events or orders.Events"
)

func nameText(longest int) *shape {
	return text(longest).matching(namePattern, nameExpects, codeBadName)
}

func namespaceText() *shape {
	s := text(maxNamespaceLength).matching(namespacePattern, namespaceExpects, codeBadNamespace)
	s.tooLong = codeNamespaceTooLong
	return s
}

func eventName() *shape {
	return text(maxStepNameLength).matching(eventPattern, eventExpects, codeBadEventName)
}

// The table of the format: every field, what it may hold, and what it means. All else reads it.
var (
	templateShape = object("template",
		key{name: "name", is: nameText(maxNameLength), required: true,
			doc: "Name of the workflow, unique with its version within the namespace."},
		key{name: "namespace_name", is: namespaceText(), required: true,
			doc: "Namespace of the workflow. Workers serve the queue of a namespace."},
		key{name: "version", is: text(maxVersionLength).matching(versionPattern, versionExpects, codeBadVersion),
			def: DefaultVersion, doc: "Semantic version of the workflow."},
		key{name: "description", is: text(maxTextLength), doc: "What the workflow does, for people."},
		key{name: "metadata", is: metadataShape, doc: "Who wrote the workflow and where to read about it. The engine does not read it."},
		key{name: "system_dependencies", is: systemsShape, doc: "The outside systems that the workflow needs. Informational."},
		key{name: "domain_events", is: listOf(domainEventShape), doc: "Catalogue of the events that the workflow publishes. Informational."},
		key{name: "input_schema", is: schema, doc: "JSON Schema of the task's context."},
		key{name: "lifecycle", is: lifecycleShape, doc: "How long a task may stay in a state before it counts as stale."},
		key{name: "identity_strategy", is: oneOf(IdentityStrict, IdentityCallerProvided, IdentityAlwaysUnique), def: IdentityStrict,
			doc: "When two requests are one task: with equal contexts, with equal idempotency keys, or never."},
		key{name: "steps", is: listOf(stepShape), required: true, missing: codeNoSteps, instead: []string{"step_templates"},
			doc: "The steps of the workflow."},
		key{name: "environments", is: named(environmentShape), doc: "Changes to steps, by the name of the environment they apply in."},
	)

	metadataShape = object("metadata",
		key{name: "author", is: text(maxTextLength), doc: "Who to ask about the workflow."},
		key{name: "tags", is: listOf(text(maxTextLength)), doc: "Words to find the workflow by."},
		key{name: "documentation_url", is: text(maxTextLength), doc: "Where to read about the workflow."},
		key{name: "created_at", is: moment, doc: "When the workflow was first written."},
		key{name: "updated_at", is: moment, doc: "When the workflow was last changed."},
	)

	systemsShape = object("system_dependencies",
		key{name: "primary", is: text(maxTextLength), def: DefaultSystem, doc: "The system that the workflow mainly serves."},
		key{name: "secondary", is: listOf(text(maxTextLength)), doc: "Further systems that it calls."},
	)

	domainEventShape = object("domain event",
		key{name: "name", is: eventName(), required: true, doc: "Name of the event, such as order.paid."},
		key{name: "description", is: text(maxTextLength), doc: "What the event means."},
		key{name: "schema", is: schema, doc: "JSON Schema of the event's payload."},
	)

	lifecycleShape = object("lifecycle",
		key{name: "max_duration_minutes", is: atLeast(1), doc: "How long a task may take in all."},
		key{name: "max_waiting_for_dependencies_minutes", is: atLeast(1), doc: "How long a task may wait for dependencies."},
		key{name: "max_waiting_for_retry_minutes", is: atLeast(1), doc: "How long a task may wait for a retry."},
		key{name: "max_steps_in_process_minutes", is: atLeast(1), doc: "How long steps may be in process."},
		key{name: "staleness_action", is: oneOf(StalenessDLQ, StalenessError, StalenessNone), def: StalenessDLQ,
			doc: "What happens to a stale task: an entry for operators, an error, or nothing."},
		key{name: "auto_fail_on_timeout", is: flag, doc: "Whether a stale task fails by itself."},
		key{name: "auto_dlq_on_timeout", is: flag, doc: "Whether a stale task gets an entry for operators by itself."},
	)

	stepShape = object("step",
		key{name: "name", is: nameText(maxStepNameLength), required: true, doc: "Name of the step, unique within the workflow."},
		key{name: "description", is: text(maxTextLength), doc: "What the step does, for people."},
		key{name: "type", alias: "step_type", def: StandardStep,
			is:  oneOf(StandardStep, DecisionStep, DeferredConvergenceStep, BatchableStep, BatchWorkerStep),
			doc: "How the step takes part in the graph."},
		key{name: "handler", is: handlerShape, required: true, missing: codeEmptyCallable, instead: []string{"handler_class", "callable"},
			doc: "The code that runs the step."},
		key{name: "dependencies", alias: "depends_on", is: listOf(text(maxStepNameLength)),
			instead: []string{"depends_on_step", "depends_on_steps", "needs", "after"}, doc: "Names of the steps that must be complete first."},
		key{name: "system_dependency", is: text(maxTextLength), doc: "The outside system that the step calls. Informational."},
		key{name: "timeout_seconds", is: atLeast(1), doc: "How long one attempt may take. Left out, the worker's bound holds."},
		key{name: "retry", is: retryShape, instead: []string{"retries", "retry_policy"},
			doc: "How often and how late a failed step is tried again."},
		key{name: "result_schema", is: schema, doc: "JSON Schema of the step's result."},
		key{name: "enforce_result_schema", is: flag, def: false,
			doc: "Whether a result that does not meet result_schema fails the step for good. Otherwise the schema is for readers and tools."},
		key{name: "publishes_events", is: listOf(eventShape), instead: []string{"events", "publishes"},
			doc: "Events that the step publishes when it is done."},
		key{name: "batch_config", is: batchShape, doc: "How a batch is worked off."},
		key{name: "composition", is: anyOf, doc: "JSON for handlers that are put together from parts."},
	)

	handlerShape = object("handler",
		key{name: "callable", is: text(maxTextLength), required: true, missing: codeEmptyCallable,
			instead: []string{"class", "handler_class", "name"}, doc: "Name under which the handler is registered."},
		key{name: "method", is: text(maxNameLength), def: DefaultMethod, instead: []string{"handler_method"},
			doc: "Method to call on the handler."},
		key{name: "resolver", is: text(maxNameLength), doc: "The one resolver that is asked for the handler; left out, all are."},
		key{name: "initialization", is: free, instead: []string{"config", "configuration"}, doc: "Configuration for the handler."},
	)

	retryShape = object("retry", retryKeys(true)...)

	eventShape = object("event",
		key{name: "name", is: eventName(), required: true, doc: "Name of the event, such as order.paid."},
		key{name: "description", is: text(maxTextLength), doc: "What the event means."},
		key{name: "schema", is: schema, doc: "JSON Schema that the payload must meet."},
		key{name: "condition", is: oneOf(OnSuccess, OnFailure, OnRetryableFailure, OnPermanentFailure, Always), def: OnSuccess,
			doc: "The outcomes after which the event is published."},
		key{name: "delivery_mode", is: oneOf(DeliverDurable, DeliverFast, DeliverBroadcast), def: DeliverDurable,
			doc: "Through a queue that survives restarts, within the process, or both."},
		key{name: "publisher", is: text(maxTextLength).matching(publisherPattern, publisherExpects, codeBadPublisher),
			doc: "Code of yours that shapes the event."},
	)

	batchShape = object("batch_config",
		key{name: "batch_size", is: atLeast(1), def: DefaultBatchSize, doc: "How many items one batch holds."},
		key{name: "parallelism", is: atLeast(1), def: DefaultParallelism, doc: "How many batches run at a time."},
		key{name: "cursor_field", is: text(maxTextLength), def: DefaultCursorField, doc: "The field by which items are told apart."},
		key{name: "worker_template", is: text(maxStepNameLength), instead: []string{"worker_template_name"},
			doc: "The step of type batch_worker that the batches are made from."},
		key{name: "failure_strategy", is: oneOf(ContinueOnFailure, FailFast, Isolate), def: ContinueOnFailure,
			doc: "What a failed item means for its batch."},
	)

	environmentShape = object("environment",
		key{name: "steps", is: listOf(overrideShape), doc: "The steps to change."},
	)

	overrideShape = object("override",
		key{name: "name", is: text(maxStepNameLength), required: true, doc: "Name of the step to change, or ALL."},
		key{name: "handler", is: handlerOverrideShape, doc: "Changes to the handler's configuration."},
		key{name: "timeout_seconds", is: atLeast(1), doc: "How long one attempt may take."},
		key{name: "retry", is: object("retry", retryKeys(false)...), doc: "Changes to the retry; what is left out stays."},
	)

	handlerOverrideShape = object("handler",
		key{name: "initialization", is: free, doc: "Configuration to add or replace, key by key."},
	)
)

// retryKeys are the fields of a retry; in an override those left out have no default.
func retryKeys(defaults bool) []key {
	keys := []key{
		{name: "retryable", is: flag, def: true, doc: "Whether a failed attempt may be followed by another."},
		{name: "max_attempts", is: atLeast(0), def: DefaultMaxAttempts, instead: []string{"limit", "retry_limit", "max_retries", "attempts"},
			doc: "How many attempts there are at most; 0 and 1 both allow just the first."},
		{name: "backoff", is: oneOf(workflow.BackoffNone, workflow.BackoffLinear, workflow.BackoffExponential, workflow.BackoffFibonacci),
			def: workflow.BackoffExponential, doc: "How the delay between attempts grows."},
		{name: "backoff_base_ms", is: atLeast(1), def: DefaultBackoffBaseMS, doc: "The first delay, in milliseconds."},
		{name: "max_backoff_ms", is: atLeast(1), def: DefaultMaxBackoffMS, doc: "The longest delay, in milliseconds."},
		{name: "jitter", is: flag, def: true, doc: "Whether delays are spread, so that steps which failed together do not come back together."},
		{name: "max_crashes", is: atLeast(1), def: DefaultMaxCrashes, doc: "How many attempts may end with the loss of their worker."},
	}
	if !defaults {
		for i := range keys {
			keys[i].def = nil
		}
	}
	return keys
}
