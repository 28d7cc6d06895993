//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// stormSchedule are the waits between the attempts in a storm of retries.
const stormSchedule = "1s,1s,2s,2s,4s,4s,8s,8s"

// retryStorm lets all endpoints fail for a while.
func retryStorm(ctx context.Context, t *trial) error {
	var works atomic.Bool
	behave := func(delivery, int) (int, time.Duration) {
		if works.Load() {
			return http.StatusOK, 0
		}
		return http.StatusInternalServerError, 0
	}
	if err := t.setUp(ctx, 2, behave, "--retry-schedule="+stormSchedule); err != nil {
		return err
	}
	stop := t.publisher.background(ctx, t.rate)
	defer t.publisher.abandon()
	if err := wait(ctx, t.during); err != nil {
		return err
	}
	works.Store(true)
	began := time.Now()
	stop()
	v := t.conclude(ctx)
	a, _ := t.receiver.requests("/a")
	b, _ := t.receiver.requests("/b")
	drained := time.Since(began)
	t.result.note("%d requests for %d deliveries; the last one %.1f s after the endpoints worked again", a+b, v.delivered, drained.Seconds())
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.result.check("time to drain in seconds", drained.Seconds(), atMost(maxLease.Seconds()))
	return nil
}

// soakEndpoints are the subscriptions of a soak. The last one is a bad endpoint: 5 %.
const soakEndpoints = 20

// soak delivers at a steady rate and watches the size of hosts and tables.
func soak(ctx context.Context, t *trial) error {
	behave := func(d delivery, _ int) (int, time.Duration) {
		if strings.HasPrefix(d.path, "/bad") {
			return http.StatusInternalServerError, 0
		}
		return http.StatusOK, 20 * time.Millisecond
	}
	if err := t.onPostgres(ctx); err != nil {
		return err
	}
	if err := t.hosts(ctx, 2); err != nil {
		return err
	}
	var paths []string
	for i := range soakEndpoints - 1 {
		paths = append(paths, fmt.Sprintf("/good/%d", i))
	}
	if err := t.receive(ctx, behave, paths...); err != nil {
		return err
	}
	bad, err := t.fleet.subscribe(ctx, t.receiver.server.URL+"/bad")
	if err != nil {
		return err
	}
	stop := t.publisher.background(ctx, max(1, t.rate/soakEndpoints))
	defer t.publisher.abandon()
	if err := t.flat(ctx); err != nil {
		return err
	}
	stop()
	if err := t.fleet.unsubscribe(ctx, t.fleet.hosts[0], bad); err != nil {
		return err
	}
	v := t.conclude(ctx)
	t.result.check("duplicated", float64(v.duplicated), atMost(0))
	t.result.check("longest time from acknowledgement to delivery in seconds", v.slowest.Seconds(), atMost(maxResume.Seconds()))
	return nil
}

// flat asserts that hosts and queue are no larger at the end than after the first half.
func (t *trial) flat(ctx context.Context) error {
	var sizes [2]usage
	var queue [2]float64
	for i := range sizes {
		if err := wait(ctx, t.during/2); err != nil {
			return err
		}
		for _, h := range t.fleet.hosts {
			u, err := t.usage(ctx, h)
			if err != nil {
				return err
			}
			sizes[i].memory += u.memory
			sizes[i].goroutines += u.goroutines
			sizes[i].descriptors += u.descriptors
		}
		if err := t.db.QueryRowContext(ctx, `SELECT pg_total_relation_size('webhooks.queue') / 1048576.0`).Scan(&queue[i]); err != nil {
			return err
		}
	}
	t.result.check("growth of memory in MiB in the second half", sizes[1].memory-sizes[0].memory, atMost(64))
	t.result.check("growth of goroutines", sizes[1].goroutines-sizes[0].goroutines, atMost(200))
	t.result.check("growth of descriptors", sizes[1].descriptors-sizes[0].descriptors, atMost(200))
	t.result.check("growth of the queue's table and indexes in MiB", queue[1]-queue[0], atMost(16))
	return nil
}
