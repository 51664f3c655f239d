// Package templates holds the example templates, for programs that bring them along.
package templates

import _ "embed"

// OrderFulfillment is order_fulfillment.yaml.
//
//go:embed order_fulfillment.yaml
var OrderFulfillment []byte
