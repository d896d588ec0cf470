package mysqlzones

import (
	"context"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/transfer"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// Name implements plugin.Handler.
func (z *Zones) Name() string { return name }

// Ready implements ready.Readiness: the database answers.
func (z *Zones) Ready() bool { return !z.down.Load() }

// ServeDNS implements plugin.Handler. The answer is made by CoreDNS's file plug-in out of the zone that we found.
func (z *Zones) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if r.Opcode != dns.OpcodeQuery {
		return dns.RcodeNotImplemented, nil
	}
	state := request.Request{W: w, Req: r}
	found, err := z.find(state.Name(), kindOf(state.QType()))
	if err != nil {
		return dns.RcodeServerFailure, plugin.Error(name, err)
	}
	if found == nil && z.next != nil {
		return plugin.NextOrFailure(name, z.next, ctx, w, r)
	}
	answers := file.File{ZoneLookupFunc: func(string) (string, *file.Zone, bool) {
		if found == nil {
			return "", nil, false // REFUSED
		}
		return found.origin, found.zone, true
	}}
	return answers.ServeDNS(ctx, w, r)
}

// Transfer implements transfer.Transferer, for the plug-in transfer: who may transfer is said in the Corefile.
func (z *Zones) Transfer(zone string, serial uint32) (<-chan []dns.RR, error) {
	found, err := z.find(dns.CanonicalName(zone), ofApex)
	if err != nil {
		return nil, err
	}
	if found == nil || found.origin != dns.CanonicalName(zone) {
		return nil, transfer.ErrNotAuthoritative
	}
	return found.zone.Transfer(serial)
}
