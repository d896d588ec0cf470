package mysqlzones

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"github.com/coredns/coredns/plugin/file"
)

const (
	fewestNames = 4   // in a statement; more are rounded up to a power of two, so that few statements are prepared
	mostNames   = 128 // a name has 127 labels at most
)

// statements are those that we ask, for our two tables.
type statements struct {
	look map[int]string // by number of names: which of these zones are there, at which stamps
	read string         // one zone: its stamp, and its records unless we have them at that stamp
}

// prepare writes the statements. The second is one statement, so that stamp and records are of one moment (a consistent
// read of InnoDB). Its IF becomes a constant before any record is looked for, as the zone is found by a unique key: a
// zone that we know costs one look-up.
func prepare(zones, records string) statements {
	made := statements{look: map[int]string{}}
	for count := fewestNames; count <= mostNames; count *= 2 {
		made.look[count] = fmt.Sprintf("SELECT id, zone_name, stamp FROM %s WHERE zone_name IN (?%s)", zones,
			strings.Repeat(",?", count-1))
	}
	made.read = fmt.Sprintf("SELECT z.id, z.stamp, r.hostname, r.type, r.data, r.ttl FROM %s z LEFT JOIN %s r"+
		" ON r.zone_id = IF(z.id <> ? OR z.stamp <> ?, z.id, NULL) AND r.online <> 0 WHERE z.zone_name = ?", zones, records)
	return made
}

// rows are the lines of the table of zones that have one of these names.
func (z *Zones) rows(names []string) (map[string]row, error) {
	count := fewestNames
	for count < len(names) {
		count *= 2
	}
	values := make([]any, count)
	for i := range values {
		values[i] = names[min(i, len(names)-1)]
	}
	found := map[string]row{}
	err := z.pool.query(z.statements.look[count], arguments(values...), func(fields []driver.Value) error {
		id, stamp, err := numbers(fields[0], fields[2])
		if err == nil {
			origin := string(text(fields[1]))
			found[origin] = row{origin: origin, id: id, stamp: stamp}
		}
		return err
	})
	return found, err
}

// read gives the zone of this very name as it is now: from memory when its stamp is the one there, else with every
// record read. Nil when there is none. A record that cannot be read is left out and named in the log; the others are
// served.
func (z *Zones) read(origin string) (*entry, error) {
	known := z.kept(origin)
	id, stamp := int64(-1), int64(-1) // of no zone
	var before lines
	if known != nil {
		id, stamp, before = known.id, known.stamp, known.lines
	}
	var found *reading
	same := false
	err := z.pool.query(z.statements.read, arguments(id, stamp, origin), func(fields []driver.Value) error {
		if found == nil {
			nowID, nowStamp, err := numbers(fields[0], fields[1])
			if same = known != nil && nowID == id && nowStamp == stamp; same || err != nil {
				return err
			}
			found = newReading(origin, nowID, nowStamp, before)
		}
		if fields[2] == nil { // a zone without records
			return nil
		}
		ttl, err := number(fields[5])
		if err == nil {
			found.add(text(fields[2]), text(fields[3]), text(fields[4]), ttl)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case same:
		return z.confirmed(known), nil
	case found == nil:
		return nil, nil
	case found.zone.SOA == nil:
		return &entry{origin: origin, zone: file.NewZone(origin, "")}, nil // SERVFAIL
	}
	found.zone.Upstream = z.upstream
	z.remember(found.done())
	return found.entry, nil
}

func arguments(values ...any) []driver.NamedValue {
	made := make([]driver.NamedValue, len(values))
	for i, value := range values {
		made[i] = driver.NamedValue{Ordinal: i + 1, Value: value}
	}
	return made
}

func text(value driver.Value) []byte {
	found, _ := value.([]byte)
	return found
}

func number(value driver.Value) (int64, error) {
	switch value := value.(type) {
	case int64:
		return value, nil
	case []byte: // columns of another type than ours, and numbers beyond 2**63
		return strconv.ParseInt(string(value), 10, 64)
	}
	return 0, fmt.Errorf("%v is not a number", value)
}

func numbers(first, second driver.Value) (int64, int64, error) {
	one, err := number(first)
	if err != nil {
		return 0, 0, err
	}
	two, err := number(second)
	return one, two, err
}
