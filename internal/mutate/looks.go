package main

// looks decide when claims look at the whole queue, and how much of it at once; how soon a task comes back that found no room; and
// at how many old messages retention looks.
var looks = []change{
	{"delivery/watermark.go", `return w.scanCost > fullScanInterval/scanShare`, `return false`, claimPlans},
	{"delivery/watermark.go", `return w.scanCost > sliceCost`, `return false`, claimPlans},
	{"delivery/watermark.go", `scanShare*w.lookCost`, `0*w.lookCost`, claimPlans},
	{"delivery/watermark.go", `min(scanShare*w.lookCost, maxLookPause)`, `scanShare*w.lookCost`, claimPlans},
	{"delivery/watermark.go", `if w.latest = !w.latest; w.latest {`, `if false {`, claimPlans},
	{"delivery/watermark.go", `case l.latest: //`, `case false: //`, claimPlans},
	{"delivery/watermark.go", `w.at.IsZero() || w.looking ||`, `w.at.IsZero() ||`, claimPlans},
	{"delivery/watermark.go", `case cost > sliceCost:`, `case false:`, claimPlans},
	{"delivery/watermark.go", `case cost < sliceCost/4:`, `case false:`, claimPlans},
	{"delivery/watermark.go", `case more: //`, `case false: //`, claimPlans},
	{"delivery/watermark.go", `max(0, took-w.claimTook)
	w.lookCost`, `max(0, took)
	w.lookCost`, claimPlans},
	{"delivery/watermark.go", `own, ok := w.skipped[id]; ok {`, `own, ok := w.skipped[id]; ok && own.IsZero() {`, claimPlans},
	{"delivery/watermark.go", `if own.Before(at) && !slices`, `if own.Before(at) && false && !slices`, claimPlans},
	{"delivery/watermark.go", `if from.Before(own) {`, `if from.Before(own) && false {`, claimPlans},
	{"delivery/planner.go", `if len(skipped) > 0 && !p.watermark.sweeps() {`, `if len(skipped) > 0 {`, claimPlans},
	{"delivery/planner.go", `if !p.watermark.scanIsSlow() {
		from`, `if false {
		from`, claimPlans},
	{"delivery/lane.go", `200 * time.Millisecond, 5 * time.Second`, `200 * time.Millisecond, 30 * time.Second`, claimPlans},
	{"store/bunstore/messages.go", `.Order("m.id")`, `.Order("m.created_at")`, retention},
	{"store/bunstore/messages.go", `"m.id < ?", id(store.FirstID(before))`, `"m.id IS NOT NULL"`, retention},
	{"store/bunstore/messages.go", `Where("(m.created_at < ?) IS TRUE", instant(before)).`, ``, retention},
	{"store/bunstore/messages.go", `a.chain_attempts > 1`, `a.chain_attempts > 2`, retention},
	{"store/bunstore/retention.go", `of(q).Where("m.id > ?", *last)`, `of(q)`, retention},
	{"store/bunstore/retention.go", `s.messagesAfter.Store(nil)`, `_ = s`, retention},
	{"delivery/record.go", `r.rescanFrom(advanced.Add(-maxLookBack))`, `r.signal()`, claimPlans},
}
