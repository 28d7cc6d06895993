//go:build unix

package main

import (
	"reflect"
	"testing"
	"time"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	request := func(sent, answered int) *arrival { return &arrival{at: at(sent), answered: at(answered)} }
	failed := func(sent, answered int) *arrival { a := request(sent, answered); a.failed = true; return a }
	altered := func(sent, answered int) *arrival { a := request(sent, answered); a.body = 1; return a }
	ack := map[int]acknowledgement{0: {"id", at(0)}}
	for _, test := range []struct {
		rule   string
		all    []*arrival
		faults []fault
		want   verdict
	}{
		{"WithoutARequestIsALoss", nil, nil, verdict{lost: 1}},
		{"OfOneRequestIsADelivery", []*arrival{request(1, 2)}, nil, verdict{delivered: 1, slowest: time.Second}},
		{"OfARetryIsNoDuplicate", []*arrival{failed(1, 2), request(3, 4)}, nil, verdict{delivered: 1, slowest: time.Second}},
		{
			"OfASecondRequestWithoutAFaultIsUnexplained",
			[]*arrival{request(1, 2), request(3, 4)},
			nil,
			verdict{delivered: 1, duplicated: 1, unexplained: 1, slowest: time.Second, examples: []string{
				"an unexplained duplicate came 2s after the first request, whose answer took 1s",
			}},
		},
		{
			"OfASecondRequestAfterADeathIsExplained",
			[]*arrival{request(1, 3), request(40, 41)},
			[]fault{{at(2), at(2)}},
			verdict{delivered: 1, duplicated: 1, inFlight: 1, slowest: time.Second},
		},
		{
			"OfARequestThatWasRecordedBeforeTheDeathIsUnexplained",
			[]*arrival{request(1, 2), request(40, 41)},
			[]fault{{at(20), at(21)}},
			verdict{delivered: 1, duplicated: 1, unexplained: 1, slowest: time.Second, examples: []string{
				"an unexplained duplicate came 39s after the first request, whose answer took 1s; " +
					"the last fault before the duplicate began 19s after the first request, and ended 20s after it",
			}},
		},
		{"OfAChangedBodyIsAltered", []*arrival{failed(1, 2), altered(3, 4)}, nil, verdict{delivered: 1, altered: 1, slowest: time.Second}},
		{
			"TakesOverFromTheDeathOn",
			[]*arrival{request(42, 43)},
			[]fault{{at(2), at(2)}},
			verdict{
				delivered: 1, takeOver: 40 * time.Second, waits: []time.Duration{40 * time.Second}, slowest: 42 * time.Second,
			},
		},
	} {
		t.Run(test.rule, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			if test.all != nil {
				l.arrivals[delivery{"/a", "id"}] = test.all
			}
			if got := l.judge([]string{"/a"}, ack, test.faults); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	t.Run("OfAnEventWithTwoIdsIsTwice", func(t *testing.T) {
		t.Parallel()
		l := newLedger()
		l.arrivals[delivery{"/a", "id"}] = []*arrival{request(1, 2)}
		l.arrivals[delivery{"/a", "other"}] = []*arrival{request(1, 2)}
		if got := l.judge([]string{"/a"}, ack, nil); got.twice != 1 {
			t.Errorf("got %+v", got)
		}
	})
}
