package mysqlzones

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

const idleLimit = time.Minute // of a connection that nobody needs

var (
	errBusy   = errors.New("all connections are in use (max_open_conns)")
	errSlow   = errors.New("the rows did not come in time (timeout)")
	errClosed = errors.New("the plug-in was stopped")
)

// pool keeps connections to the database, and on each of them the statements that were prepared there.
//
// It stands in the place of database/sql, which has goroutines of its own watch every statement: waking them costs more
// than the statement does. Here the limits of time are the driver's, on each dial, read and write.
type pool struct {
	connector driver.Connector
	timeout   time.Duration
	down      *atomic.Bool
	places    chan struct{} // one taken for each connection in use

	lock   sync.Mutex
	idle   []*connection // the one used last is the last
	closed bool
}

type connection struct {
	driver.Conn
	prepared map[string]driver.Stmt
	idleFrom time.Time
}

// query gives each row of a statement to `each`; what a row holds is gone after the call. A connection that was kept
// may have ended meanwhile (the server was restarted, or closed it): then another is taken.
func (p *pool) query(statement string, arguments []driver.NamedValue, each func(row []driver.Value) error) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer func() { <-p.places }()
	for {
		c := p.take()
		kept := c != nil
		if !kept {
			var err error
			if c, err = p.dial(); err != nil {
				return err
			}
		}
		rows, err := c.start(statement, arguments, kept)
		if err == nil {
			if err = drain(rows, time.Now().Add(p.timeout), each); err == nil {
				p.give(c)
				return nil
			}
			_ = c.Close()
			p.empty()
			return err
		}
		_ = c.Close()
		var refused *mysql.MySQLError // a prepared statement that the server forgot, among others
		if !kept || !(errors.Is(err, driver.ErrBadConn) || errors.As(err, &refused)) {
			p.empty()
			return err
		}
	}
}

// enter takes a place, and waits for one no longer than the limit. Who waited does not ask a database that was found
// down meanwhile.
func (p *pool) enter() error {
	select {
	case p.places <- struct{}{}:
		return nil
	default:
	}
	limit := time.NewTimer(p.timeout)
	defer limit.Stop()
	select {
	case p.places <- struct{}{}:
	case <-limit.C:
		return errBusy
	}
	if p.down.Load() {
		<-p.places
		return errDown
	}
	return nil
}

// take gives the connection that was used last; nil when none is kept.
func (p *pool) take() *connection {
	p.lock.Lock()
	defer p.lock.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	c := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return c
}

func (p *pool) dial() (*connection, error) {
	p.lock.Lock()
	closed := p.closed
	p.lock.Unlock()
	if closed {
		return nil, errClosed
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.timeout)
	defer cancel()
	conn, err := p.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, prepared: map[string]driver.Stmt{}}, nil
}

func (p *pool) give(c *connection) {
	c.idleFrom = time.Now()
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.closed {
		_ = c.Close()
		return
	}
	p.idle = append(p.idle, c)
}

// trim closes what nobody needed for a while.
func (p *pool) trim() {
	p.lock.Lock()
	defer p.lock.Unlock()
	old := 0
	for old < len(p.idle) && time.Since(p.idle[old].idleFrom) > idleLimit {
		_ = p.idle[old].Close()
		old++
	}
	if old > 0 {
		p.idle = append([]*connection(nil), p.idle[old:]...)
	}
}

func (p *pool) close() {
	p.lock.Lock()
	p.closed = true
	p.lock.Unlock()
	p.empty()
}

// empty closes what is kept: when one connection hangs the others do, and would be found out one by one.
func (p *pool) empty() {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, c := range p.idle {
		_ = c.Close()
	}
	p.idle = nil
}

// start runs a statement, which is prepared the first time. A connection that was `kept` is looked at before.
func (c *connection) start(statement string, arguments []driver.NamedValue, kept bool) (driver.Rows, error) {
	ctx := context.Background()
	if kept {
		if err := c.Conn.(driver.SessionResetter).ResetSession(ctx); err != nil {
			return nil, err
		}
	}
	prepared := c.prepared[statement]
	if prepared == nil {
		var err error
		if prepared, err = c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, statement); err != nil {
			return nil, err
		}
		c.prepared[statement] = prepared
	}
	return prepared.(driver.StmtQueryContext).QueryContext(ctx, arguments)
}

// drain reads all rows, until `deadline`.
func drain(rows driver.Rows, deadline time.Time, each func(row []driver.Value) error) error {
	row := make([]driver.Value, len(rows.Columns()))
	for {
		err := rows.Next(row)
		switch {
		case errors.Is(err, io.EOF):
			return rows.Close()
		case err != nil:
			return fmt.Errorf("reading the rows: %w", err)
		case time.Now().After(deadline):
			return errSlow
		}
		if err := each(row); err != nil {
			return err
		}
	}
}
