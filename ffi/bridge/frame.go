package bridge

import (
	"encoding/binary"
	"fmt"
)

// FrameType says what a frame holds.
type FrameType uint16

// The types of frames.
const (
	FrameStep        FrameType = 1
	FrameCancel      FrameType = 2
	FrameResponse    FrameType = 3
	FrameDomainEvent FrameType = 4
	FrameShutdown    FrameType = 5
	FrameLog         FrameType = 6
	FrameDropped     FrameType = 7
)

// The sizes of what stands before frames and before a payload.
const (
	FramesHeaderSize = 16
	FrameHeaderSize  = 40
	frameMagic       = "TKF1"
)

// Frame is one message to the host. Flags' lowest four bits are the payload's encoding, 0 for JSON.
type Frame struct {
	Type    FrameType
	Flags   uint16
	Number  uint64 // token or request id
	ID      [16]byte
	Status  int32
	Payload []byte
}

func (f *Frame) size() int { return FrameHeaderSize + padded(len(f.Payload)) }

func padded(n int) int { return (n + 7) &^ 7 }

// FramesSize is the length of a buffer of these frames.
func FramesSize(frames []Frame) int {
	n := FramesHeaderSize
	for i := range frames {
		n += frames[i].size()
	}
	return n
}

// PutFrames writes frames into b, which has the length that FramesSize gives and need not be zero.
func PutFrames(b []byte, frames []Frame) {
	le := binary.LittleEndian
	copy(b, frameMagic)
	le.PutUint32(b[4:], uint32(len(frames)))
	le.PutUint64(b[8:], uint64(len(b)))
	at := b[FramesHeaderSize:]
	for i := range frames {
		f := &frames[i]
		le.PutUint32(at, uint32(len(f.Payload)))
		le.PutUint16(at[4:], uint16(f.Type))
		le.PutUint16(at[6:], f.Flags)
		le.PutUint64(at[8:], f.Number)
		copy(at[16:32], f.ID[:])
		le.PutUint32(at[32:], uint32(f.Status))
		le.PutUint32(at[36:], 0)
		n := FrameHeaderSize + copy(at[FrameHeaderSize:], f.Payload)
		end := FrameHeaderSize + padded(len(f.Payload))
		clear(at[n:end])
		at = at[end:]
	}
}

// ReadFrames reads a buffer of frames, as hosts do. Payloads point into b.
func ReadFrames(b []byte) ([]Frame, error) {
	le := binary.LittleEndian
	if len(b) < FramesHeaderSize || string(b[:4]) != frameMagic {
		return nil, fmt.Errorf("frames: no header in %d bytes", len(b))
	}
	count, total := le.Uint32(b[4:]), le.Uint64(b[8:])
	if total != uint64(len(b)) {
		return nil, fmt.Errorf("frames: the header tells of %d bytes, there are %d", total, len(b))
	}
	at := b[FramesHeaderSize:]
	if uint64(count)*FrameHeaderSize > uint64(len(at)) {
		return nil, fmt.Errorf("frames: %d of them do not fit into %d bytes", count, len(b))
	}
	frames := make([]Frame, 0, count)
	for range count {
		if len(at) < FrameHeaderSize {
			return nil, fmt.Errorf("frames: number %d has no header", len(frames))
		}
		n := int(le.Uint32(at))
		end := FrameHeaderSize + padded(n)
		if end > len(at) {
			return nil, fmt.Errorf("frames: number %d ends behind the buffer", len(frames))
		}
		f := Frame{
			Type: FrameType(le.Uint16(at[4:])), Flags: le.Uint16(at[6:]), Number: le.Uint64(at[8:]),
			Status: int32(le.Uint32(at[32:])), Payload: at[FrameHeaderSize : FrameHeaderSize+n : FrameHeaderSize+n],
		}
		copy(f.ID[:], at[16:32])
		frames = append(frames, f)
		at = at[end:]
	}
	if len(at) > 0 {
		return nil, fmt.Errorf("frames: %d bytes follow the last one", len(at))
	}
	return frames, nil
}
