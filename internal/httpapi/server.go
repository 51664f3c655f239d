package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server serves the API on an address.
type Server struct {
	cfg    Config
	http   *http.Server
	logger *slog.Logger
	addr   net.Addr
	failed chan error
}

// NewServer makes a server. It refuses an address that other machines can reach unless that is allowed, since requests are
// not authenticated.
func NewServer(d Deps) (*Server, error) {
	cfg := d.Config.withDefaults()
	host, _, err := net.SplitHostPort(cfg.BindAddress)
	if err != nil {
		return nil, fmt.Errorf("bind address %q is not like %s", cfg.BindAddress, DefaultBindAddress)
	}
	if !loopback(host) && !cfg.AllowUnauthenticated {
		return nil, fmt.Errorf("bind address %s can be reached from other machines, and requests are not authenticated: "+
			"bind to %s, or set web.insecure_allow_unauthenticated if something else guards the port", cfg.BindAddress, DefaultBindAddress)
	}
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	return &Server{
		cfg: cfg, logger: d.Logger, failed: make(chan error, 1),
		http: &http.Server{
			Handler:           New(d),
			ReadHeaderTimeout: 10 * time.Second,
			ReadTimeout:       cfg.RequestTimeout,
			WriteTimeout:      cfg.RequestTimeout + 10*time.Second, // the answer that time is up must still get out
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(d.Logger.Handler(), slog.LevelWarn),
		},
	}, nil
}

// Start listens, and serves until [Server.Shutdown].
func (s *Server) Start(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.BindAddress)
	if err != nil {
		return fmt.Errorf("serve the API on %s (web.bind_address sets another): %w", s.cfg.BindAddress, err)
	}
	s.addr = l.Addr()
	s.logger.InfoContext(ctx, "the API is served", "address", "http://"+s.addr.String())
	go s.serve(l)
	return nil
}

func (s *Server) serve(l net.Listener) {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		s.failed <- fmt.Errorf("serve the API on %s: %w", l.Addr(), err)
	}
}

// Addr is where the server listens once it is started; with port 0 the system chose the port.
func (s *Server) Addr() net.Addr { return s.addr }

// Failed receives the error if serving breaks off by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Shutdown takes no more requests and waits for those that run; when ctx is done first, they are cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("stop serving the API: %w", err), s.http.Close())
	}
	return nil
}
