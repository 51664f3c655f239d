package httpapi

import (
	"net/http"

	"github.com/tasker-systems/tasker-go/sdk/client"
)

// settings shows the configuration, if the process lets it.
func (a *api) settings(http.ResponseWriter, *http.Request) (any, error) {
	if a.Settings == nil {
		return nil, refuse(http.StatusNotFound, client.CodeNotFound, "this server does not show its configuration (web.config_endpoint)")
	}
	return a.Settings(), nil
}
