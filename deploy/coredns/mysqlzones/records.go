package mysqlzones

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
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
	if rr := address(owner, kind, data, ttl); rr != nil {
		return rr, nil
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

// address is an A or AAAA record, of which most zones are made, without the parser, which costs eight times as much. Nil
// for any other, and for whatever is not plain: the parser says what is wrong with it.
func address(owner, kind, data string, ttl int64) dns.RR {
	odd := func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-_.*", c))
	}
	if kind != "A" && kind != "AAAA" || strings.ContainsFunc(owner, odd) {
		return nil
	}
	if _, ok := dns.IsDomainName(owner); !ok {
		return nil
	}
	ip := net.ParseIP(data)
	is6 := strings.Contains(data, ":")
	switch {
	case ip == nil || is6 != (kind == "AAAA"):
		return nil
	case is6:
		return &dns.AAAA{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: uint32(ttl)}, AAAA: ip}
	}
	return &dns.A{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: uint32(ttl)}, A: ip}
}
