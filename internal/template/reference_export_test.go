package template

// ShownBy are the tests that show the effects of fields.
func ShownBy() map[string]string { return shownBy }
