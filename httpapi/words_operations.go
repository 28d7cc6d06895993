package httpapi

import (
	"strings"

	"github.com/ecg-api/webhooks"
)

// operationsWords describe the members of the operator's view of all organizations.
var operationsWords = map[string]wording{
	"asOf": {text: "When the store was read, up to 10 s ago.", example: `"2026-08-18T10:03:03.750Z"`},
	"unknown": {
		text: "The parts that the store did not tell within a second, or cannot tell: " + strings.Join([]string{
			webhooks.PartQueue, webhooks.PartTraffic, webhooks.PartHosts, webhooks.PartLayout, webhooks.PartKeys,
		}, ", ") + ". Later versions may add words.",
		example: "[]",
	},
	"capped": {text: "True if a count ended at its bound, so that the number may be larger.", example: "false"},

	"Overview.queue": {
		text: "Attempts in the queue, each count up to 100,000; null if unknown, as are circuitsOpen and recoveriesRunning.",
	},
	"circuitsOpen":          {text: "Subscriptions whose circuit is open.", example: "2"},
	"recoveriesRunning":     {text: "Recoveries that are neither done nor stopped.", example: "0"},
	"Overview.rates":        {text: "Events and attempts of all hosts per second, over the last minute; null if unknown."},
	"Overview.mostFailures": {text: "The organizations with the most failed attempts in the last minute, at most 10."},
	"dispatching":           {text: "The dispatcher runs in the process that answers.", example: "true"},
	"inFlight":              {text: "Attempts under way in the process that answers.", example: "12"},
	"workers":               {text: "The most attempts under way in the process that answers; 0 without a dispatcher.", example: "1536"},
	"Overview.store":        {text: "The store."},
	"Overview.hosts": {
		text: "The dispatchers that the store has seen, the latest first, at most 100. Only PostgreSQL keeps a record of them.",
	},

	"Queue.due":        {text: "Attempts that can be sent now.", example: "3"},
	"Queue.scheduled":  {text: "Attempts that are due later.", example: "40"},
	"Queue.held":       {text: "Attempts that wait for an open circuit, or because the receiver asked for it.", example: "5"},
	"Queue.sending":    {text: "Attempts that a dispatcher has taken.", example: "12"},
	"oldestDueSeconds": {text: "How long the first of the attempts has been due; 0 if none is due.", example: "0.4"},

	"Rates.": {
		text: "Exact for events, and for attempts that were created within the last hour and are among the newest " +
			thousands(webhooks.MaxCounted) + ". The metrics of the hosts have every attempt.",
	},
	"Rates.published": {text: "Published events.", example: "120.5"},
	"Rates.delivered": {text: "Attempts that succeeded.", example: "240.2"},
	"Rates.failed":    {text: "Attempts that failed.", example: "1.5"},
	"Rates.capped":    {text: "True if more were counted than the bound allows within the minute: the rates are higher.", example: "false"},

	"FailureCount.failed": {text: "Attempts.", example: "17"},

	"kind":                        {text: "postgres, sqlite or memory, or the word of another store; null if unknown.", example: `"postgres"`},
	"up":                          {text: "The store answers and can be written.", example: "true"},
	"schemaVersion":               {text: "Of the tables; null if unknown, or if the store has no versions.", example: "12"},
	"Storage.newestSchemaVersion": {text: "That the program needs; null as schemaVersion.", example: "12"},

	"OperationsHost.number": {text: "Given by the store.", example: "7"},
	"silentSeconds":         {text: "Since its last sign of life; one follows each second.", example: "0.3"},
	"dead":                  {text: "Another host found it dead, and ends its leases.", example: "false"},

	"UnhealthySubscription.state":       {example: `"failing"`},
	"UnhealthySubscription.reason":      {text: "One line for a person; null for a plain pause.", example: `"nothing but failures"`},
	"UnhealthySubscription.since":       {text: "Start of the state; of a failing subscription, start of the first failure."},
	"UnhealthySubscription.failures":    {text: "Since the last success.", example: "12"},
	"UnhealthySubscription.nextProbeAt": {text: "When the next probe is allowed; null unless the circuit is open."},
	"UnhealthySubscription.postUri":     {text: "The URL; null for none.", example: `"https://example.com/webhooks"`},

	"Backlogs.organizations": {text: "The organizations with the largest backlogs, the largest first, at most 20."},
	"Backlogs.subscriptions": {text: "The subscriptions with the largest backlogs, the largest first, at most 20."},
	"Backlog.subscriptionId": {text: "null in the list of organizations.", example: `"0195d3a0-5a3e-7000-8000-000000000003"`},

	"waiting": {text: "Queued attempts that are not being sent: due, scheduled and held ones.", example: "1200"},
	"held":    {text: "The part of them that waits for an open circuit, or because the receiver asked for it.", example: "1100"},

	"RecoveryJob.since":         {text: "Deliveries that were created, or events that were published, at or after this time."},
	"RecoveryJob.until":         {text: "Before this time."},
	"RecoveryJob.ratePerSecond": {text: "How many are queued in a second; null for no limit.", example: "50"},
	"RecoveryJob.createdBy":     {text: "The caller's subject; null if unknown.", example: `"alice"`},
	"RecoveryJob.matched":       {text: "What was found when the job was made.", example: "120"},
	"scope":                     {example: `"failed"`},

	"Storage.firstDay": {
		text:    "The first day, in UTC, that has a partition; without partitions, that has an event. null for none, or if unknown.",
		example: `"2026-07-19"`,
	},
	"Storage.lastDay":       {text: "The last such day.", example: `"2026-08-20"`},
	"daysAhead":             {text: "Days after today that have partitions; null without partitions, or if unknown.", example: "2"},
	"bytes":                 {text: "Of all tables with their indexes; null if unknown.", example: "8388608"},
	"erasuresRunning":       {text: "Removals of organizations that are not done; null if unknown.", example: "0"},
	"retentionSeconds":      {text: "How long history is kept; null for ever.", example: "2592000"},
	"auditRetentionSeconds": {text: "How long entries of the audit trail are kept; null for ever.", example: "34560000"},
	"Storage.keys": {
		text: "Ids of the host's keys for encryption at rest: the first one encrypts, all decrypt.", example: `["1f2e3d4c"]`,
	},
	"keysInUse": {
		text:    "Ids of the keys that signing secrets in the store are encrypted with, at most 100; null if unknown.",
		example: `["1f2e3d4c"]`,
	},
}
