package system

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tasker-systems/tasker-go/internal/catalog"
	"github.com/tasker-systems/tasker-go/internal/template"
)

// RegisterTemplates registers the templates of files, folders and patterns. Warnings are logged; errors of all files come
// back together, and nothing is registered then. Content that differs from what its version was registered with is an
// error unless force is set.
func RegisterTemplates(ctx context.Context, s *SystemContext, paths []string, force bool) ([]*catalog.Template, error) {
	manager := template.NewTaskTemplateManager(time.Now, template.ManagerConfig{})
	found, err := manager.LoadPaths(paths...)
	if err := errors.Join(err, found.Err()); err != nil {
		return nil, err
	}
	for _, warning := range found {
		s.Logger.WarnContext(ctx, "template: "+warning.String())
	}
	var registered []*catalog.Template
	for _, t := range manager.List("") {
		r, err := s.Catalog.Register(ctx, t, force)
		if err != nil {
			return registered, fmt.Errorf("register templates: %w", err)
		}
		registered = append(registered, r)
	}
	return registered, nil
}
