package bench

import (
	"encoding/json"
	"os/exec"

	"github.com/tasker-systems/tasker-go/internal/config"
)

// Host runs the steps in another language, to be compared with Go.
type Host struct {
	// Name is the language's, as in "python".
	Name string
	// Command starts its worker. It reads a [hostSetup] as one line of JSON, writes {"Ready":true} as another, and ends with
	// its input.
	Command func() *exec.Cmd
}

// hostSetup says all that such a worker needs to know, so that there is little to write in each language.
type hostSetup struct {
	// Settings are keys of the configuration.
	Settings map[string]any `json:"settings"`
	// Handlers are the names to serve; each step succeeds with Result at once.
	Handlers []string        `json:"handlers"`
	Result   json.RawMessage `json:"result"`
}

func newHostSetup(cfg *config.Config, language string, payload int) hostSetup {
	return hostSetup{
		Settings: map[string]any{
			"database.url":                  cfg.Database.URL.Reveal(),
			"database.pool.max_connections": cfg.Database.Pool.MaxConnections,
			"worker.namespaces":             cfg.Worker.Namespaces,
			"worker.mpsc_channels.handler_dispatch.max_concurrent_handlers":     cfg.Worker.MpscChannels.HandlerDispatch.MaxConcurrentHandlers,
			"worker.mpsc_channels.ffi_dispatch.completion_timeout_ms":           cfg.Worker.MpscChannels.HandlerDispatch.HandlerTimeout.Milliseconds(),
			"worker.mpsc_channels.ffi_dispatch.starvation_warning_threshold_ms": cfg.Worker.MpscChannels.HandlerDispatch.HandlerTimeout.Milliseconds(),
			"telemetry.log_level": "error",
		},
		Handlers: []string{handlerOf(language, stepHandler), handlerOf(language, lastHandler)},
		Result:   resultOf(payload),
	}
}

// handlerOf is the name of a handler in a language; workers take only the steps whose handlers they have.
func handlerOf(language, handler string) string {
	if language == "" {
		return handler
	}
	return handler + "_" + language
}
