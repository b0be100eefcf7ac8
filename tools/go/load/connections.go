package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// pool keeps connections between requests, the longest unused first, so that every one of them stays in use.
type pool struct {
	plan    plan
	mutex   sync.Mutex
	idle    []*connection
	dialled int
}

type connection struct {
	net.Conn
	reader *bufio.Reader
}

// ask sends one request, whose time has come, and returns what became of it: anything but a whole answer with
// status 200 is a failure.
func (p *pool) ask(due time.Time, fresh bool, user string) outcome {
	started := time.Now()
	o := outcome{sent: started.UnixMicro(), late: started.Sub(due).Microseconds(), fresh: fresh, user: user}
	err := p.exchange(&o, started.Add(p.plan.timeout))
	o.took = time.Since(started).Microseconds()
	switch {
	case err != nil:
		o.failure = reason(err)
	case o.status != http.StatusOK:
		o.failure = fmt.Sprintf("status %d", o.status)
	}
	return o
}

func (p *pool) exchange(o *outcome, deadline time.Time) error {
	c, err := p.connection(o.fresh, deadline)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	keep, err := p.once(c, o, deadline)
	if err != nil || !keep || o.fresh {
		_ = c.Close()
		return err
	}
	p.mutex.Lock()
	p.idle = append(p.idle, c)
	p.mutex.Unlock()
	return nil
}

// once writes the request and reads the answer; it tells whether the connection may be used again.
func (p *pool) once(c *connection, o *outcome, deadline time.Time) (bool, error) {
	if err := c.SetDeadline(deadline); err != nil {
		return false, fmt.Errorf("deadline: %w", err)
	}
	closing := ""
	if o.fresh {
		closing = "Connection: close\r\n"
	}
	who := ""
	if o.user != "" {
		who = "x-user: " + o.user + "\r\nCookie: session=" + o.user + "\r\n"
	}
	request := "GET " + p.plan.path + " HTTP/1.1\r\nHost: " + p.plan.host + "\r\nUser-Agent: blue-green-load\r\n" + who + closing + "\r\n"
	if _, err := io.WriteString(c, request); err != nil {
		return false, fmt.Errorf("write: %w", err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return false, fmt.Errorf("read: %w", err)
	}
	defer response.Body.Close()
	o.status, o.version = response.StatusCode, response.Header.Get("X-App-Version")
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return false, fmt.Errorf("body: %w", err)
	}
	return !response.Close, nil
}

// connection returns an idle connection that the other side has not closed, else a new one.
//
// A client must notice a close that has already arrived (RFC 9112 section 9.3): nothing was sent on it, so nothing
// failed. A close that comes later, when the request is on its way, is a failure.
func (p *pool) connection(fresh bool, deadline time.Time) (*connection, error) {
	for !fresh {
		p.mutex.Lock()
		if len(p.idle) == 0 {
			p.dialled++
			p.mutex.Unlock()
			break
		}
		c := p.idle[0]
		p.idle = p.idle[1:]
		p.mutex.Unlock()
		if !closedByPeer(c.Conn) {
			return c, nil
		}
		_ = c.Close()
	}
	dialer := net.Dialer{Deadline: deadline}
	conn, err := dialer.Dial("tcp", p.plan.address)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, reader: bufio.NewReader(conn)}, nil
}

// closedByPeer looks, without waiting, whether the end of the stream has arrived.
func closedByPeer(c net.Conn) bool {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Read(func(descriptor uintptr) bool {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(descriptor), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = n == 0 && err == nil || err != nil && !errors.Is(err, syscall.EAGAIN)
		return true
	})
	return closed || err != nil
}

func reason(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "timeout"
	}
	return err.Error()
}
