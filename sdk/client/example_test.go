package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/client"
)

// shop stands for a running server.
func shop(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		fmt.Fprint(w, `{"task_uuid":"0199c3e0-8f3a-7cc2-9a4e-0123456789ab","status":"steps_in_process"}`)
		return
	}
	if r.URL.Path != "/v1/tasks/0199c3e0-8f3a-7cc2-9a4e-0123456789ab" {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"code":"NOT_FOUND","message":"there is no such task"}}`)
		return
	}
	fmt.Fprint(w, `{"task_uuid":"0199c3e0-8f3a-7cc2-9a4e-0123456789ab","status":"complete","completed_steps":4,"total_steps":4}`)
}

// Make a task and wait for its end.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(shop))
	defer server.Close()

	c, err := client.New(client.Config{BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	task, err := c.CreateTask(ctx, sdk.TaskRequest{
		Namespace: "shop", Name: "order", Version: "1.0.0",
		Context:        json.RawMessage(`{"cart": 7}`),
		IdempotencyKey: "order-7", // a second call with this key finds the same task
	})
	if err != nil {
		log.Fatal(err)
	}
	task, err = c.WaitTask(ctx, task.TaskUUID, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d of %d steps\n", task.Status, task.CompletedSteps, task.TotalSteps)
	// Output: complete, 4 of 4 steps
}

// Tell what may succeed later from what will not.
func ExampleError_Recoverable() {
	server := httptest.NewServer(http.HandlerFunc(shop))
	defer server.Close()
	c, err := client.New(client.Config{BaseURL: server.URL})
	if err != nil {
		log.Fatal(err)
	}

	_, err = c.GetTask(context.Background(), sdk.UUID{})
	var failed *client.Error
	if errors.As(err, &failed) {
		fmt.Println(failed.Code, failed.Recoverable())
	}
	// Output: NOT_FOUND false
}
