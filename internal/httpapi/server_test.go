package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/sdk/client"
)

func TestAnAddressThatOthersReachIsRefused(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"": true, "127.0.0.1:0": true, "localhost:0": true, "[::1]:0": true, "127.1.2.3:0": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.2:80": false, "example.org:80": false,
	} {
		f := newFixture()
		f.deps.Config.BindAddress = address
		_, err := NewServer(f.deps)
		if ok {
			require.NoError(t, err, address)
			continue
		}
		require.ErrorContains(t, err, "can be reached from other machines")
		require.ErrorContains(t, err, "web.insecure_allow_unauthenticated")
		f.deps.Config.AllowUnauthenticated = true
		_, err = NewServer(f.deps)
		require.NoError(t, err, address)
	}
	f := newFixture()
	f.deps.Config.BindAddress = "8080"
	_, err := NewServer(f.deps)
	require.ErrorContains(t, err, `bind address "8080" is not like 127.0.0.1:8080`)
}

func startServer(t *testing.T, f *fixture) *Server {
	t.Helper()
	f.deps.Config.BindAddress = "127.0.0.1:0"
	s, err := NewServer(f.deps)
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	return s
}

func TestAServerServesUntilItIsShutDown(t *testing.T) {
	t.Parallel()
	s := startServer(t, newFixture())
	c, err := client.New(client.Config{BaseURL: "http://" + s.Addr().String(), Retries: -1})
	require.NoError(t, err)
	health, err := c.Health(t.Context())
	require.NoError(t, err)
	require.Equal(t, client.Healthy, health.Status)
	require.WithinDuration(t, time.Now(), health.Timestamp.Time, time.Minute)

	other := newFixture()
	other.deps.Config.BindAddress = s.Addr().String()
	taken, err := NewServer(other.deps)
	require.NoError(t, err)
	require.ErrorContains(t, taken.Start(t.Context()), "web.bind_address sets another")

	require.NoError(t, s.Shutdown(t.Context()))
	_, err = c.Health(t.Context())
	require.Error(t, err)
	require.Empty(t, s.Failed())
}

func TestShutdownLetsRequestsFinishOrCutsThemOff(t *testing.T) {
	t.Parallel()
	for name, patient := range map[string]bool{"finish": true, "cut off": false} {
		f := newFixture()
		begun, finish := make(chan struct{}), make(chan struct{})
		f.store.hook = func(ctx context.Context) {
			close(begun)
			select {
			case <-finish:
			case <-ctx.Done():
			}
		}
		s := startServer(t, f)
		c, err := client.New(client.Config{BaseURL: "http://" + s.Addr().String(), Retries: -1})
		require.NoError(t, err)
		answered := make(chan error, 1)
		go func() {
			_, err := c.GetTask(context.Background(), fakeTask)
			answered <- err
		}()
		<-begun
		ctx, cancel := context.WithCancel(t.Context())
		if patient {
			close(finish)
		} else {
			cancel()
		}
		err = s.Shutdown(ctx)
		require.Equal(t, patient, err == nil, name)
		require.Equal(t, patient, <-answered == nil, name)
		cancel()
	}
}

func TestServingThatBreaksOffIsReported(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.deps.Config.BindAddress = "127.0.0.1:0"
	s, err := NewServer(f.deps)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	s.serve(l)
	require.ErrorContains(t, <-s.Failed(), "serve the API on")
}

func TestAnEndlessHeaderIsCutOff(t *testing.T) {
	t.Parallel()
	s := startServer(t, newFixture())
	defer s.Shutdown(context.Background())
	conn, err := net.Dial("tcp", s.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET /health HTTP/1.1\r\nHost: localhost\r\n")
	for range 200 {
		if _, err := fmt.Fprintf(conn, "X-Filler: %01000d\r\n", 0); err != nil {
			break
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil { // the connection may be reset before the answer is read
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, resp.StatusCode)
	}
}
