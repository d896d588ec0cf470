package mysqlzones

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/miekg/dns"
)

const pingEvery = time.Second // while the database is down

// errDown says that the database is known to be down; nothing was asked.
var errDown = errors.New("the database does not answer, and this name's zone is not in memory")

// Zones finds the zone of a name: in the database, or in memory.
type Zones struct {
	next       plugin.Handler
	pool       *pool
	statements statements
	recheck    time.Duration
	maxRecords int
	upstream   *upstream.Upstream
	down       atomic.Bool
	done       chan struct{}

	lock    sync.Mutex
	memory  map[string]*entry // by origin
	records int               // in memory
}

// entry is one zone as it was at a stamp. Never changed after it was made, but for `checked` under the lock.
type entry struct {
	origin  string
	id      int64
	stamp   int64
	zone    *file.Zone
	records int
	lines   lines // for the next version
	checked time.Time
}

// row is one line of the table of zones.
type row struct {
	id, stamp int64
	origin    string
}

// kind is what a question tells of the zone that it belongs to.
type kind int

const (
	ofAny    kind = iota
	ofApex        // it is most likely for the name of a zone: SOA, a transfer
	ofParent      // for the DS of a zone, which the zone above answers when that is ours too (RFC 4035, section 3.1.4.1)
)

func kindOf(qtype uint16) kind {
	switch qtype {
	case dns.TypeSOA:
		return ofApex
	case dns.TypeDS:
		return ofParent
	}
	return ofAny
}

// find gives the zone that a name belongs to; nil when it is none of ours.
func (z *Zones) find(qname string, question kind) (*entry, error) {
	names := suffixes(qname)
	above := question == ofParent
	if z.down.Load() {
		return z.remembered(names, above)
	}
	if z.recheck > 0 && !above {
		if found := z.fresh(names); found != nil {
			return found, nil
		}
	}
	found, err := z.ask(names, question)
	if err == nil {
		return found, nil
	}
	if !z.down.Swap(true) {
		log.Warningf("The database does not answer, what is in memory is served: %v", err)
	}
	return z.remembered(names, above)
}

// ask looks into the database. What is asked of a zone's own name after each change (proof, secondaries) is one
// statement, which brings the records too when the stamp is new to us. For any other name the zones that it may belong to
// are looked up first, and a second statement reads what changed: to join the records there costs MariaDB 35 us of CPU in
// the place of 23, and nearly all of these questions are for zones that did not change.
func (z *Zones) ask(names []string, question kind) (*entry, error) {
	if question == ofApex {
		if found, err := z.read(names[0]); found != nil || err != nil {
			return found, err
		}
	}
	for range 2 { // a zone may be deleted between the two statements: look again
		rows, err := z.rows(names)
		if err != nil {
			return nil, err
		}
		z.forgetOthers(names, rows)
		found := pick(names, question == ofParent, func(origin string) (row, bool) { r, ok := rows[origin]; return r, ok })
		if found == nil {
			return nil, nil
		}
		if known := z.known(*found); known != nil {
			return known, nil
		}
		if loaded, err := z.read(found.origin); loaded != nil || err != nil {
			return loaded, err
		}
	}
	return &entry{origin: names[0], zone: file.NewZone(names[0], "")}, nil // no SOA: SERVFAIL
}

// suffixes are the names of the zones that a name may belong to, longest first, the root left out.
func suffixes(qname string) []string {
	names := []string{qname}
	for offset, end := dns.NextLabel(qname, 0); !end; offset, end = dns.NextLabel(qname, offset) {
		names = append(names, qname[offset:])
	}
	return names
}

// pick takes the longest name that `get` knows; for the DS of a zone the one above it, when there is one.
func pick[T any](names []string, above bool, get func(string) (T, bool)) *T {
	var apex *T
	for i, name := range names {
		found, ok := get(name)
		if !ok {
			continue
		}
		if above && i == 0 {
			apex = &found
			continue
		}
		return &found
	}
	return apex
}
