package event

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// ErrRegistryFrozen reports a registration after [PublisherRegistry.Freeze].
var ErrRegistryFrozen = errors.New("the publisher registry is frozen: register publishers before the worker starts")

// DuplicatePublisherError reports a second publisher of the same name.
type DuplicatePublisherError struct{ Name string }

func (e *DuplicatePublisherError) Error() string {
	return fmt.Sprintf("publisher %q is registered already", e.Name)
}

// PublisherNotFoundError reports a name that no publisher is registered under.
type PublisherNotFoundError struct {
	Name       string
	Registered []string
}

func (e *PublisherNotFoundError) Error() string {
	return fmt.Sprintf("publisher %q is not registered; registered: %s", e.Name, list(e.Registered))
}

// MissingPublishersError reports the publishers that templates name and nobody registered.
type MissingPublishersError struct {
	// Missing maps a publisher's name to the first step that needs it, as namespace/task version, step.
	Missing    map[string]string
	Registered []string
}

func (e *MissingPublishersError) Error() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(e.Missing)) {
		parts = append(parts, fmt.Sprintf("%s (declared by %s)", name, e.Missing[name]))
	}
	return fmt.Sprintf("publishers are not registered: %s; registered: %s", strings.Join(parts, "; "), list(e.Registered))
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// PublisherRegistry finds the publisher that a declaration names. Its zero value is ready to use, also by many goroutines.
type PublisherRegistry struct {
	mu         sync.RWMutex
	frozen     bool
	publishers map[string]Publisher
}

// Register adds a publisher under its name. The error is a [DuplicatePublisherError] or [ErrRegistryFrozen].
func (r *PublisherRegistry) Register(p Publisher) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := p.Name()
	if r.frozen {
		return fmt.Errorf("register publisher %q: %w", name, ErrRegistryFrozen)
	}
	if name == "" {
		return errors.New("register publisher: it has no name")
	}
	if _, taken := r.publishers[name]; taken {
		return &DuplicatePublisherError{name}
	}
	if r.publishers == nil {
		r.publishers = map[string]Publisher{}
	}
	r.publishers[name] = p
	return nil
}

// Get finds a publisher.
func (r *PublisherRegistry) Get(name string) (Publisher, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p, ok := r.publishers[name]
	return p, ok
}

// GetOrDefault finds a publisher, or returns the [DefaultPublisher].
func (r *PublisherRegistry) GetOrDefault(name string) Publisher {
	if p, ok := r.Get(name); ok {
		return p
	}
	return DefaultPublisher{}
}

// GetStrict finds a publisher, or returns a [PublisherNotFoundError].
func (r *PublisherRegistry) GetStrict(name string) (Publisher, error) {
	if p, ok := r.Get(name); ok {
		return p, nil
	}
	return nil, &PublisherNotFoundError{name, r.Names()}
}

// Names lists the registered publishers, sorted.
func (r *PublisherRegistry) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.publishers))
}

// ValidateRequired returns a [MissingPublishersError] if the templates name publishers that are not registered.
func (r *PublisherRegistry) ValidateRequired(templates ...*template.TaskTemplate) error {
	missing := map[string]string{}
	for _, t := range templates {
		for i := range t.Steps {
			for _, declared := range t.Steps[i].PublishesEvents {
				if declared.Publisher == nil || *declared.Publisher == "" {
					continue
				}
				name := *declared.Publisher
				_, registered := r.Get(name)
				if _, known := missing[name]; !registered && !known {
					missing[name] = fmt.Sprintf("%s/%s %s, step %s", t.NamespaceName, t.Name, t.Version, t.Steps[i].Name)
				}
			}
		}
	}
	if len(missing) > 0 {
		return &MissingPublishersError{missing, r.Names()}
	}
	return nil
}

// Freeze refuses registrations from now on.
func (r *PublisherRegistry) Freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frozen = true
}

// Frozen says whether the registry takes no more publishers.
func (r *PublisherRegistry) Frozen() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.frozen
}
