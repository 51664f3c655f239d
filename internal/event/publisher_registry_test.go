package event

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tasker-systems/tasker-go/internal/template"
)

// calledPublisher is the default publisher under another name.
type calledPublisher struct {
	DefaultPublisher
	name string
}

func (p calledPublisher) Name() string { return p.name }

func TestARegistryFindsPublishersByName(t *testing.T) {
	t.Parallel()
	var r PublisherRegistry
	orders := calledPublisher{name: "Orders::Events"}
	require.NoError(t, r.Register(orders))
	require.NoError(t, r.Register(calledPublisher{name: "Mail"}))
	require.Equal(t, []string{"Mail", "Orders::Events"}, r.Names())

	require.Equal(t, orders, r.GetOrDefault("Orders::Events"))
	require.Equal(t, DefaultPublisher{}, r.GetOrDefault("Nobody"))
	got, err := r.GetStrict("Orders::Events")
	require.NoError(t, err)
	require.Equal(t, orders, got)
	_, err = r.GetStrict("Nobody")
	require.Equal(t, &PublisherNotFoundError{"Nobody", []string{"Mail", "Orders::Events"}}, err)
	require.EqualError(t, err, `publisher "Nobody" is not registered; registered: Mail, Orders::Events`)
}

func TestANameIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	var r PublisherRegistry
	require.NoError(t, r.Register(calledPublisher{name: "Orders"}))
	require.Equal(t, &DuplicatePublisherError{"Orders"}, r.Register(calledPublisher{name: "Orders"}))
	require.ErrorContains(t, r.Register(calledPublisher{}), "no name")
}

func TestAFrozenRegistryTakesNoMore(t *testing.T) {
	t.Parallel()
	var r PublisherRegistry
	require.False(t, r.Frozen())
	r.Freeze()
	require.True(t, r.Frozen())
	require.ErrorIs(t, r.Register(calledPublisher{name: "Orders"}), ErrRegistryFrozen)
	require.Empty(t, r.Names())
}

func TestRequiredPublishersAreThoseThatTemplatesName(t *testing.T) {
	t.Parallel()
	step := template.NewStep("charge", "Charge")
	step.PublishesEvents = []template.EventDeclaration{
		declare("order.paid", shapedBy("Orders")), declare("order.mailed", shapedBy("Mail")),
		declare("order.plain"), declare("order.empty", shapedBy("")),
	}
	second := template.NewStep("send", "Send")
	second.PublishesEvents = []template.EventDeclaration{declare("order.sent", shapedBy("Orders"))}
	shop := &template.TaskTemplate{NamespaceName: "shop", Name: "order", Version: "1.0.0", Steps: []template.StepDefinition{step, second}}

	var r PublisherRegistry
	err := r.ValidateRequired(shop)
	require.Equal(t, &MissingPublishersError{
		Missing: map[string]string{"Orders": "shop/order 1.0.0, step charge", "Mail": "shop/order 1.0.0, step charge"},
	}, err)
	require.EqualError(t, err, "publishers are not registered: Mail (declared by shop/order 1.0.0, step charge); "+
		"Orders (declared by shop/order 1.0.0, step charge); registered: none")

	require.NoError(t, r.Register(calledPublisher{name: "Orders"}))
	require.NoError(t, r.Register(calledPublisher{name: "Mail"}))
	require.NoError(t, r.ValidateRequired(shop))
}
