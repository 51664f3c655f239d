// Package config loads the settings of a Tasker process. None are needed: every key has a default, and TOML files,
// environment variables and flags layer over it.
//
// The [Config] struct is the set of keys. Its tags carry all there is to know about one: TOML name, default, named
// environment variables, bounds and meaning. The loader, `tasker config show`, docs/config.md and the hints for unknown
// keys all read those tags, so a key cannot exist in one of them only.
//
// The package touches neither the process environment nor the working directory unless [Options] says so.
package config

import "time"

// Config is the whole configuration. A name of a key is the path of its `toml` tags; times are kept as
// [time.Duration] and written in TOML as whole numbers in the unit that ends the key's name (_ms, _seconds, _minutes, _hours or _days).
type Config struct {
	Environment   string        `toml:"environment" default:"development" env:"TASKER_ENV" doc:"Name of this deployment; selects the folder config/tasker/environments/NAME."`
	Database      Database      `toml:"database" doc:"The PostgreSQL database that holds all state."`
	Worker        Worker        `toml:"worker" doc:"Running step handlers in this process."`
	Orchestration Orchestration `toml:"orchestration" doc:"Turning step results into the next steps."`
	Queues        Queues        `toml:"queues" doc:"How processes hear of ready steps, results and requests."`
	DLQ           DLQ           `toml:"dlq" doc:"Dead letters: tasks that need somebody to look at them."`
	Retention     Retention     `toml:"retention" doc:"Removing what ended long ago."`
	Backoff       Backoff       `toml:"backoff" doc:"Delay before a failed step runs again, beside what its template says."`
	TaskTemplates TaskTemplates `toml:"task_templates" doc:"Where task templates (YAML) are found."`
	Web           Web           `toml:"web" doc:"The HTTP API."`
	Limits        Limits        `toml:"limits" doc:"Sizes beyond which data from outside is refused."`
	Telemetry     Telemetry     `toml:"telemetry" doc:"What the process says about itself."`
	Shutdown      Shutdown      `toml:"shutdown" doc:"Stopping the process."`
}

// Database says how to reach PostgreSQL. An empty URL means the private server that Tasker runs itself.
type Database struct {
	URL              Secret        `toml:"url" env:"DATABASE_URL" doc:"Connection string. Empty: Tasker starts a private PostgreSQL server of its own."`
	DataDir          string        `toml:"data_dir" env:"TASKER_DATA_DIR" doc:"Folder of the private server. Empty: $XDG_DATA_HOME/tasker/pg, or /var/lib/tasker/pg for root."`
	Pooler           string        `toml:"pooler" default:"session" oneof:"session,transaction" doc:"Kind of connection seen from here: transaction for a pooler such as PgBouncer in transaction mode, which rules out LISTEN and named prepared statements; otherwise session."`
	StatementTimeout time.Duration `toml:"statement_timeout_ms" default:"5000" min:"100" doc:"Longest time one SQL statement may run."`
	LockTimeout      time.Duration `toml:"lock_timeout_ms" default:"2000" min:"10" doc:"Longest time one SQL statement may wait for a lock."`
	Pool             Pool          `toml:"pool" doc:"Connections kept by this process."`
}

// Pool bounds the database connections of one process.
type Pool struct {
	MaxConnections int           `toml:"max_connections" default:"25" min:"2" max:"10000" doc:"Most connections open at once."`
	MinConnections int           `toml:"min_connections" default:"5" max:"10000" doc:"Connections kept open when idle."`
	IdleTimeout    time.Duration `toml:"idle_timeout_seconds" default:"300" min:"1" doc:"An idle connection is closed after this time."`
	MaxLifetime    time.Duration `toml:"max_lifetime_seconds" default:"1800" min:"1" doc:"A connection is replaced after this time."`
}

