package store

// Held is how many connections of the engine's are in use.
func (s *Store) Held() int32 { return s.engine.Stat().AcquiredConns() }
