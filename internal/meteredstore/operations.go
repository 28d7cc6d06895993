package meteredstore

import (
	"context"
	"time"

	"github.com/ecg-api/webhooks/store"
)

type operations struct {
	m *metered
	store.Operations
}

func (o operations) Layout(ctx context.Context) (_ store.Layout, err error) {
	defer o.m.called("layout", o.m.now(), &err)
	return o.Operations.Layout(ctx)
}

func (o operations) SeenHosts(ctx context.Context, most int) (_ []store.SeenHost, err error) {
	defer o.m.called("seen_hosts", o.m.now(), &err)
	return o.Operations.SeenHosts(ctx, most)
}

func (o operations) Traffic(ctx context.Context, since time.Time, most int) (_ store.Traffic, err error) {
	defer o.m.called("traffic", o.m.now(), &err)
	return o.Operations.Traffic(ctx, since, most)
}

func (o operations) Backlogs(ctx context.Context, top, most int) (_ store.Backlogs, err error) {
	defer o.m.called("backlogs", o.m.now(), &err)
	return o.Operations.Backlogs(ctx, top, most)
}

func (o operations) Unhealthy(ctx context.Context, q store.UnhealthyQuery) (_ store.List[store.Target], err error) {
	defer o.m.called("unhealthy", o.m.now(), &err)
	return o.Operations.Unhealthy(ctx, q)
}

func (o operations) RecoveryJobs(ctx context.Context, q store.RecoveryQuery) (_ store.List[store.Recovery], err error) {
	defer o.m.called("recovery_jobs", o.m.now(), &err)
	return o.Operations.RecoveryJobs(ctx, q)
}

func (o operations) NextSecretKey(ctx context.Context, from []byte) (_ []byte, err error) {
	defer o.m.called("next_secret_key", o.m.now(), &err)
	return o.Operations.NextSecretKey(ctx, from)
}
