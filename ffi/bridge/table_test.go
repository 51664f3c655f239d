package bridge

import (
	"math"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAHandleLivesUntilItIsRemovedAndNeverAgain(t *testing.T) {
	t.Parallel()
	tab := table[string]{kind: kindWorker}
	h := tab.put("a")
	v, _, ok, _ := tab.get(h)
	require.True(t, ok)
	require.Equal(t, "a", v)
	require.EqualValues(t, kindWorker, h.kind())

	v, ok = tab.remove(h, "freed")
	require.True(t, ok)
	require.Equal(t, "a", v)
	_, end, ok, known := tab.get(h)
	require.False(t, ok)
	require.True(t, known)
	require.Equal(t, "freed", end)
	_, ok = tab.remove(h, "freed")
	require.False(t, ok, "a second time")

	next := tab.put("b")
	require.Equal(t, h.index(), next.index(), "the index is used again")
	require.NotEqual(t, h, next, "the handle is not")
	_, _, ok, known = tab.get(h)
	require.False(t, ok)
	require.True(t, known)
}

func TestNumbersThatAreNoHandlesFindNothing(t *testing.T) {
	t.Parallel()
	tab, other := table[int]{kind: kindWorker}, table[int]{kind: kindClient}
	h, foreign := tab.put(1), other.put(2)
	for name, bad := range map[string]handle{
		"zero": 0, "one": 1, "all bits": math.MaxUint64, "another kind": foreign, "an index too far": h + 1<<32,
		"a generation to come": h + 1, "no generation": h &^ math.MaxUint32, "a pointer": 0x7f1234567890,
	} {
		_, _, ok, known := tab.get(bad)
		require.False(t, ok, name)
		require.False(t, known, name)
		_, ok = tab.remove(bad, "")
		require.False(t, ok, name)
	}
	require.Equal(t, 1, tab.size())
}

func TestEndsAreRememberedUntilTheIndexIsUsedAgain(t *testing.T) {
	t.Parallel()
	tab := table[int]{kind: kindToken, linger: 100}
	first := tab.put(0)
	tab.remove(first, "completed")
	for range 99 {
		tab.remove(tab.put(0), "timeout")
	}
	_, end, _, known := tab.get(first)
	require.True(t, known)
	require.Equal(t, "completed", end)
	tab.remove(tab.put(0), "timeout")
	_, end, _, known = tab.get(first)
	require.True(t, known)
	require.Empty(t, end, "forgotten, but not unknown")
}

func TestAnIndexWhoseGenerationsAreUsedUpIsLeftAlone(t *testing.T) {
	t.Parallel()
	tab := table[int]{kind: kindToken}
	last := tab.put(1)
	tab.slots[0].generation = math.MaxUint32
	last = newHandle(kindToken, 0, math.MaxUint32)
	_, ok := tab.remove(last, "completed")
	require.True(t, ok)
	next := tab.put(2)
	require.EqualValues(t, 1, next.index())
	_, _, ok, known := tab.get(last)
	require.False(t, ok)
	require.True(t, known)
}

func TestATableBehavesAsAMapWhoseKeysAreNeverUsedAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tab := table[int]{kind: kindToken, linger: rapid.IntRange(0, 4).Draw(t, "linger")}
		live, ever := map[handle]int{}, map[handle]bool{}
		for n := range rapid.IntRange(0, 200).Draw(t, "operations") {
			if len(live) == 0 || rapid.Bool().Draw(t, "put") {
				h := tab.put(n)
				require.False(t, ever[h], "used twice")
				ever[h], live[h] = true, n
				continue
			}
			for h, want := range live {
				v, ok := tab.remove(h, "x")
				require.True(t, ok)
				require.Equal(t, want, v)
				delete(live, h)
				break
			}
		}
		for h := range ever {
			v, _, ok, known := tab.get(h)
			want, isLive := live[h]
			require.Equal(t, isLive, ok)
			require.True(t, known)
			require.Equal(t, want, v)
		}
		require.Equal(t, len(live), tab.size())
	})
}

func TestATableIsSafeForManyGoroutines(t *testing.T) {
	t.Parallel()
	tab := table[int]{kind: kindToken}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for range 1000 {
				h := tab.put(g)
				v, _, ok, _ := tab.get(h)
				require.True(t, ok)
				require.Equal(t, g, v)
				_, ok = tab.remove(h, "")
				require.True(t, ok)
			}
		})
	}
	all.Wait()
	require.Zero(t, tab.size())
}
