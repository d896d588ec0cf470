package mysqlzones

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/coredns/plugin/file"
	"github.com/miekg/dns"
)

const namedRecords = 3 // unreadable records that a log line names

// reading is a zone while its records come. `before` are the lines of the version in memory: reading a record anew costs
// ten times as much as finding it there.
type reading struct {
	*entry
	before map[string]dns.RR
	line   []byte
	bad    int
}

func newReading(origin string, id, stamp int64, before map[string]dns.RR) *reading {
	made := &entry{origin: origin, id: id, stamp: stamp, zone: file.NewZone(origin, ""), checked: time.Now()}
	made.lines = make(map[string]dns.RR, len(before))
	return &reading{entry: made, before: before}
}

// add takes one record. One that cannot be read is left out and named in the log.
func (r *reading) add(hostname, kind, data []byte, ttl int64) {
	// Lengths first, so that no two records are one line.
	r.line = binary.AppendUvarint(r.line[:0], uint64(len(hostname)))
	r.line = append(r.line, hostname...)
	r.line = binary.AppendUvarint(r.line, uint64(len(kind)))
	r.line = append(r.line, kind...)
	r.line = binary.AppendVarint(r.line, ttl)
	r.line = append(r.line, data...)
	if rr := r.before[string(r.line)]; rr != nil {
		r.records++
		r.lines[string(r.line)] = rr
		r.insertAgain(rr)
		return
	}
	rr, err := parsed(r.origin, string(hostname), string(kind), string(data), ttl)
	if err == nil {
		err = r.zone.Insert(rr)
	}
	if err != nil {
		if r.bad++; r.bad <= namedRecords {
			log.Errorf("Zone %s: the record %s %s is left out: %v", r.origin, hostname, kind, err)
		}
		return
	}
	r.records++
	if rr.Header().Rrtype != dns.TypeRRSIG { // what it covers decides where CoreDNS keeps it
		r.lines[string(r.line)] = rr
	}
}

// insertAgain puts a record where file.Zone.Insert put it before: that one writes in the record, which is being served.
func (r *reading) insertAgain(rr dns.RR) {
	switch known := rr.(type) {
	case *dns.SOA:
		r.zone.SOA = known
	case *dns.NS:
		if known.Hdr.Name == r.origin {
			r.zone.NS = append(r.zone.NS, known)
			return
		}
		r.zone.Tree.Insert(known)
	default:
		r.zone.Tree.Insert(known)
	}
}

func parsed(origin, hostname, kind, data string, ttl int64) (dns.RR, error) {
	owner := origin
	if hostname != "@" {
		owner = hostname + "." + origin
	}
	if ttl < 0 || ttl > 1<<31-1 {
		return nil, fmt.Errorf("its TTL %d is none (RFC 2181, section 8)", ttl)
	}
	line := owner + " " + strconv.FormatInt(ttl, 10) + " IN " + kind + " " + data + "\n"
	parser := dns.NewZoneParser(strings.NewReader(line), ".", "")
	rr, _ := parser.Next()
	if err := parser.Err(); err != nil {
		return nil, err
	}
	if rr == nil {
		return nil, errors.New("it is empty")
	}
	return rr, nil
}
