package ramet

import (
	"io"
	"os"
	"sync"
	"syscall"
)

const (
	// Goroutines of methods wait while more is to be written.
	maxWaitingBytes = 208 * 1024
	// With more that the context does not take, the link is not read.
	maxQueuedBytes = 32 * 1024 * 1024
	readBytes      = 256 * 1024
)

// link is the module's socket. Everything but read() under the runtime's lock.
type link struct {
	fd      int
	file    *os.File
	queued  []byte // behind what the writer is writing
	writing int    // bytes of that
	more    *sync.Cond
	room    *sync.Cond
}

func newLink(fd int, lock sync.Locker) (*link, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	l := &link{fd: fd, file: os.NewFile(uintptr(fd), "link"),
		more: sync.NewCond(lock), room: sync.NewCond(lock)}
	return l, nil
}

// read blocks. Its end, in any way, is the end of the process.
func (l *link) read(buffer []byte) int {
	count, err := l.file.Read(buffer)
	if count == 0 || err == io.EOF {
		exit(0)
	}
	return count
}

func (l *link) waitingBytes() int { return len(l.queued) + l.writing }

// write never blocks: what does not go now is the writer's.
func (l *link) write(data []byte) {
	if l.waitingBytes() == 0 {
		count, err := syscall.Write(l.fd, data)
		if count > 0 {
			data = data[count:]
		}
		if err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
			exit(0)
		}
	}
	if len(data) == 0 {
		return
	}
	l.queued = append(l.queued, data...)
	l.more.Signal()
}

// runWriter writes what write() could not, for ever.
func (l *link) runWriter() {
	l.more.L.Lock()
	for {
		for len(l.queued) == 0 {
			l.more.Wait()
		}
		data := l.queued
		l.queued, l.writing = nil, len(data)
		l.more.L.Unlock()
		// In pieces, so that who waits for room has it early.
		for len(data) > 0 {
			piece := data
			if len(piece) > maxPayloadBytes {
				piece = piece[:maxPayloadBytes]
			}
			if _, err := l.file.Write(piece); err != nil {
				exit(0)
			}
			data = data[len(piece):]
			l.more.L.Lock()
			l.writing = len(data)
			l.room.Broadcast()
			l.more.L.Unlock()
		}
		l.more.L.Lock()
	}
}

// waitForRoom is for goroutines of methods.
func (l *link) waitForRoom(bytes int) {
	for l.waitingBytes() > bytes {
		l.room.Wait()
	}
}

// exit ends the process, whatever other goroutines do.
func exit(status int) { os.Exit(status) }
