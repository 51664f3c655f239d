package client

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultBaseURL is where a server listens unless it is told otherwise.
const DefaultBaseURL = "http://127.0.0.1:8080"

// Config tunes a [Client]; its zero value is ready to use.
type Config struct {
	// BaseURL is the server's address. Defaults to [DefaultBaseURL].
	BaseURL string
	// APIKey is sent as X-API-Key. Defaults to none.
	APIKey string
	// Timeout bounds each try of a request. Defaults to 30 seconds.
	Timeout time.Duration
	// Retries is how often a request is sent again when no answer came, or one that says "later" (429, 503). Below
	// zero there is none. Defaults to 3.
	Retries int
	// Backoff is the delay before the first retry; it grows with each further one, and a server's Retry-After takes
	// its place. Defaults to 200 ms.
	Backoff time.Duration
	// TemplateIdentity leaves requests without an idempotency key as they are, so that the template's identity strategy
	// says whether an equal request finds the earlier task. [Client.CreateTask] is then not sent again once the server
	// may have seen it.
	TemplateIdentity bool
	// HTTPClient sends the requests. It should not follow redirects, since they would carry the API key along. Defaults
	// to one of our own that does not.
	HTTPClient *http.Client
}

// Client talks to one server. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base *url.URL
}

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 256 << 20

// New makes a client. It fails only when the base URL is none; it does not connect.
func New(cfg Config) (*Client, error) {
	cfg.BaseURL = cmp.Or(cfg.BaseURL, DefaultBaseURL)
	cfg.Timeout = cmp.Or(cfg.Timeout, 30*time.Second)
	cfg.Retries = max(cmp.Or(cfg.Retries, 3), 0)
	cfg.Backoff = cmp.Or(cfg.Backoff, 200*time.Millisecond)
	base, err := url.Parse(strings.TrimRight(cfg.BaseURL, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("base URL %q is not like %s", cfg.BaseURL, DefaultBaseURL)
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Client{cfg: cfg, base: base}, nil
}
