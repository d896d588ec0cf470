package mysqlzones

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/coredns/plugin/file"
	"github.com/miekg/dns"
)

const (
	namedRecords = 3   // unreadable records that the log names
	spare        = 512 // octets of text that a zone may have grown by, before its memory is taken anew
)

// lines is what the table says of the records of a zone, beside what was made of it: reading a record anew costs ten
// times as much as finding it here. Line n ends at ends[n] of the text, and became rrs[n].
type lines struct {
	text string
	ends []int
	rrs  []dns.RR
}

func (l lines) byText() map[string]dns.RR {
	found := make(map[string]dns.RR, len(l.rrs))
	start := 0
	for n, end := range l.ends {
		found[l.text[start:end]] = l.rrs[n]
		start = end
	}
	return found
}

// reading is a zone while its records come.
type reading struct {
	*entry
	before map[string]dns.RR // of the version in memory
	text   []byte
	bad    int
}

func newReading(origin string, id, stamp int64, before lines) *reading {
	made := &entry{origin: origin, id: id, stamp: stamp, zone: file.NewZone(origin, ""), checked: time.Now()}
	return &reading{entry: made, before: before.byText(), text: make([]byte, 0, len(before.text)+spare)}
}

// add takes one record. One that cannot be read is left out and named in the log.
func (r *reading) add(hostname, kind, data []byte, ttl int64) {
	start := len(r.text)
	r.text = binary.AppendUvarint(r.text, uint64(len(hostname))) // lengths, so that no two records are one line
	r.text = append(r.text, hostname...)
	r.text = binary.AppendUvarint(r.text, uint64(len(kind)))
	r.text = append(r.text, kind...)
	r.text = binary.AppendVarint(r.text, ttl)
	r.text = append(r.text, data...)
	rr := r.before[string(r.text[start:])]
	if rr != nil {
		r.insertAgain(rr)
	} else {
		var err error
		rr, err = parsed(r.origin, string(hostname), string(kind), string(data), ttl)
		if err == nil {
			err = r.zone.Insert(rr)
		}
		if err != nil {
			r.text = r.text[:start]
			if r.bad++; r.bad <= namedRecords {
				log.Errorf("Zone %s: the record %s %s is left out: %v", r.origin, hostname, kind, err)
			}
			return
		}
	}
	r.records++
	if rr.Header().Rrtype == dns.TypeRRSIG { // what it covers decides where CoreDNS keeps it: it is read anew
		r.text = r.text[:start]
		return
	}
	r.lines.ends = append(r.lines.ends, len(r.text))
	r.lines.rrs = append(r.lines.rrs, rr)
}

// done is the zone, when all of its records came.
func (r *reading) done() *entry {
	r.lines = lines{text: string(r.text), ends: slices.Clone(r.lines.ends), rrs: slices.Clone(r.lines.rrs)}
	return r.entry
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
