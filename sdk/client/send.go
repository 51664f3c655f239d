package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/tasker-systems/tasker-go/sdk"
)

// maxRetryAfter is the longest Retry-After that is waited out; with a longer one the caller decides.
const maxRetryAfter = time.Minute

// call is one request, however often it is sent.
type call struct {
	method string
	path   string // escaped
	query  url.Values
	body   any
	// once: sending it again could do again what an earlier try did unseen.
	once bool
	// also lists statuses beside 2xx whose body is an answer.
	also int
	// tries counts how often it was sent.
	tries int
}

// do sends the request, again if need be, and decodes the answer into out.
func (c *Client) do(ctx context.Context, r *call, out any) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
	}
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval, delays.Multiplier = c.cfg.Backoff, 2
	id := sdk.NewUUID().String()
	for {
		r.tries++
		err := c.try(ctx, r, id, body, out)
		if err == nil {
			return nil
		}
		if r.tries > c.cfg.Retries || !again(r, err) || ctx.Err() != nil {
			return err
		}
		delay := delays.NextBackOff()
		if err.RetryAfter > 0 {
			delay = err.RetryAfter
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// again says whether a request that failed so may be sent once more.
func again(r *call, err *Error) bool {
	switch err.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return !r.once && err.RetryAfter <= maxRetryAfter
	case 0:
		return err.Code == CodeConnection && (!r.once || neverSent(err))
	}
	return false
}

// neverSent says whether the connection failed before a byte of the request left.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// try sends the request once.
func (c *Client) try(ctx context.Context, r *call, id string, body []byte, out any) *Error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	target := c.base.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(body))
	if err != nil {
		return &Error{Code: CodeBadAnswer, Message: err.Error(), Err: err}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "tasker-go")
	req.Header.Set("X-Request-ID", id)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.APIKey != "" {
		req.Header.Set("X-API-Key", c.cfg.APIKey)
	}
	resp, err := c.cfg.HTTPClient.Do(req)
	if err != nil {
		return &Error{Code: CodeConnection, Message: err.Error(), RequestID: id, Err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return &Error{Code: CodeConnection, Message: fmt.Sprintf("the answer broke off: %v", err), RequestID: id, Err: err}
	}
	return answer(r, resp, raw, out)
}

// answer decodes what the server sent.
func answer(r *call, resp *http.Response, raw []byte, out any) *Error {
	e := &Error{StatusCode: resp.StatusCode, RequestID: resp.Header.Get("X-Request-ID")}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	if resp.StatusCode/100 == 2 || r.also == resp.StatusCode {
		err := fmt.Errorf("it has more than %d bytes", maxAnswer)
		if len(raw) <= maxAnswer {
			err = json.Unmarshal(raw, out)
		}
		if err == nil {
			return nil
		}
		e.Code, e.Message, e.Err = CodeBadAnswer, fmt.Sprintf("%s %s: the answer is not understood: %v", r.method, r.path, err), err
		return e
	}
	var body ErrorResponse
	if err := json.Unmarshal(raw, &body); err != nil || body.Error.Code == "" {
		body.Error = ErrorDetail{CodeBadAnswer, fmt.Sprintf("%s %s: %s", r.method, r.path, http.StatusText(resp.StatusCode))}
		if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode/100 == 5 {
			body.Error.Code = CodeServiceUnavailable // something before the server answers in its stead
		}
	}
	e.Code, e.Message = body.Error.Code, body.Error.Message
	return e
}