// Worker tunes claiming, running and completing steps.
type Worker struct {
	ID                  string          `toml:"worker_id" env:"TASKER_WORKER_ID,TASKER_INSTANCE_ID" doc:"Name of this worker in leases, logs and metrics. Empty: one is made up at start."`
	Namespaces          []string        `toml:"namespaces" doc:"Namespaces whose steps this worker claims. Empty: all."`
	Lease               time.Duration   `toml:"lease_ms" default:"15000" min:"500" doc:"How long a claimed step stays with a worker that no longer sends heartbeats. A killed worker's steps run again after this time."`
	PollInterval        time.Duration   `toml:"poll_interval_ms" default:"1000" min:"10" doc:"Longest time a ready step stays unseen if its notification is lost."`
	UnknownHandlerGrace time.Duration   `toml:"unknown_handler_grace_ms" default:"5000" doc:"How long a step whose handler this worker does not know is left for other workers before it fails."`
	ShutdownGrace       time.Duration   `toml:"shutdown_grace_ms" default:"30000" doc:"How long running handlers may finish when the process is told to stop; what still runs then is cancelled and given back."`
	MpscChannels        MpscChannels    `toml:"mpsc_channels" doc:"Bounded channels between claiming, handlers and completion."`
	Web                 WorkerWeb       `toml:"web" doc:"The worker's own HTTP API: its health, what it counts, and its templates."`
	CircuitBreakers     CircuitBreakers `toml:"circuit_breakers" doc:"Breakers that stop a failing path from being tried over and over."`
}

// WorkerWeb tunes the worker's own HTTP API.
type WorkerWeb struct {
	BindAddress string `toml:"bind_address" env:"TASKER_WORKER_BIND" doc:"Host and port to listen on, such as 127.0.0.1:8081; port 0 picks a free one. Empty: it is not served. web.insecure_allow_unauthenticated permits an address that other machines can reach."`
}

// MpscChannels holds the settings of the two dispatch paths.
type MpscChannels struct {
	HandlerDispatch HandlerDispatch `toml:"handler_dispatch" doc:"Handlers written in Go."`
	FfiDispatch     FfiDispatch     `toml:"ffi_dispatch" doc:"Handlers in a host language (Python, Ruby), which polls for steps."`
}

// HandlerDispatch tunes the handlers that run as goroutines of this process.
type HandlerDispatch struct {
	DispatchBufferSize    int           `toml:"dispatch_buffer_size" default:"1000" min:"1" max:"1000000" doc:"Claimed steps that may wait for a handler."`
	CompletionBufferSize  int           `toml:"completion_buffer_size" default:"1000" min:"1" max:"1000000" doc:"Results that may wait to be stored."`
	MaxConcurrentHandlers int           `toml:"max_concurrent_handlers" default:"10" min:"1" max:"100000" doc:"Slots: steps this process runs at once. Nothing is claimed without a free slot."`
	HandlerTimeout        time.Duration `toml:"handler_timeout_ms" default:"30000" min:"1" doc:"Longest run of one attempt, unless the template sets timeout_seconds. The step then fails as retryable."`
}

// FfiDispatch tunes the channel that Python and Ruby handlers poll.
type FfiDispatch struct {
	DispatchBufferSize         int           `toml:"dispatch_buffer_size" default:"1000" min:"1" max:"1000000" doc:"Claimed steps that may wait to be polled."`
	CompletionTimeout          time.Duration `toml:"completion_timeout_ms" default:"30000" min:"1" doc:"Longest time between handing out a step and its completion, unless the template sets timeout_seconds. The step then fails as retryable."`
	StarvationWarningThreshold time.Duration `toml:"starvation_warning_threshold_ms" default:"10000" min:"1" doc:"A step that waits longer than this to be polled is reported as starving."`
	CheckpointTimeout          time.Duration `toml:"checkpoint_timeout_ms" default:"10000" min:"1" doc:"Longest time for storing a checkpoint."`
}

// CircuitBreakers holds one breaker for each guarded path.
type CircuitBreakers struct {
	FfiCompletionSend CircuitBreaker `toml:"ffi_completion_send" doc:"Guards completion calls from the host language."`
}

// CircuitBreaker opens after consecutive failures and closes again after successes.
type CircuitBreaker struct {
	FailureThreshold  int           `toml:"failure_threshold" default:"5" min:"1" max:"1000000" doc:"Failures in a row that open the breaker."`
	RecoveryTimeout   time.Duration `toml:"recovery_timeout_seconds" default:"5" min:"1" doc:"How long an open breaker refuses before it lets one call try again."`
	SuccessThreshold  int           `toml:"success_threshold" default:"2" min:"1" max:"1000000" doc:"Successes in a row that close it again."`
	SlowSendThreshold time.Duration `toml:"slow_send_threshold_ms" default:"100" min:"1" doc:"A send slower than this counts as a failure."`
}

