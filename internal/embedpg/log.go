package embedpg

import (
	"io"
	"os"
	"strings"
)

// maxLogExcerpt is how many bytes of the server's log an error quotes.
const maxLogExcerpt = 4 << 10

// rotateLog keeps the log of a server that is restarted for years from filling the disk. It is not worth failing a start.
func (s *Server) rotateLog() {
	if s.logSize() > maxLogSize {
		if err := os.Rename(s.LogPath(), s.LogPath()+".1"); err != nil {
			s.log.Warn("the private PostgreSQL server's log is large and could not be put aside", "path", s.LogPath(), "error", err)
		}
	}
}

func (s *Server) logSize() int64 {
	info, err := os.Stat(s.LogPath())
	if err != nil {
		return 0
	}
	return info.Size()
}

// logSince returns what the server logged after offset, from the end.
func (s *Server) logSince(offset int64) string {
	f, err := os.Open(s.LogPath())
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, max(offset, s.logSize()-maxLogExcerpt), maxLogExcerpt))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}
