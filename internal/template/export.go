package template

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// edgeKind says when an edge is there.
type edgeKind string

const (
	edgeAlways   edgeKind = "always"   // with the later of the two steps
	edgeChosen   edgeKind = "chosen"   // if a decision chooses the step
	edgeDeferred edgeKind = "deferred" // if the step to wait for was created
	edgeBatch    edgeKind = "batch"    // once for each batch
)

func edgeBetween(from, to *PlanStep) edgeKind {
	switch {
	case from.Definition.Type == BatchWorkerStep || to.Definition.Type == BatchWorkerStep:
		return edgeBatch
	case from.Definition.Type == DecisionStep:
		return edgeChosen
	case to.Definition.Type == DeferredConvergenceStep && !to.Initial:
		return edgeDeferred
	default:
		return edgeAlways
	}
}

// WriteMermaid draws a template as a Mermaid flowchart, in the order of its plan. Edges that depend on what happens at
// run time are dotted.
func WriteMermaid(w io.Writer, t *TaskTemplate) error {
	boxes := map[StepType][2]string{
		StandardStep:            {`["`, `"]`},
		DecisionStep:            {`{"`, `"}`},
		DeferredConvergenceStep: {`(["`, `"])`},
		BatchableStep:           {`[["`, `"]]`},
		BatchWorkerStep:         {`[/"`, `"/]`},
	}
	// Mermaid reads labels as HTML with entities of its own, which begin with #.
	label := strings.NewReplacer("#", "#35;", `"`, "#quot;", "&", "#amp;", "<", "#lt;", ">", "#gt;", "`", "#96;")
	return writeGraph(w, t, graphWriter{
		open: "flowchart TD\n",
		step: func(s *PlanStep) string {
			box := boxes[s.Definition.Type]
			return fmt.Sprintf("  s%d%s%s%s\n", s.No, box[0], label.Replace(s.Name), box[1])
		},
		edge: func(from, to int, kind edgeKind) string {
			if kind == edgeAlways {
				return fmt.Sprintf("  s%d --> s%d\n", from, to)
			}
			return fmt.Sprintf("  s%d -. %s .-> s%d\n", from, kind, to)
		},
	})
}

// WriteDOT draws a template in the language of Graphviz, in the order of its plan. Edges that depend on what
// happens at run time are dashed.
func WriteDOT(w io.Writer, t *TaskTemplate) error {
	boxes := map[StepType]string{
		StandardStep:            "box",
		DecisionStep:            "diamond",
		DeferredConvergenceStep: "ellipse",
		BatchableStep:           "box3d",
		BatchWorkerStep:         "folder",
	}
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	return writeGraph(w, t, graphWriter{
		open: fmt.Sprintf("digraph \"%s\" {\n  rankdir=TB;\n", escape.Replace(t.Key().String())),
		step: func(s *PlanStep) string {
			return fmt.Sprintf("  s%d [label=\"%s\", shape=%s];\n", s.No, escape.Replace(s.Name), boxes[s.Definition.Type])
		},
		edge: func(from, to int, kind edgeKind) string {
			if kind == edgeAlways {
				return fmt.Sprintf("  s%d -> s%d;\n", from, to)
			}
			return fmt.Sprintf("  s%d -> s%d [style=dashed, label=%s];\n", from, to, kind)
		},
		shut: "}\n",
	})
}

// graphWriter is how one language spells a graph.
type graphWriter struct {
	open, shut string
	step       func(*PlanStep) string
	edge       func(from, to int, kind edgeKind) string
}

func writeGraph(w io.Writer, t *TaskTemplate, g graphWriter) error {
	plan, err := drawn(t)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w) // keeps the first error for Flush
	out.WriteString(g.open)
	for i := range plan.Steps {
		out.WriteString(g.step(&plan.Steps[i]))
	}
	for i := range plan.Steps {
		for _, child := range plan.Steps[i].Children {
			out.WriteString(g.edge(i, child, edgeBetween(&plan.Steps[i], &plan.Steps[child])))
		}
	}
	out.WriteString(g.shut)
	return out.Flush()
}

// drawn is the plan of a template that may lack its defaults.
func drawn(t *TaskTemplate) (*Plan, error) {
	complete := t.clone()
	complete.ApplyDefaults()
	return complete.Plan()
}

type graphNode struct {
	No       int      `json:"no"`
	Name     string   `json:"name"`
	Type     StepType `json:"type"`
	Callable string   `json:"callable"`
	Initial  bool     `json:"initial"`
	Sink     bool     `json:"sink"`
	Depth    int      `json:"depth"`
}

type graphEdge struct {
	From int      `json:"from"`
	To   int      `json:"to"`
	Kind edgeKind `json:"kind"`
}

// WriteGraphJSON writes a template's graph as JSON: nodes numbered as in its plan, with their depth below the roots, and
// edges by those numbers.
func WriteGraphJSON(w io.Writer, t *TaskTemplate) error {
	plan, err := drawn(t)
	if err != nil {
		return err
	}
	nodes, edges := make([]graphNode, len(plan.Steps)), []graphEdge{}
	for i, s := range plan.Steps {
		nodes[i].No, nodes[i].Name, nodes[i].Initial, nodes[i].Sink = s.No, s.Name, s.Initial, s.Sink
		nodes[i].Type, nodes[i].Callable = s.Definition.Type, s.Definition.Handler.Callable
		for _, parent := range s.Parents {
			nodes[i].Depth = max(nodes[i].Depth, nodes[parent].Depth+1)
		}
		for _, child := range s.Children {
			edges = append(edges, graphEdge{i, child, edgeBetween(&plan.Steps[i], &plan.Steps[child])})
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Namespace string      `json:"namespace"`
		Name      string      `json:"name"`
		Version   string      `json:"version"`
		Nodes     []graphNode `json:"nodes"`
		Edges     []graphEdge `json:"edges"`
	}{t.NamespaceName, t.Name, t.Version, nodes, edges})
}
