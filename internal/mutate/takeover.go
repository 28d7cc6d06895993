package main

// identities keep a publish out of a transaction of another database.
var identities = []change{
	{"store/bunstore/identity.go", `if known == nil || *known == found {`, `if true {`, foreignTx},
	{"store/bunstore/identity.go", `if known == nil || *known != found {`, `if known == nil {`, foreignTx},
	{"store/bunstore/identity.go", `pool.MaxOpenConnections > 0 && pool.InUse >= pool.MaxOpenConnections`, `pool.InUse < 0`, foreignTx},
	{"store/bunstore/identity.go", `own != nil {`, `own != nil && false {`, foreignTx},
	{"store/bunstore/identity.go", `if c.checkIdentity == nil {`, `if true {`, foreignTx},
	{"store/bunstore/callertx.go", `if t.pool != s.db.DB {`, `if false {`, foreignTx},
	{"store/bunstore/callertx.go", `case t.ender == nil:`, `case false:`, foreignTx},
	{"store/bunstore/callertx.go", `t.dialect != bundialect.Invalid && `, ``, foreignTx},
	{"store/bunstore/match.go", `if c.checkIdentity != nil {`, `if false {`, foreignTx},
	{"store/bunstore/match.go", `return c.checkIdentity(m.subscription)`, `return nil`, foreignTx},
	{"store/bunstore/eventtypes.go", `cmp.Or(c.checkTx(ctx), store.ErrNotFound)`, `cmp.Or(store.ErrNotFound)`, foreignTx},
	{"store/bunstore/eventtypes.go", `case c.checkIdentity != nil:`, `case false:`, foreignTx},
	{"store/bunstore/errors.go", `case isMissingTable(err) && t.pool != s.db.DB:`, `case false:`, foreignTx},
	{"store/bunstore/errors.go", `case s.isOtherDatabase(err):`, `case false:`, foreignTx},
}

// takeovers decide which host is dead, and end its leases alone.
var takeovers = []change{
	{"store/bunstore/hosts.go", `lockedSilence   = 3 *`, `lockedSilence   = 5 *`, hostsFoundDead},
	{"store/bunstore/hosts.go", `unlockedSilence = 15 *`, `unlockedSilence = 5 *`, hostsFoundDead},
	{"store/bunstore/hosts.go", `unlockedSilence = 15 *`, `unlockedSilence = 25 *`, hostsFoundDead},
	{"store/bunstore/hosts.go", `beatGap    = 2500 *`, `beatGap    = 25000 *`, hostsFoundDead},
	{"store/bunstore/hosts.go", `settleTime = 5 *`, `settleTime = 0 *`, hostsFoundDead},
	{"store/bunstore/hosts.go", ` AND me.judges_at <= {now}`, ``, hostsFoundDead},
	{"store/bunstore/hosts.go", `WHEN h.dead THEN true`, `WHEN h.dead THEN false`, hostsFoundDead},
	{"store/bunstore/hosts.go", `WHEN h.locked AND h.beat_at <`, `WHEN h.locked AND h.beat_at >`, hostsFoundDead},
	{"store/bunstore/hosts.go", `THEN pg_try_advisory_xact_lock(`, `THEN true OR pg_try_advisory_xact_lock(`, hostsFoundDead},
	{"store/bunstore/hosts.go", `WHERE number = ? AND NOT dead`, `WHERE number = ?`, hostsFoundDead},
	{"store/bunstore/hosts.go", `if locks[host] {`, `if true {`, hostsFoundDead},
	{"store/bunstore/hosts.go", `AND NOT EXISTS (`, `AND EXISTS (`, hostsFoundDead},
	{"store/bunstore/hosts.go", ` AND q.token >> 32 = h.number`, ``, hostLeases},
	{"store/bunstore/hosts.go", ` AND token >> 32 = ?`, ` AND CAST(? AS bigint) > 0`, hostLeases},
	{"store/bunstore/hosts.go", `AND q.sending AND`, `AND`, hostLeases},
	{"store/bunstore/hosts.go", `AND sending AND`, `AND`, hostLeases},
	{"store/bunstore/hosts.go", `host<<hostBits + n`, `0*host + n`, hostLeases},
	{"store/bunstore/hosts.go", `if n < endBatch {`, `if n <= endBatch {`, hostLeases},
	{"store/bunstore/hosts.go", "\t\t\ts.hosts.Delete(host)\n", "", hostsFoundDead},
	{"store/bunstore/hostfile.go", `if left || f.conn == nil {`, `if left && false || f.conn == nil {`, hostsFoundDead},
	{"store/bunstore/hostfile.go", `case err == nil:`, `case err == nil || isLocked(err):`, hostsFoundDead},
	{"delivery/presence.go", `p.until.IsZero() || now.Before(p.until)`, `true`, presences},
	{"delivery/presence.go", `host == p.host && p.lasts(now)`, `host == p.host`, presences},
	{"delivery/presence.go", `host == p.host && p.lasts(now)`, `p.lasts(now)`, presences},
	{"delivery/presence.go", `return host == 0 || `, `return `, presences},
	{"delivery/presence.go", `began.Add(b.Silent)`, `began.Add(r.cfg.Clock.Now().Sub(began) + b.Silent)`, presences},
	{"delivery/presence.go", `range b.Dead {`, `range b.Dead[:0] {`, presences},
	{"delivery/presence.go", `r.pause(r.present, store.BeatInterval) {
		r.beat`, `r.pause(r.present, 2*store.BeatInterval) {
		r.beat`, presences},
	{"delivery/presence.go", `if host == 0 {`, `if true {`, presences},
	{"delivery/presence.go", "\t\tr.signal()\n", "", presences},
	{"delivery/claim.go", `r.hosts.leaseAs(began)`, `0*r.hosts.leaseAs(began)`, presences},
	{"delivery/presence.go", `!r.leases.inDoubt(r.cfg.Clock.Now())`, `true`, presences},
	{"delivery/leases.go", `calls.Wait()`, `calls.Add(0)`, presences},
	{"delivery/leases.go", `return known
`, `return known && false
`, presences},
	{"delivery/leases.go", `delete(l.known, `, `delete(map[leaseID]struct{}{}, `, presences},
	{"delivery/claim.go", `r.leases.unsure(answered)`, `r.leases.inDoubt(answered)`, presences},
	{"delivery/intake.go", `r.leases.add(jobs)`, `r.leases.add(nil)`, presences},
	{"delivery/intake.go", `if v.taken > 0 && len(jobs) == 0 {`, `if false {`, presences},
	{"delivery/intake.go", `Host: r.hosts.leaseAs(now)`, `Host: 0`, presences},
	{"delivery/attempt.go", `, !r.hosts.keeps(t.host, r.cfg.Clock.Now()):`, `:`, presences},
}
