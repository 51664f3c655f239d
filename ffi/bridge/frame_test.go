package bridge

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func put(frames []Frame) []byte {
	b := bytes.Repeat([]byte{0xAA}, FramesSize(frames)) // memory of C is not zero
	PutFrames(b, frames)
	return b
}

func TestFramesReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		frames := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Frame {
			f := Frame{
				Type: FrameType(rapid.Uint16().Draw(t, "type")), Flags: rapid.Uint16().Draw(t, "flags"), Number: rapid.Uint64().Draw(t, "number"),
				Status: rapid.Int32().Draw(t, "status"), Payload: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "payload"),
			}
			copy(f.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
			return f
		}), 0, 8).Draw(t, "frames")
		b := put(frames)
		require.Zero(t, len(b)%8)
		got, err := ReadFrames(b)
		require.NoError(t, err)
		require.Len(t, got, len(frames))
		for i := range frames {
			require.Equal(t, frames[i], got[i])
		}
		for cut := range b {
			_, err := ReadFrames(b[:cut])
			require.Error(t, err, "cut at %d", cut)
		}
		_, err = ReadFrames(append(b, 0))
		require.Error(t, err)
	})
}

func TestPaddingIsZero(t *testing.T) {
	t.Parallel()
	b := put([]Frame{{Payload: []byte("x")}, {Payload: []byte("12345678")}})
	require.Equal(t, []byte{'x', 0, 0, 0, 0, 0, 0, 0}, b[56:64])
	require.Len(t, b, 16+48+48)
}

func FuzzReadFrames(f *testing.F) {
	f.Add(put(nil))
	f.Add(put([]Frame{{Type: FrameStep, Payload: []byte("{}")}, {Type: 77}}))
	f.Add([]byte("TKF1\xff\xff\xff\xff\x10\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, err := ReadFrames(b)
		if err != nil {
			return
		}
		if again := put(frames); !bytes.Equal(again, b) {
			// Only reserved fields and padding may differ.
			got, err := ReadFrames(again)
			require.NoError(t, err)
			require.Equal(t, frames, got)
		}
	})
}

var update = flag.Bool("update", false, "write the fixtures anew")

// frameFixture is an entry of include/contract/frames.json.
type frameFixture struct {
	Name   string         `json:"name"`
	Hex    string         `json:"hex"`
	Frames []fixtureFrame `json:"frames"`
	// Error says that a reader must refuse the buffer.
	Error bool `json:"error,omitempty"`
}

type fixtureFrame struct {
	Type    FrameType `json:"type"`
	Flags   uint16    `json:"flags"`
	Number  uint64    `json:"number"`
	ID      string    `json:"id"`
	Status  int32     `json:"status"`
	Payload string    `json:"payload"`
}

func frameFixtures() []frameFixture {
	id := [16]byte{1, 0x98, 0xc0, 0xde, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xe1}
	fixtures := []frameFixture{}
	for _, f := range []struct {
		name   string
		frames []Frame
	}{
		{"no frames", nil},
		{"a step", []Frame{{Type: FrameStep, Number: 0xA300000700000001, ID: id, Payload: []byte(`{"event_id":"0198c0de-0000-7000-8000-0000000000e1"}`)}}},
		{"one of each", []Frame{
			{Type: FrameStep, Number: 0xA300000000000001, ID: id, Payload: []byte(`{"a":1}`)},
			{Type: FrameCancel, Number: 0xA300000000000001, ID: id, Payload: []byte(`{"reason":"timeout"}`)},
			{Type: FrameResponse, Number: 42, Status: -25, Payload: []byte(`{"code":-25,"name":"E_NOT_FOUND"}`)},
			{Type: FrameDomainEvent, ID: id, Payload: []byte(`{"event_name":"order.paid"}`)},
			{Type: FrameShutdown, Payload: []byte(`{}`)},
			{Type: FrameLog, Status: 2, Payload: []byte(`{"message":"naïve"}`)},
			{Type: FrameDropped, Payload: []byte(`{"what":"log","count":3}`)},
		}},
		{"an unknown type between known ones is skipped", []Frame{{Type: FrameStep, Payload: []byte(`1`)}, {Type: 4711, Payload: []byte("????")}, {Type: FrameStep, Payload: []byte(`2`)}}},
		{"unknown flags are ignored", []Frame{{Type: FrameStep, Flags: 0xfff0, Payload: []byte(`{}`)}}},
		{"an empty payload", []Frame{{Type: FrameStep}, {Type: FrameStep, Payload: []byte("x")}}},
	} {
		b := put(f.frames)
		fixture := frameFixture{Name: f.name, Hex: hex.EncodeToString(b), Frames: []fixtureFrame{}}
		for _, fr := range f.frames {
			fixture.Frames = append(fixture.Frames, fixtureFrame{fr.Type, fr.Flags, fr.Number, hex.EncodeToString(fr.ID[:]), fr.Status, string(fr.Payload)})
		}
		fixtures = append(fixtures, fixture)
	}
	good := put([]Frame{{Type: FrameStep, Payload: []byte(`{"a":1}`)}})
	wrongCount, wrongTotal, wrongLength := bytes.Clone(good), bytes.Clone(good), bytes.Clone(good)
	binary.LittleEndian.PutUint32(wrongCount[4:], 2)
	binary.LittleEndian.PutUint64(wrongTotal[8:], uint64(len(good)+8))
	binary.LittleEndian.PutUint32(wrongLength[16:], 1000)
	for name, b := range map[string][]byte{
		"cut short": good[:len(good)-8], "another magic": append([]byte("XXXX"), good[4:]...), "more frames than there are": wrongCount,
		"a total that is not the length": wrongTotal, "a payload that ends behind the buffer": wrongLength,
	} {
		fixtures = append(fixtures, frameFixture{Name: name, Hex: hex.EncodeToString(b), Frames: []fixtureFrame{}, Error: true})
	}
	return fixtures
}

func TestTheFrameFixturesAreWhatTheCoreWrites(t *testing.T) {
	t.Parallel()
	const file = "../../include/contract/frames.json"
	fixtures := frameFixtures()
	if *update {
		writeFrameFixtures(t, file, fixtures)
	}
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var document struct {
		Document      string         `json:"document"`
		SchemaVersion int            `json:"schema_version"`
		Buffers       []frameFixture `json:"buffers"`
	}
	require.NoError(t, json.Unmarshal(raw, &document))
	require.Equal(t, "frames", document.Document)
	require.ElementsMatch(t, fixtures, document.Buffers)
	for _, f := range document.Buffers {
		b, err := hex.DecodeString(f.Hex)
		require.NoError(t, err)
		frames, err := ReadFrames(b)
		if f.Error {
			require.Error(t, err, f.Name)
			continue
		}
		require.NoError(t, err, f.Name)
		require.Len(t, frames, len(f.Frames), f.Name)
	}
}

func writeFrameFixtures(t *testing.T, file string, fixtures []frameFixture) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(map[string]any{"document": "frames", "schema_version": 1, "direction": "core_to_host", "buffers": fixtures}))
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
}
