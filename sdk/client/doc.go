// Package client talks to a Tasker server over HTTP: it makes tasks, follows and cancels them, and reads templates.
//
//	c, err := client.New(client.Config{})
//	...
//	task, err := c.CreateTask(ctx, sdk.TaskRequest{
//		Namespace: "shop", Name: "order", Version: "1.0.0", Context: json.RawMessage(`{"cart": 7}`),
//	})
//	...
//	task, err = c.WaitTask(ctx, task.TaskUUID, 0)
//
// The types of the bodies are the wire contract of the API; the server writes them too.
package client
