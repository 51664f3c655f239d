package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/tasker-systems/tasker-go/sdk"
	"github.com/tasker-systems/tasker-go/sdk/worker"
)

type item struct {
	Price    int `json:"price"`
	Quantity int `json:"quantity"`
}

type total struct {
	Cents int `json:"cents"`
}

func shopHandlers() *sdk.Registry {
	handlers := sdk.NewRegistry()
	handlers.Register("shop.price", sdk.Typed(func(_ context.Context, in item, _ *sdk.StepContext) (total, error) {
		if in.Quantity <= 0 {
			return total{}, sdk.Permanentf("the quantity is %d", in.Quantity)
		}
		return total{in.Price * in.Quantity}, nil
	}))
	handlers.RegisterFunc("shop.charge", func(ctx context.Context, step *sdk.StepContext) (sdk.StepResult, error) {
		price, err := sdk.Dependency[total](ctx, step, "price")
		if err != nil {
			return sdk.StepResult{}, err
		}
		fmt.Println("charged", price.Cents)
		return sdk.Success(map[string]int{"charged": price.Cents}), nil
	})
	return handlers
}

// A program that makes tasks and runs their steps itself. Without a database it starts a private one.
func Example() {
	dir, done := privateDir()
	defer done()
	ctx := context.Background()

	w, err := worker.Start(ctx, shopHandlers(), worker.Options{
		DataDir: dir, Templates: []string{"testdata/shop.yaml"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	id, _, err := w.CreateTask(ctx, sdk.TaskRequest{
		Namespace: "shop", Name: "order", Version: "1.0.0", Context: json.RawMessage(`{"price": 250, "quantity": 3}`),
	})
	if err != nil {
		log.Fatal(err)
	}
	state, err := w.WaitTask(ctx, id)
	fmt.Println(state, err)
	fmt.Println(w.Stop(ctx))
	// Output:
	// charged 750
	// complete <nil>
	// <nil>
}

// A worker runs until it is told to stop, and then lets its handlers finish.
func ExampleRun() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := worker.Run(ctx, shopHandlers(), worker.Options{Templates: []string{"testdata"}, Concurrency: 50}); err != nil {
		log.Fatal(err)
	}
}

// privateDir is a folder for a private PostgreSQL, which is gone afterwards. It is open to the user whom root runs
// PostgreSQL as.
func privateDir() (dir string, done func()) {
	if err := os.Unsetenv("DATABASE_URL"); err != nil {
		log.Fatal(err)
	}
	base, err := os.MkdirTemp("", "tasker-example-")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Chmod(base, 0o711); err != nil {
		log.Fatal(err)
	}
	return filepath.Join(base, "pg"), func() { _ = os.RemoveAll(base) }
}
