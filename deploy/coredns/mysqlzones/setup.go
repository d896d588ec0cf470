// Package mysqlzones answers for the zones in the tables `zones` and `records` of a MySQL or MariaDB database, as
// DirectDNSOnly's backend coredns_mysql writes them.
//
// The answers are those of CoreDNS's own zone data (package file): AA, NXDOMAIN and NODATA with the SOA, referrals,
// wildcards, CNAME chains, transfers. What is added here is where a zone comes from and when it is read again: every
// question asks the database which zone it belongs to, and at which stamp that zone is; a zone whose stamp is known is
// answered from memory. So a change, a new zone and a deletion count from the commit on, and a database that is down
// leaves what is in memory served.
//
//	handler.go  the plug-in: questions and transfers
//	zones.go    which zone a question belongs to
//	memory.go   zones in memory, a database that is down
//	tables.go   the statements
//	records.go  a zone made of rows
//	pool.go     connections
package mysqlzones

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/go-sql-driver/mysql"
)

const name = "mysqlzones"

var (
	log   = clog.NewWithPlugin(name)
	table = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
)

func init() { plugin.Register(name, setup) }

func setup(c *caddy.Controller) error {
	zones, err := parse(c)
	if err != nil {
		return plugin.Error(name, err)
	}
	c.OnStartup(func() error { go zones.watch(); return nil })
	c.OnShutdown(zones.close)
	dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler {
		zones.next = next
		return zones
	})
	return nil
}

func parse(c *caddy.Controller) (*Zones, error) {
	zones := &Zones{
		maxRecords: 5_000_000, upstream: upstream.New(), memory: map[string]*entry{}, done: make(chan struct{}),
	}
	var dsn string
	zonesTable, recordsTable, timeout, conns := "zones", "records", 2*time.Second, 16
	for c.Next() {
		if len(c.RemainingArgs()) > 0 {
			return nil, c.ArgErr()
		}
		for c.NextBlock() {
			option := c.Val()
			args := c.RemainingArgs()
			if len(args) != 1 {
				return nil, c.Errf("%s wants one value", option)
			}
			var err error
			switch value := args[0]; option {
			case "dsn":
				dsn = value
			case "dsn_file":
				var text []byte
				if text, err = os.ReadFile(value); err == nil {
					dsn = strings.TrimSpace(string(text))
				}
			case "zones_table", "records_table":
				if !table.MatchString(value) {
					return nil, c.Errf("%s: %q is not a table name", option, value)
				}
				if option == "zones_table" {
					zonesTable = value
				} else {
					recordsTable = value
				}
			case "timeout":
				timeout, err = time.ParseDuration(value)
			case "recheck":
				zones.recheck, err = time.ParseDuration(value)
			case "max_records":
				zones.maxRecords, err = strconv.Atoi(value)
			case "max_open_conns":
				conns, err = strconv.Atoi(value)
			default:
				return nil, c.Errf("unknown option %q", option)
			}
			if err != nil {
				return nil, c.Errf("%s: %v", option, err)
			}
		}
	}
	if dsn == "" {
		return nil, c.Err("dsn or dsn_file is missing")
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, c.Err("the dsn cannot be read") // the error of the driver may hold the password
	}
	// No call without a limit: the driver itself has none.
	for _, limit := range []*time.Duration{&config.Timeout, &config.ReadTimeout, &config.WriteTimeout} {
		if *limit == 0 {
			*limit = timeout
		}
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, c.Err("the dsn cannot be used")
	}
	zones.pool = &pool{connector: connector, timeout: timeout, down: &zones.down, places: make(chan struct{}, max(conns, 1))}
	zones.statements = prepare(zonesTable, recordsTable)
	return zones, nil
}
