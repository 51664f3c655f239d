package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/tasker-systems/tasker-go/internal/nearest"
	"github.com/tasker-systems/tasker-go/internal/payload"
	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// readBody reads a JSON body within the limits.
func (a *api) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if kind := r.Header.Get("Content-Type"); kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			return nil, refuse(http.StatusUnsupportedMediaType, client.CodeBadRequest, "the body must be JSON, sent with Content-Type: application/json, not %s", kind)
		}
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(a.Config.Body.MaxBytes)))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, refuse(http.StatusRequestEntityTooLarge, client.CodePayloadTooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	case err != nil && r.Context().Err() == nil:
		return nil, refuse(http.StatusBadRequest, client.CodeBadRequest, "the body could not be read to its end")
	case err != nil:
		return nil, err
	}
	limits := a.Config.Body
	limits.MaxDepth++ // the request holds the context, whose own limits are checked with it
	limits.MaxKeys += requestFields
	if err := payload.Check(raw, limits); err != nil {
		return nil, refuse(http.StatusBadRequest, client.CodeJSONError, "%v", err)
	}
	return raw, nil
}

// requestFields is the number of fields of a task request.
const requestFields = 15

// What a request that does not say is taken to come from.
const (
	defaultInitiator    = "system"
	defaultSourceSystem = "tasker-core"
	defaultReason       = "Task requested"
)

// decodeTaskRequest reads a task request strictly, and names everything that is wrong with it.
func decodeTaskRequest(raw []byte) (sdk.TaskRequest, error) {
	var r sdk.TaskRequest
	var body map[string]json.RawMessage
	if err := json.Unmarshal(raw, &body); err != nil || body == nil {
		return r, refuse(http.StatusBadRequest, client.CodeJSONError, "a task request is a JSON object")
	}
	fields := map[string]any{
		"name": &r.Name, "namespace": &r.Namespace, "version": &r.Version, "context": &r.Context,
		"initiator": &r.Initiator, "source_system": &r.SourceSystem, "reason": &r.Reason, "tags": &r.Tags,
		"requested_at": &r.RequestedAt, "run_at": &r.RunAt, "options": &r.Options, "priority": &r.Priority, "correlation_id": &r.CorrelationID,
		"parent_correlation_id": &r.ParentCorrelationID, "idempotency_key": &r.IdempotencyKey,
	}
	known := slices.Sorted(maps.Keys(fields))
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(body)) {
		field, ok := fields[name]
		if !ok {
			problems = append(problems, unknownField(name, known))
		} else if err := json.Unmarshal(body[name], field); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %s", name, misfit(err)))
		}
	}
	for _, name := range []string{"name", "namespace", "version", "context"} {
		if _, ok := body[name]; !ok {
			problems = append(problems, name+" is required")
		}
	}
	if len(problems) > 0 {
		return r, refuse(http.StatusBadRequest, client.CodeBadRequest, "%s", strings.Join(problems, "; "))
	}
	orDefault(&r.Initiator, defaultInitiator)
	orDefault(&r.SourceSystem, defaultSourceSystem)
	orDefault(&r.Reason, defaultReason)
	return r, nil
}

func unknownField(name string, known []string) string {
	if near := nearest.Word(name, known); near != "" {
		return fmt.Sprintf("unknown field %q, did you mean %q?", name, near)
	}
	return fmt.Sprintf("unknown field %q; a task request has %s", name, strings.Join(known, ", "))
}

// misfit says why a value does not fit its field, without the words of our own types.
func misfit(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	return fmt.Sprintf("%s where %s is expected", wrong.Value, kinds[wrong.Type.Kind()])
}

// kinds are what people call the kinds of our fields.
var kinds = map[reflect.Kind]string{
	reflect.String: "a string", reflect.Int32: "an integer", reflect.Slice: "a list", reflect.Map: "an object",
}

func orDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// pathUUID reads a UUID out of the path.
func pathUUID(r *http.Request, what string) (sdk.UUID, error) {
	text := r.PathValue(what)
	id, err := sdk.ParseUUID(text)
	if err != nil || len(text) != 36 {
		return id, refuse(http.StatusBadRequest, client.CodeInvalidUUID, "%s %q is not a UUID", what, text)
	}
	return id, nil
}
