// Package template turns task templates, the YAML files that declare workflows, into checked values, and those into the
// numbered plan that the engine runs.
//
// [Parse] reads a file and reports all its problems at once, each with its place, a snippet and what was probably meant.
// [Validate] checks a template that was built in Go or came from a database just as thoroughly. One table, in keys.go,
// says which fields there are and what they may hold; the parser, the suggestions and [JSONSchema] all read it.
//
// Names and JSON shapes are those of upstream's templates, so that its files and stored configurations are ours. The
// fields identity_strategy, retry.jitter and retry.max_crashes are additions; they are written only where they differ
// from their defaults. The package reads no clock and no database.
package template
