package template

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tasker-systems/tasker-go/internal/nearest"
)

// Source is where templates are registered: the database, behind this interface. Load returns [ErrNotFound] for a
// template that is not registered.
type Source interface {
	Load(ctx context.Context, namespace, name, version string) (*TaskTemplate, error)
}

// ErrNotFound reports a template that nobody registered.
var ErrNotFound = errors.New("no such task template")

// TaskTemplateManager keeps the templates that a process works with: those it was given, from files or by Put, and those
// it loaded from its [Source] as they were asked for. It is safe for concurrent use.
type TaskTemplateManager struct {
	now    func() time.Time
	config ManagerConfig

	mu      sync.Mutex
	held    map[Key]*held
	paths   []string
	refresh int // counts refreshes, so that a load that began before one is not kept after it
	stats   CacheStats
}

// held is a template in the manager's hands.
type held struct {
	template *TaskTemplate
	from     origin
	since    time.Time
	used     uint64 // how often it was asked for
	lastUsed uint64 // the manager's count of requests when it was last asked for
}

type origin int

const (
	fromPut origin = iota
	fromFile
	fromSource
)

// ManagerConfig tunes a [TaskTemplateManager]. The zero value holds files and templates that are put, and loads none.
type ManagerConfig struct {
	// Source is asked for templates that the manager does not hold. Nil asks nobody.
	Source Source
	// MaxLoaded bounds the templates kept from Source; the one not used for longest makes room. Defaults to 1000.
	MaxLoaded int
	// Strict reads files with [ParseOptions.Strict].
	Strict bool
}

const defaultMaxLoaded = 1000

// NewTaskTemplateManager makes an empty manager. now is the clock that ages in [CacheStats] are told by.
func NewTaskTemplateManager(now func() time.Time, config ManagerConfig) *TaskTemplateManager {
	if config.MaxLoaded <= 0 {
		config.MaxLoaded = defaultMaxLoaded
	}
	return &TaskTemplateManager{now: now, config: config, held: map[Key]*held{}}
}

// CacheStats counts what a manager did.
type CacheStats struct {
	TotalCached           int     `json:"total_cached"`
	CacheHits             uint64  `json:"cache_hits"`
	CacheMisses           uint64  `json:"cache_misses"`
	CacheEvictions        uint64  `json:"cache_evictions"`
	OldestEntryAgeSeconds float64 `json:"oldest_entry_age_seconds"`
	AverageAccessCount    float64 `json:"average_access_count"`
}

// Stats counts what the manager did since it was made.
func (m *TaskTemplateManager) Stats() CacheStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	stats, now := m.stats, m.now()
	stats.TotalCached = len(m.held)
	var uses uint64
	for _, h := range m.held {
		uses += h.used
		stats.OldestEntryAgeSeconds = max(stats.OldestEntryAgeSeconds, now.Sub(h.since).Seconds())
	}
	if len(m.held) > 0 {
		stats.AverageAccessCount = float64(uses) / float64(len(m.held))
	}
	return stats
}

// Get returns a template, from the source if the manager does not hold it. The template is shared and must not be changed.
// The error wraps [ErrNotFound] if there is none.
func (m *TaskTemplateManager) Get(ctx context.Context, namespace, name, version string) (*TaskTemplate, error) {
	key := Key{namespace, name, version}
	t, refresh := m.lookUp(key)
	if t != nil {
		return t, nil
	}
	if m.config.Source == nil {
		return nil, m.notFound(key)
	}
	t, err := m.config.Source.Load(ctx, namespace, name, version)
	if errors.Is(err, ErrNotFound) {
		return nil, m.notFound(key)
	}
	if err != nil {
		return nil, fmt.Errorf("load task template %s: %w", key, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if h := m.held[key]; h != nil { // someone else was first
		return h.template, nil
	}
	if refresh == m.refresh {
		m.makeRoom()
		m.hold(t, key, fromSource)
	}
	return t, nil
}

func (m *TaskTemplateManager) lookUp(key Key) (t *TaskTemplate, refresh int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.held[key]
	if h == nil {
		m.stats.CacheMisses++
		return nil, m.refresh
	}
	m.stats.CacheHits++
	h.used++
	h.lastUsed = m.stats.CacheHits + m.stats.CacheMisses
	return h.template, m.refresh
}

// notFound says which names are near the one that there is no template of.
func (m *TaskTemplateManager) notFound(key Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var known []string
	for k := range m.held {
		known = append(known, k.String())
	}
	slices.Sort(known)
	hint := ""
	if near := nearest.Word(key.String(), known); near != "" {
		hint = "; " + didYouMean(near)
	}
	return fmt.Errorf("%w: %s%s", ErrNotFound, key, hint)
}

// hold keeps a template. The caller holds the lock.
func (m *TaskTemplateManager) hold(t *TaskTemplate, key Key, from origin) {
	m.held[key] = &held{template: t, from: from, since: m.now(), lastUsed: m.stats.CacheHits + m.stats.CacheMisses}
}

// makeRoom drops the loaded template that was not used for longest, if the bound is reached. The caller holds the lock.
func (m *TaskTemplateManager) makeRoom() {
	var oldest Key
	loaded := 0
	for key, h := range m.held {
		if h.from != fromSource {
			continue
		}
		if loaded == 0 || h.lastUsed < m.held[oldest].lastUsed {
			oldest = key
		}
		loaded++
	}
	if loaded >= m.config.MaxLoaded {
		delete(m.held, oldest)
		m.stats.CacheEvictions++
	}
}

// Put holds a template until it is replaced. It returns an [*InvalidError] for one that [Validate] finds errors in.
func (m *TaskTemplateManager) Put(t *TaskTemplate) error {
	if err := Validate(t).Err(); err != nil {
		return fmt.Errorf("put task template %s: %w", t.Key(), err)
	}
	complete := t.clone()
	complete.ApplyDefaults()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hold(complete, complete.Key(), fromPut)
	return nil
}

// List returns the templates that the manager holds of a namespace, or of all if it is empty, in the order of their keys.
func (m *TaskTemplateManager) List(namespace string) []*TaskTemplate {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*TaskTemplate
	for key, h := range m.held {
		if namespace == "" || key.Namespace == namespace {
			list = append(list, h.template)
		}
	}
	slices.SortFunc(list, func(a, b *TaskTemplate) int {
		return cmp.Or(cmp.Compare(a.NamespaceName, b.NamespaceName), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
	})
	return list
}

// Namespaces are those of the templates that the manager holds, in alphabetical order.
func (m *TaskTemplateManager) Namespaces() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for key := range m.held {
		names = append(names, key.Namespace)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
