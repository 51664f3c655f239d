package client

import (
	"context"
	"net/http"
	"net/url"
)

// ListTemplates lists the templates of a namespace or, with "", of all.
func (c *Client) ListTemplates(ctx context.Context, namespace string) (*TemplateListResponse, error) {
	r := &call{method: http.MethodGet, path: "/v1/templates"}
	if namespace != "" {
		r.query = url.Values{"namespace": {namespace}}
	}
	var list TemplateListResponse
	if err := c.do(ctx, r, &list); err != nil {
		return nil, err
	}
	return &list, nil
}

// GetTemplate reads a template.
func (c *Client) GetTemplate(ctx context.Context, namespace, name, version string) (*TemplateDetail, error) {
	path := "/v1/templates/" + url.PathEscape(namespace) + "/" + url.PathEscape(name) + "/" + url.PathEscape(version)
	var detail TemplateDetail
	if err := c.do(ctx, &call{method: http.MethodGet, path: path}, &detail); err != nil {
		return nil, err
	}
	return &detail, nil
}

// Health asks for a sign of life.
func (c *Client) Health(ctx context.Context) (*HealthResponse, error) {
	var health HealthResponse
	if err := c.do(ctx, &call{method: http.MethodGet, path: "/health"}, &health); err != nil {
		return nil, err
	}
	return &health, nil
}

// Ready asks whether the server can take work. A server that answers that it cannot is no error.
func (c *Client) Ready(ctx context.Context) (*ReadinessResponse, error) {
	var ready ReadinessResponse
	r := &call{method: http.MethodGet, path: "/health/ready", also: http.StatusServiceUnavailable}
	if err := c.do(ctx, r, &ready); err != nil {
		return nil, err
	}
	return &ready, nil
}
