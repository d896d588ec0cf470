package mysqlzones

import "time"

// known is the zone in memory, when it is the one of this row.
func (z *Zones) known(r row) *entry {
	z.lock.Lock()
	defer z.lock.Unlock()
	if found := z.memory[r.origin]; found != nil && found.id == r.id && found.stamp == r.stamp {
		found.checked = time.Now()
		return found
	}
	return nil
}

// kept is the zone of this very name in memory, at whatever stamp.
func (z *Zones) kept(origin string) *entry {
	z.lock.Lock()
	defer z.lock.Unlock()
	return z.memory[origin]
}

// confirmed is the zone in memory, of which the database told just now that it is the same.
func (z *Zones) confirmed(e *entry) *entry {
	z.lock.Lock()
	defer z.lock.Unlock()
	e.checked = time.Now()
	return e
}

// fresh is the zone in memory, when it was compared with the database a moment ago.
func (z *Zones) fresh(names []string) *entry {
	z.lock.Lock()
	defer z.lock.Unlock()
	for _, name := range names {
		if found := z.memory[name]; found != nil {
			if time.Since(found.checked) < z.recheck {
				return found
			}
			return nil
		}
	}
	return nil
}

// remembered is the zone in memory while the database is down. What was never asked for cannot be told: SERVFAIL.
func (z *Zones) remembered(names []string, above bool) (*entry, error) {
	z.lock.Lock()
	defer z.lock.Unlock()
	found := pick(names, above, func(origin string) (*entry, bool) { e, ok := z.memory[origin]; return e, ok })
	if found == nil {
		return nil, errDown
	}
	return *found, nil
}

// remember keeps a zone; when memory is full, others (any) go.
func (z *Zones) remember(e *entry) {
	z.lock.Lock()
	defer z.lock.Unlock()
	if old := z.memory[e.origin]; old != nil {
		z.records -= old.records
	}
	z.memory[e.origin] = e
	z.records += e.records
	for origin, other := range z.memory {
		if z.records <= z.maxRecords {
			break
		}
		if other != e {
			delete(z.memory, origin)
			z.records -= other.records
		}
	}
}

// forgetOthers drops from memory what the database no longer has: it must not come back when the database is down.
func (z *Zones) forgetOthers(names []string, rows map[string]row) {
	z.lock.Lock()
	defer z.lock.Unlock()
	for _, name := range names {
		if _, ok := rows[name]; ok {
			continue
		}
		if old := z.memory[name]; old != nil {
			delete(z.memory, name)
			z.records -= old.records
		}
	}
}

// watch pings a database that is down, so that no question has to wait for it; and closes idle connections.
func (z *Zones) watch() {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-z.done:
			return
		case <-ticker.C:
		}
		z.pool.trim()
		if !z.down.Load() {
			continue
		}
		if _, err := z.rows([]string{"."}); err == nil {
			z.down.Store(false)
			log.Info("The database answers again")
		}
	}
}

func (z *Zones) close() error {
	close(z.done)
	z.pool.close()
	return nil
}
