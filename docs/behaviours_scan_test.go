package docs_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// named is what the tests of one file name: behaviours by their ids, each with the forms of handlers that it is run in.
type named map[string]map[string]bool

func (n named) add(ids, forms []string) {
	for _, id := range ids {
		if n[id] == nil {
			n[id] = map[string]bool{}
		}
		for _, form := range forms {
			n[id][form] = true
		}
	}
}

var anID = regexp.MustCompile(`\b[WECB][1-9][0-9]?\b`)

func TestAScanFindsWhatTestsName(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		read func(*testing.T, string) named
		text string
		want map[string]string
	}{
		"Go": {inGo, "package a\n" + `
// W7 and B1, and more.
func TestA(t *testing.T) { forms.Each(t) }
// C1
func TestB(t *testing.T) {
	// E6: blocked

	// E9
	cases{"E1 success": 1, "B1 B2 none": 2, "E3": 3, "W9\tno case": 4}
}
// W1
func helper() {}
`, map[string]string{"W7": "HandlerFunc StepHandler", "B1": "HandlerFunc StepHandler", "C1": "", "E6": "", "E9": "", "E1": "", "B2": ""}},
		"Python": {inPython, `"""E1 to E13."""
FIRST = ["class"]

@pytest.mark.parametrize("form", ["class", "dsl"])
@pytest.mark.parametrize(
    "case", [pytest.param(1, id="W2: linear")],
)
def test_w4_w14_more(
    form: str,
) -> None:
    """As C1 has it."""
    code = "B4"


def test_e2e_of_e8_alone() -> None:
    pass
`, map[string]string{"W2": "class dsl", "W4": "class dsl", "W14": "class dsl", "C1": "class dsl", "E8": ""}},
		"Python, a module of forms": {inPython, "pytestmark = pytest.mark.parametrize(\n    \"form\", [\"class\", \"dsl\"]\n)\n\ndef test_b1_x(form):\n    pass\n",
			map[string]string{"B1": "class dsl"}},
		"Ruby": {inRuby, `RSpec.describe A do
  %w[class dsl].each do |form|
    describe "of #{form}" do
      it "is one (W1, E1)" do
        code = "C7"
      end
    end
    it "is two (W2, #{form})" do
    end
  end

  {
    "W4" => %w[a],
    "five (W5)" => %w[b]
  }.each do |id, (name)|
    it "is #{id}" do
    end
    it "is none of them"
  end

  { "class" => "a", "dsl" => "b" }.each do |form, name|
    it "is three (B1, #{form})" do # C2
    end
  end

  it "is alone (W6, class)" do
  end

  it "is both (W14, class and dsl)" do
  end

  # B3
  describe "b" do
    it "is last" do
      expect(1).to be(1), "and says so (C9)"
    end
  end
end
`, map[string]string{"B3": "", "C9": "", "W14": "class dsl", "W1": "class dsl", "E1": "class dsl", "W2": "class dsl", "W4": "", "W5": "", "B1": "class dsl", "C2": "class dsl", "W6": "class"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for id, forms := range tt.read(t, tt.text) {
				got[id] = strings.Join(slices.Sorted(maps.Keys(forms)), " ")
			}
			require.Equal(t, tt.want, got)
		})
	}
}
