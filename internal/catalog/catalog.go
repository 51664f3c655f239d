// Package catalog holds the templates of the database as the engine runs them: numbered, decoded and with their
// policies worked out. Content under a template's id never changes, so what was read once stays.
package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/internal/store"
	"github.com/tasker-systems/tasker-go/internal/template"
	"github.com/tasker-systems/tasker-go/internal/workflow"
)

// Config is what the configuration adds to templates; the zero value is ready to use.
type Config struct {
	// Environment picks the overrides of templates. Defaults to none.
	Environment string
	// Multiplier is by how much an exponential backoff grows. Defaults to 2.
	Multiplier float64
	// Jitter is the share by which delays are spread; see [workflow.Backoff].
	Jitter float64
	// MaxDelay bounds the delays that servers ask for. Defaults to one hour.
	MaxDelay time.Duration
	// Growth bounds what tasks may grow to.
	Growth workflow.GrowthLimits
}

// Catalog is a cache of templates over the store. It is safe for concurrent use.
type Catalog struct {
	cfg   Config
	store *store.Store

	mu      sync.RWMutex
	byID    map[int32]*Template
	current map[name]currentTemplate
	loaded  time.Time // the first template

	counters counters
}

type name struct{ namespace, name, version string }

// currentTemplate may be superseded by another process: it is looked up again after its time, or when a notice comes.
type currentTemplate struct {
	*Template
	until time.Time
}

const currentFor = 5 * time.Second

// New returns an empty catalog.
func New(s *store.Store, cfg Config) *Catalog {
	if cfg.MaxDelay <= 0 {
		cfg.MaxDelay = time.Hour
	}
	return &Catalog{cfg: cfg, store: s, byID: map[int32]*Template{}, current: map[name]currentTemplate{}}
}

// Template is a registered template, ready to run by.
type Template struct {
	ID                       int32
	Namespace, Name, Version string
	IdentityStrategy         template.IdentityStrategy
	Definition               *template.TaskTemplate
	// Steps by number.
	Steps []Step
	// Roots is how many steps start at once.
	Roots int
	// Blueprint is how tasks grow; nil if all of their steps are there from the start.
	Blueprint *workflow.Blueprint
	numbers   map[string]int32
	input     *template.Schema
}

// Step is a numbered step of a template.
type Step struct {
	No         int32
	Definition *template.StepDefinition
	// Method is "" for the default one.
	Method, Resolver string
	Timeout          time.Duration
	Policy           workflow.RetryPolicy
	Parents          []int32
	// FanOut is how many steps wait for this one.
	FanOut int
	result *template.Schema
}

// StepNumber finds a step by its name.
func (t *Template) StepNumber(step string) (int32, bool) {
	no, ok := t.numbers[step]
	return no, ok
}

// Upstream returns a test for steps that lie anywhere before step no.
func (t *Template) Upstream(no int32) func(step int32) bool {
	var all map[int32]bool
	return func(step int32) bool {
		if parents := t.Step(no).Parents; len(parents) <= fewParents && slices.Contains(parents, step) {
			return true
		}
		if all == nil {
			all = t.ancestors(no)
		}
		return all[step]
	}
}

// fewParents are searched one by one.
const fewParents = 8

func (t *Template) ancestors(no int32) map[int32]bool {
	all, next := map[int32]bool{}, []int32{no}
	for len(next) > 0 {
		at := next[len(next)-1]
		next = next[:len(next)-1]
		for _, p := range t.Step(at).Parents {
			if !all[p] {
				all[p] = true
				next = append(next, p)
			}
		}
	}
	return all
}

// ByID finds the template that a task runs by.
func (c *Catalog) ByID(ctx context.Context, id int32) (*Template, error) {
	c.mu.RLock()
	t := c.byID[id]
	c.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	row, err := c.store.TemplateByID(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.keep(row)
}

// Current finds the template that new tasks of this name and version run by. [store.ErrNotFound] if there is none.
func (c *Catalog) Current(ctx context.Context, namespace, taskName, version string) (*Template, error) {
	key := name{namespace, taskName, version}
	c.mu.RLock()
	found := c.current[key]
	c.mu.RUnlock()
	if found.Template != nil && time.Now().Before(found.until) {
		c.counters.hits.Add(1)
		return found.Template, nil
	}
	c.counters.misses.Add(1)
	row, err := c.store.CurrentTemplate(ctx, namespace, taskName, version)
	if err != nil {
		return nil, err
	}
	return c.keepCurrent(row)
}

// Register stores a template, with the overrides of this environment applied. See [store.Store.RegisterTemplate].
func (c *Catalog) Register(ctx context.Context, t *template.TaskTemplate, force bool) (*Template, error) {
	t = t.ForEnvironment(c.cfg.Environment)
	definition, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("encode template %s/%s: %w", t.NamespaceName, t.Name, err)
	}
	plan, err := t.Plan()
	if err != nil {
		return nil, fmt.Errorf("template %s/%s: %w", t.NamespaceName, t.Name, err)
	}
	row := &store.Template{
		Namespace: t.NamespaceName, Name: t.Name, Version: t.Version, ContentHash: t.ContentHash(),
		IdentityStrategy: string(t.IdentityStrategy), Definition: definition,
	}
	if t.Description != nil {
		row.Description = *t.Description
	}
	for _, s := range plan.Steps {
		row.Steps = append(row.Steps, store.TemplateStep{
			No: int32(s.No), Name: s.Name, Callable: s.Definition.Handler.Callable,
			Initial: s.Initial, Sink: s.Sink, Parents: numbers(s.Parents), Children: numbers(s.Children),
		})
	}
	if row.ID, err = c.store.RegisterTemplate(ctx, row, force); err != nil {
		return nil, err
	}
	return c.keepCurrent(row)
}

