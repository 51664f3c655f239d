package template

import "fmt"

// checkTypes checks that steps of each type have the neighbours that their type needs.
func (r *report) checkTypes(t *TaskTemplate) {
	types := make(map[string]StepType, len(t.Steps))
	served := map[string]bool{} // batchable steps with a batch_worker
	var workers []string
	for _, s := range t.Steps {
		types[s.Name] = s.Type
		if s.Type == BatchWorkerStep {
			workers = append(workers, s.Name)
			for _, parent := range s.Dependencies {
				served[parent] = true
			}
		}
	}
	for i, s := range t.Steps {
		name := quote(s.Name)
		waitsForBatches, waitsForSplit := false, false
		for d, parent := range s.Dependencies {
			switch types[parent] {
			case BatchableStep:
				waitsForSplit = true
			case BatchWorkerStep:
				waitsForBatches = true
				if s.Type != DeferredConvergenceStep {
					r.at(codeWorkerChild, "make its type deferred_convergence",
						fmt.Sprintf("step %s is of type %s but waits for the batches of %s", name, s.Type, quote(parent)), "steps", i, "dependencies", d)
				}
			}
		}
		switch {
		case len(s.Dependencies) == 0 && s.Type == DecisionStep:
			r.at(codeNoDependency, "name the step whose result it decides upon",
				fmt.Sprintf("decision %s depends on no step", name), "steps", i, "dependencies")
		case len(s.Dependencies) == 0 && s.Type == DeferredConvergenceStep:
			r.at(codeNoDependency, "name the steps that it brings together",
				fmt.Sprintf("convergence %s depends on no step", name), "steps", i, "dependencies")
		case s.Type == BatchableStep && s.WorkerTemplate() == "" && !served[s.Name]:
			r.at(codeNoBatchWorker, "add a step of type batch_worker that depends on it",
				fmt.Sprintf("batchable step %s has no batch_worker", name), "steps", i)
		case s.Type == BatchWorkerStep && !waitsForSplit && !waitsForBatches:
			r.at(codeWorkerNoBatches, "name the step that makes its batches",
				fmt.Sprintf("batch_worker %s depends on no batchable step", name), "steps", i, "dependencies")
		}
		r.checkWorkerTemplate(i, s, types, workers)
	}
}

// WorkerTemplate is the batch_worker that a batchable step names, in its handler's configuration or its own; "" if none.
func (s *StepDefinition) WorkerTemplate() string {
	if name, _ := s.Handler.Initialization["worker_template_name"].(string); name != "" {
		return name
	}
	if s.BatchConfig != nil {
		return s.BatchConfig.WorkerTemplate
	}
	return ""
}

// checkWorkerTemplate checks that what a step names as its batch_worker is one.
func (r *report) checkWorkerTemplate(step int, s StepDefinition, types map[string]StepType, workers []string) {
	named := func(name string, path ...any) {
		if name != "" && types[name] != BatchWorkerStep {
			r.at(codeNotBatchWorker, r.suggest(name, workers),
				fmt.Sprintf("%s, the worker template of step %s, is no step of type batch_worker", quote(name), quote(s.Name)), path...)
		}
	}
	if s.Type == BatchableStep {
		name, _ := s.Handler.Initialization["worker_template_name"].(string)
		named(name, "steps", step, "handler", "initialization", "worker_template_name")
	}
	if s.BatchConfig != nil {
		named(s.BatchConfig.WorkerTemplate, "steps", step, "batch_config", "worker_template")
	}
}
