package catalog_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/testdb"
)

func TestAnAnalyzerIsToldTheBatchSizeOfItsTemplate(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), testdb.New(t).DSN(), store.Options{})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	c := catalog.New(s, catalog.Config{})
	for name, tt := range map[string]struct {
		split, worker *template.BatchConfiguration
		own           map[string]any
		want          any
	}{
		"of its own":       {split: &template.BatchConfiguration{BatchSize: 20}, worker: &template.BatchConfiguration{BatchSize: 30}, want: json.Number("20")},
		"of its worker":    {worker: &template.BatchConfiguration{BatchSize: 30}, want: json.Number("30")},
		"of its handler":   {split: &template.BatchConfiguration{BatchSize: 20}, own: map[string]any{"batch_size": json.Number("7")}, want: json.Number("7")},
		"that nobody says": {want: nil},
	} {
		split, work := template.NewStep("split", "split"), template.NewStep("work", "work", "split")
		split.Type, work.Type, split.BatchConfig, work.BatchConfig = template.BatchableStep, template.BatchWorkerStep, tt.split, tt.worker
		if tt.own != nil {
			split.Handler.Initialization = tt.own
		}
		tmpl := template.New("n", "batched", "1.0.0", split, work)
		tmpl.Name = name
		got, err := c.Register(t.Context(), tmpl, false)
		require.NoError(t, err, name)
		no, ok := got.StepNumber("split")
		require.True(t, ok)
		require.Equal(t, tt.want, got.Steps[no].Definition.Handler.Initialization["batch_size"], name)
	}
}
