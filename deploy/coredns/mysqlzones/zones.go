package mysqlzones

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/miekg/dns"
)

const (
	pingEvery    = time.Second // while the database is down
	namedRecords = 3           // unreadable records that a log line names
)

// errDown says that the database is known to be down; nothing was asked.
var errDown = errors.New("the database does not answer, and this name's zone is not in memory")

// Zones finds the zone of a name: in the database, or in memory.
type Zones struct {
	next                     plugin.Handler
	db                       *sql.DB
	zonesTable, recordsTable string
	timeout, recheck         time.Duration
	maxRecords               int
	upstream                 *upstream.Upstream
	down                     atomic.Bool
	done                     chan struct{}

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
	checked time.Time
}

// row is one line of the table of zones.
type row struct {
	id, stamp int64
	origin    string
}

// find gives the zone that a name belongs to; nil when it is none of ours. `above`: the question is for the DS of a
// zone, which the zone above answers when that is ours as well (RFC 4035, section 3.1.4.1).
func (z *Zones) find(ctx context.Context, qname string, above bool) (*entry, error) {
	names := suffixes(qname)
	if z.down.Load() {
		return z.remembered(names, above)
	}
	if z.recheck > 0 && !above {
		if found := z.fresh(names); found != nil {
			return found, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, z.timeout)
	defer cancel()
	found, err := z.ask(ctx, names, above)
	if err == nil {
		return found, nil
	}
	if !z.down.Swap(true) {
		log.Warningf("The database does not answer, what is in memory is served: %v", err)
	}
	return z.remembered(names, above)
}

// ask looks into the database; the zone's records are read only when its stamp is new to us.
func (z *Zones) ask(ctx context.Context, names []string, above bool) (*entry, error) {
	for range 2 { // a zone deleted between the two reads has no SOA: look again
		rows, err := z.rows(ctx, names)
		if err != nil {
			return nil, err
		}
		z.forgetOthers(names, rows)
		found := pick(names, above, func(origin string) (row, bool) { r, ok := rows[origin]; return r, ok })
		if found == nil {
			return nil, nil
		}
		if known := z.known(*found); known != nil {
			return known, nil
		}
		loaded, err := z.load(ctx, *found)
		if err != nil {
			return nil, err
		}
		if loaded.zone.SOA != nil {
			z.remember(loaded)
			return loaded, nil
		}
	}
	return &entry{origin: names[0], zone: file.NewZone(names[0], "")}, nil // no SOA: SERVFAIL
}

func (z *Zones) rows(ctx context.Context, names []string) (map[string]row, error) {
	values := make([]any, len(names))
	for i, name := range names {
		values[i] = name
	}
	query := fmt.Sprintf("SELECT id, zone_name, stamp FROM %s WHERE zone_name IN (?%s)",
		z.zonesTable, strings.Repeat(",?", len(names)-1))
	result, err := z.db.QueryContext(ctx, query, values...)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	rows := map[string]row{}
	for result.Next() {
		var r row
		if err := result.Scan(&r.id, &r.origin, &r.stamp); err != nil {
			return nil, err
		}
		rows[r.origin] = r
	}
	return rows, result.Err()
}

// load reads every record of a zone. One that cannot be read is left out and named in the log; the others are served.
func (z *Zones) load(ctx context.Context, r row) (*entry, error) {
	query := fmt.Sprintf("SELECT hostname, type, data, ttl FROM %s WHERE zone_id = ? AND online <> 0", z.recordsTable)
	result, err := z.db.QueryContext(ctx, query, r.id)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	loaded := &entry{origin: r.origin, id: r.id, stamp: r.stamp, zone: file.NewZone(r.origin, ""), checked: time.Now()}
	loaded.zone.Upstream = z.upstream
	bad := 0
	for result.Next() {
		var hostname, kind, data string
		var ttl int64
		if err := result.Scan(&hostname, &kind, &data, &ttl); err != nil {
			return nil, err
		}
		if err := insert(loaded.zone, r.origin, hostname, kind, data, ttl); err != nil {
			if bad++; bad <= namedRecords {
				log.Errorf("Zone %s: the record %s %s is left out: %v", r.origin, hostname, kind, err)
			}
			continue
		}
		loaded.records++
	}
	return loaded, result.Err()
}

func insert(zone *file.Zone, origin, hostname, kind, data string, ttl int64) error {
	owner := origin
	if hostname != "@" {
		owner = hostname + "." + origin
	}
	if ttl < 0 || ttl > 1<<31-1 {
		return fmt.Errorf("its TTL %d is none (RFC 2181, section 8)", ttl)
	}
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", owner, ttl, kind, data))
	if err != nil {
		return err
	}
	if rr == nil {
		return errors.New("it is empty")
	}
	return zone.Insert(rr)
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