// Orchestration tunes result processing and its timers.
type Orchestration struct {
	Mode          string        `toml:"mode" default:"inline" oneof:"inline,queue" doc:"Who processes results: inline, the process that has them; queue, a server that takes them from the results queue."`
	Shards        int           `toml:"shards" default:"2" min:"1" max:"64" doc:"Batches of results that this process may store at the same time. A task always belongs to the same shard."`
	BatchSize     int           `toml:"batch_size" default:"500" min:"1" max:"10000" doc:"Most results stored in one transaction."`
	ReapInterval  time.Duration `toml:"reap_interval_ms" default:"500" min:"10" doc:"Time between searches for expired leases."`
	TimerInterval time.Duration `toml:"timer_interval_ms" default:"1000" min:"10" doc:"Longest time a due retry or delayed step stays unseen if its timer is lost."`

	BlockedByFailures string `toml:"blocked_by_failures" default:"rest" oneof:"rest,error" doc:"What becomes of a task with a step that has failed for good, once no other step of it can move: rest, it stays blocked_by_failures until somebody acts; error, it ends in state error."`

	DecisionPoints DecisionPoints `toml:"decision_points" doc:"What one task may grow to by its decisions. A decision that asks for more fails for good."`
}

// DecisionPoints bound the growth of tasks.
type DecisionPoints struct {
	MaxSteps int `toml:"max_steps_per_decision" default:"100" min:"1" max:"10000" doc:"Steps that one decision may create, with all that follow from them."`
	MaxDepth int `toml:"max_depth" default:"20" min:"1" max:"1000" doc:"Decisions that may follow each other."`
}

// Queues chooses the transport and tunes it.
type Queues struct {
	Backend           string        `toml:"backend" default:"postgres" env:"TASKER_MESSAGING_BACKEND" oneof:"postgres,pgmq" doc:"The transport: postgres, the rows of ready steps are the queue; pgmq, messages of pgmq tell of them, for programs that read its queues. It is the same for all processes of a database."`
	VisibilityTimeout time.Duration `toml:"default_visibility_timeout_seconds" default:"30" min:"1" doc:"How long a message of pgmq that was read is not given to another reader."`
	MaxReads          int           `toml:"max_read_count" default:"5" min:"1" max:"1000" doc:"How often a message of pgmq is read in vain before it is archived."`
	Pgmq              PgmqQueues    `toml:"pgmq" doc:"Looking into the queues of pgmq."`
}

// PgmqQueues tunes the loops that read queues of pgmq.
type PgmqQueues struct {
	PollInterval   time.Duration `toml:"poll_interval_ms" default:"500" min:"10" doc:"Longest time that a result or a request stays unseen if its notification is lost."`
	ResendInterval time.Duration `toml:"resend_interval_ms" default:"5000" min:"10" doc:"Time between searches for lost messages. A message is lost when its step or result has waited as long and there is none."`
}

// DLQ tunes the ledger of tasks that need somebody to look at them.
type DLQ struct {
	Enabled            bool               `toml:"enabled" default:"true" doc:"Enter tasks that are blocked by failures among the dead letters."`
	StalenessDetection StalenessDetection `toml:"staleness_detection" doc:"Finding tasks that have not moved for too long."`
}

// StalenessDetection tunes the search for tasks that have not moved for too long.
type StalenessDetection struct {
	Enabled    bool                `toml:"enabled" default:"true" doc:"Search for stale tasks."`
	Interval   time.Duration       `toml:"detection_interval_seconds" default:"300" min:"1" doc:"Time between searches."`
	BatchSize  int                 `toml:"batch_size" default:"100" min:"1" max:"10000" doc:"Most tasks that one search acts on."`
	DryRun     bool                `toml:"dry_run" default:"false" doc:"Only log what would be done."`
	Thresholds StalenessThresholds `toml:"thresholds" doc:"When a task is stale, unless the lifecycle of its template says otherwise."`
}

// StalenessThresholds say when a task is stale.
type StalenessThresholds struct {
	WaitingForDependencies time.Duration `toml:"waiting_for_dependencies_minutes" default:"60" min:"1" doc:"Longest time that a task may wait for a worker. It is then reported, not failed."`
	WaitingForRetry        time.Duration `toml:"waiting_for_retry_minutes" default:"30" min:"1" doc:"Longest time that a task may stay after the time of its retry has come."`
	StepsInProcess         time.Duration `toml:"steps_in_process_minutes" default:"30" min:"1" doc:"Longest time that a task may run steps without one of them ending or saving a checkpoint."`
	TaskMaxLifetime        time.Duration `toml:"task_max_lifetime_hours" default:"24" min:"1" doc:"Longest time from a task's start to its end."`
}

