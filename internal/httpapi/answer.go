package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tasker-systems/tasker-go/sdk/client"
)

// handler answers a request with a body.
type handler func(w http.ResponseWriter, r *http.Request) (body any, err error)

// withStatus is a body that goes out with a status of its own.
type withStatus struct {
	status int
	body   any
}

func (a *api) answer(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := h(w, r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		status := http.StatusOK
		if s, ok := body.(withStatus); ok {
			status, body = s.status, s.body
		}
		if t, ok := body.(text); ok {
			w.Header().Set("Content-Type", t.kind)
			_, _ = w.Write([]byte(t.body)) // a client that is gone needs no answer
			return
		}
		if err := write(w, status, body); err != nil {
			a.fail(w, r, err)
		}
	})
}

// write sends a body as JSON. An error means that it could not be encoded, and that nothing was sent.
func write(w http.ResponseWriter, status int, body any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(body); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that is gone needs no answer
	return nil
}

func noRoute(_ http.ResponseWriter, r *http.Request) (any, error) {
	return nil, refuse(http.StatusNotFound, client.CodeNotFound, "there is no %s %s", r.Method, r.URL.Path)
}

func notAllowed(methods map[string]handler) handler {
	var allowed []string
	for m := range methods {
		allowed = append(allowed, m)
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return func(w http.ResponseWriter, r *http.Request) (any, error) {
		w.Header().Set("Allow", allow)
		return nil, refuse(http.StatusMethodNotAllowed, client.CodeMethodNotAllowed, "%s takes %s, not %s", r.URL.Path, allow, r.Method)
	}
}