// Refresh forgets which templates are current, in one namespace or, with "", in all.
func (c *Catalog) Refresh(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.current {
		if namespace == "" || key.namespace == namespace {
			delete(c.current, key)
			c.counters.evictions.Add(1)
		}
	}
}

// Size counts the templates held.
func (c *Catalog) Size() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.byID)
}

func (c *Catalog) keepCurrent(row *store.Template) (*Template, error) {
	t, err := c.keep(row)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current[name{t.Namespace, t.Name, t.Version}] = currentTemplate{t, time.Now().Add(currentFor)}
	return t, nil
}

func (c *Catalog) keep(row *store.Template) (*Template, error) {
	c.mu.RLock()
	t := c.byID[row.ID]
	c.mu.RUnlock()
	if t != nil {
		return t, nil
	}
	t, err := c.compile(row)
	if err != nil {
		return nil, fmt.Errorf("template %s/%s %s: %w", row.Namespace, row.Name, row.Version, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[row.ID] = t
	if c.loaded.IsZero() {
		c.loaded = time.Now()
	}
	return t, nil
}

func (c *Catalog) compile(row *store.Template) (*Template, error) {
	var definition template.TaskTemplate
	if err := json.Unmarshal(row.Definition, &definition); err != nil {
		return nil, err
	}
	byName := map[string]*template.StepDefinition{}
	for i := range definition.Steps {
		byName[definition.Steps[i].Name] = &definition.Steps[i]
	}
	t := &Template{
		ID: row.ID, Namespace: row.Namespace, Name: row.Name, Version: row.Version,
		IdentityStrategy: template.IdentityStrategy(row.IdentityStrategy),
		Definition:       &definition, Steps: make([]Step, len(row.Steps)), numbers: map[string]int32{},
	}
	initial := map[int32]bool{}
	for _, s := range row.Steps {
		def, ok := byName[s.Name]
		if !ok || int(s.No) >= len(t.Steps) {
			return nil, fmt.Errorf("its stored steps do not fit its definition at step %q", s.Name)
		}
		t.Steps[s.No] = c.step(s, def)
		t.numbers[s.Name], initial[s.No] = s.No, s.Initial
		if s.Initial && len(s.Parents) == 0 {
			t.Roots++
		}
	}
	t.tellBatchSizes()
	t.Blueprint = t.blueprint(initial, c.cfg.Growth)
	return t, t.compileSchemas()
}

func (c *Catalog) step(row store.TemplateStep, def *template.StepDefinition) Step {
	s := Step{No: row.No, Definition: def, Timeout: def.Timeout(), Parents: row.Parents, FanOut: len(row.Children), Policy: workflow.RetryPolicy{
		Retryable: def.Retry.Retryable, MaxAttempts: def.Retry.MaxAttempts, MaxCrashes: def.Retry.MaxCrashes, MaxDelay: c.cfg.MaxDelay,
		Backoff: workflow.Backoff{
			Kind:       def.Retry.Backoff,
			Multiplier: c.cfg.Multiplier,
			Base:       time.Duration(def.Retry.BackoffBaseMS) * time.Millisecond,
			Max:        time.Duration(def.Retry.MaxBackoffMS) * time.Millisecond,
		},
	}}
	if def.Retry.Jitter {
		s.Policy.Backoff.Jitter = c.cfg.Jitter
	}
	if m := def.Handler.EffectiveMethod(); m != template.DefaultMethod {
		s.Method = m
	}
	if def.Handler.Resolver != nil {
		s.Resolver = *def.Handler.Resolver
	}
	return s
}

func numbers(a []int) []int32 {
	out := make([]int32, len(a))
	for i, n := range a {
		out[i] = int32(n)
	}
	return out
}