// Retention tunes the removal of what ended long ago.
type Retention struct {
	Enabled       bool          `toml:"enabled" default:"false" doc:"Remove old data."`
	Interval      time.Duration `toml:"interval_seconds" default:"3600" min:"1" doc:"Time between rounds."`
	BatchSize     int           `toml:"batch_size" default:"500" min:"1" max:"10000" doc:"Most tasks, events or messages that one statement removes."`
	FinishedTasks time.Duration `toml:"finished_tasks_days" default:"30" doc:"Tasks that ended longer ago are removed, with their steps, results and transitions. 0 keeps them."`
	DomainEvents  time.Duration `toml:"domain_events_days" default:"30" doc:"Domain events that were published longer ago are removed. 0 keeps them."`
	Archives      time.Duration `toml:"archives_days" default:"30" doc:"Archived queue messages, stopped workers and replaced templates that no task needs are removed when they are older. 0 keeps them."`
}

// Backoff bounds and spreads the delays of retries; kind, base and bound of a step's delays are in its template.
type Backoff struct {
	MaxBackoff          time.Duration `toml:"max_backoff_seconds" default:"3600" min:"1" doc:"Longest delay that a server or a handler can ask for."`
	Multiplier          float64       `toml:"multiplier" default:"2.0" min:"1" max:"100" doc:"With exponential backoff, each further retry waits this many times longer."`
	JitterEnabled       bool          `toml:"jitter_enabled" default:"true" doc:"Spread retries, so that steps that failed together do not come back together."`
	JitterMaxPercentage float64       `toml:"jitter_max_percentage" default:"0.15" max:"1" doc:"Most a delay is moved up or down, as a fraction of it."`
}

// TaskTemplates says where templates are.
type TaskTemplates struct {
	SearchPaths []string `toml:"search_paths" default:"config/tasks" env:"TASKER_TEMPLATE_PATH" doc:"Folders, searched with all below them for .yaml and .yml files, or glob patterns."`
}

// Web tunes the HTTP API.
type Web struct {
	Enabled                      bool          `toml:"enabled" default:"true" doc:"Serve the API."`
	BindAddress                  string        `toml:"bind_address" default:"127.0.0.1:8080" env:"TASKER_BIND" doc:"Host and port to listen on."`
	InsecureAllowUnauthenticated bool          `toml:"insecure_allow_unauthenticated" default:"false" doc:"Permit a bind_address that other machines can reach. Requests are not authenticated, so something else has to guard the port."`
	RequestTimeout               time.Duration `toml:"request_timeout_ms" default:"30000" min:"1" doc:"Longest time for answering one request."`
	MaxBodyBytes                 int           `toml:"max_body_bytes" default:"1048576" min:"1024" max:"1073741824" doc:"Largest request body, in bytes."`
	ConfigEndpoint               bool          `toml:"config_endpoint" default:"true" doc:"Show the configuration, without its secrets, at /config: here and in the worker's own API."`
}

// Limits bounds task contexts and step results.
type Limits struct {
	MaxContextBytes int `toml:"max_context_bytes" default:"1048576" min:"1024" max:"16777216" doc:"Largest task context, in bytes of JSON."`
	MaxResultBytes  int `toml:"max_result_bytes" default:"1048576" min:"1024" max:"16777216" doc:"Largest step result, in bytes of JSON."`
	MaxJSONDepth    int `toml:"max_json_depth" default:"64" min:"1" max:"1000" doc:"Deepest nesting of JSON."`
	MaxJSONKeys     int `toml:"max_json_keys" default:"10000" min:"1" max:"10000000" doc:"Most object keys in one JSON document."`
}

// Telemetry tunes logging.
type Telemetry struct {
	LogLevel  string `toml:"log_level" default:"info" oneof:"trace,debug,info,warn,error" env:"TASKER_LOG,RUST_LOG" doc:"Least severe level that is logged. Of RUST_LOG only a level without a target counts, such as the info in info,sqlx=warn."`
	LogFormat string `toml:"log_format" default:"auto" oneof:"auto,text,json" doc:"Form of log lines; auto is text on a terminal and json elsewhere."`
}

// Shutdown bounds the end of the process.
type Shutdown struct {
	Timeout time.Duration `toml:"timeout_ms" default:"30000" min:"1" doc:"How long the rest may take to stop once worker.shutdown_grace_ms is over; the process then exits with code 1."`
}
