// Package dispatch is the hot path within a process: a step that was claimed goes through the dispatch channel to the
// code that runs it ([HandlerDispatchService] for Go handlers), its result through the completion channel to
// [CompletionProcessorService], and only when that was accepted is the step's slot free again.
//
// It knows neither the database nor cgo: what accepts results is a [ResultSink], and other languages attach as another
// consumer of dispatch messages.
package dispatch
