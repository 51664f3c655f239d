package system

// Settings is the configuration of a process as its web APIs show it.
type Settings struct {
	Environment string         `json:"environment"`
	Version     string         `json:"version"`
	Config      map[string]any `json:"config"`
	// Redacted names the keys whose value is secret, and therefore "***".
	Redacted []string `json:"redacted"`
}

// Settings returns the configuration without its secrets.
func (s *SystemContext) Settings() Settings {
	document, secrets := s.Config.Redacted()
	return Settings{Environment: s.Config.Environment, Version: Version, Config: document, Redacted: secrets}
}
