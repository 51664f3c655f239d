package catalog

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// batchSizeKey is where an analyzer finds how many items a batch is to hold.
const batchSizeKey = "batch_size"

// tellBatchSizes puts the batch_size of batch_config, of a batchable step or else of its batch_worker, into the configuration
// of the analyzer, which makes the batches; what its initialization says itself comes first.
func (t *Template) tellBatchSizes() {
	for i := range t.Steps {
		def := t.Steps[i].Definition
		if def == nil || def.Type != template.BatchableStep {
			continue
		}
		size := batchSize(def)
		for j := range t.Steps {
			if child := t.Steps[j].Definition; size == 0 && child != nil && child.Type == template.BatchWorkerStep && slices.Contains(t.Steps[j].Parents, int32(i)) {
				size = batchSize(child)
			}
		}
		if _, own := def.Handler.Initialization[batchSizeKey]; own || size == 0 {
			continue
		}
		told := map[string]any{batchSizeKey: json.Number(strconv.Itoa(int(size)))}
		maps.Copy(told, def.Handler.Initialization)
		def.Handler.Initialization = told
	}
}

func batchSize(def *template.StepDefinition) int32 {
	if def.BatchConfig == nil {
		return 0
	}
	return def.BatchConfig.BatchSize
}
