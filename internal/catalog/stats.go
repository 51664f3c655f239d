package catalog

import (
	"sync/atomic"
	"time"
)

// CacheStats tell of the templates that are held in memory.
type CacheStats struct {
	TotalCached int    `json:"total_cached"`
	CacheHits   uint64 `json:"cache_hits"`
	CacheMisses uint64 `json:"cache_misses"`
	// CacheEvictions counts templates that were forgotten as the current ones of their version by a refresh.
	CacheEvictions        uint64  `json:"cache_evictions"`
	OldestEntryAgeSeconds float64 `json:"oldest_entry_age_seconds"`
	AverageAccessCount    float64 `json:"average_access_count"`
}

// counters count look-ups of current templates.
type counters struct{ hits, misses, evictions atomic.Uint64 }

// Stats reads the counters.
func (c *Catalog) Stats() CacheStats {
	s := CacheStats{CacheHits: c.counters.hits.Load(), CacheMisses: c.counters.misses.Load(), CacheEvictions: c.counters.evictions.Load()}
	c.mu.RLock()
	defer c.mu.RUnlock()
	s.TotalCached = len(c.byID)
	if s.TotalCached > 0 {
		s.OldestEntryAgeSeconds = time.Since(c.loaded).Seconds()
		s.AverageAccessCount = float64(s.CacheHits+s.CacheMisses) / float64(s.TotalCached)
	}
	return s
}

// Holds says whether the current template of a name and version is in memory.
func (c *Catalog) Holds(namespace, taskName, version string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	found := c.current[name{namespace, taskName, version}]
	return found.Template != nil && time.Now().Before(found.until)
}
