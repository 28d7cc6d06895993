package measure

// Values of labels.
const (
	None = "none" // no error, no answer: the usual case of a label

	Stored      = "stored"      // a publish: the event is stored
	Duplicate   = "duplicate"   // a publish: its idempotency key was used before
	Refused     = "refused"     // a publish, a store call: the caller's mistake, or a conflict
	Unavailable = "unavailable" // the store, or the check of credentials, does not answer
	Canceled    = "canceled"    // the caller did not wait
	Failed      = "failed"      // any other error

	Due       = "due"       // an attempt can be claimed now
	Scheduled = "scheduled" // an attempt is due later
	Held      = "held"      // an attempt waits for its endpoint to work again

	Partitions     = "partitions"      // the upkeep that makes partitions
	Retention      = "retention"       // the upkeep that removes old history
	AuditRetention = "audit_retention" // the upkeep that removes old entries of the audit trail
	OneTime        = "one_time"        // the upkeep that removes ids which were used once and have expired
)

// durations are the buckets of an answer's time, in seconds, up to the longest time-out of an attempt.
var durations = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30}

// calls are the buckets of the time of a call of the store, in seconds.
var calls = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// outcomes are the final states of an attempt, and failures the classes of failed attempts. Package delivery decides on both.
var (
	outcomes = []string{"succeeded", "failed", "cancelled"}
	failures = []string{
		"dns", "connect", "tls", "timeout", "blocked", "http_3xx", "http_4xx", "http_5xx", "broken", "expired", "other",
	}
)

// The instruments of publishing.
var (
	// PublishEvents counts published events, by the result.
	PublishEvents = counter("webhooks.publish.events", "{event}",
		"Events that a caller published, by the result.",
		Label{"result", []string{Stored, Duplicate, Refused, Unavailable, Canceled, Failed}, ""})

	// PublishFanOut has the deliveries of each stored event.
	PublishFanOut = histogram("webhooks.publish.fanout", "{delivery}",
		"Deliveries that a stored event began; 0 if no subscription matched.",
		[]float64{0, 1, 2, 5, 10, 25, 100, 1000, 10_000})

	// PublishDuration has the duration of each call that published.
	PublishDuration = histogram("webhooks.publish.duration", "s",
		"Duration of a call that published events, until they were stored or refused.", calls)
)

// The instruments of attempts.
var (
	// Attempts counts attempts, by the outcome.
	Attempts = counter("webhooks.attempts", "{attempt}",
		"Attempts with a recorded outcome.",
		Label{"outcome", outcomes, ""})

	// AttemptFailures counts failed attempts, by the class that Notice.Class has, too.
	AttemptFailures = counter("webhooks.attempt.failures", "{attempt}",
		"Failed attempts, by the class of the failure.",
		Label{"class", failures, ""})

	// AttemptDuration has the duration of each attempt that was sent.
	AttemptDuration = histogram("webhooks.attempt.duration", "s",
		"Duration of an attempt, from the look-up of the name to the last byte of the answer.", durations,
		Label{"outcome", outcomes[:2], ""})

	// AttemptLag has the delay of each attempt that was sent, behind its due time.
	AttemptLag = histogram("webhooks.attempt.lag", "s",
		"Time from when an attempt was due to the first byte of its request.",
		[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200})

	// Notices counts notices, by the kind; AttemptEnded is in Attempts.
	Notices = counter("webhooks.notices", "{notice}",
		"Changes of state that the dispatcher reported to Config.Observer.",
		Label{"kind", []string{
			"first_failure", "recovered", "exhausted", "circuit_opened", "circuit_closed",
			"subscription_deactivated", "lease_lost", "sender_stuck", "store_down", "store_up",
		}, ""})
)

// The instruments of the dispatcher of this process.
var (
	// DispatcherRunning is missing before the first Start, as are the gauges below.
	DispatcherRunning = gauge("webhooks.dispatcher.running", "",
		"1 if the dispatcher of this process takes in attempts, else 0.")

	// DispatcherListening is about store.Notifier.
	DispatcherListening = gauge("webhooks.dispatcher.listening", "",
		"1 if the store wakes the dispatcher, 0 if it only polls.")

	// InFlight is the number of attempts on the network.
	InFlight = gauge("webhooks.dispatcher.in_flight", "{attempt}", "Attempts that are being sent.")

	// Workers is the limit of InFlight, Config.Workers.
	Workers = gauge("webhooks.dispatcher.workers", "{attempt}", "Attempts that can be sent at once.")

	// Waiting is the number of attempts in the backlog in memory.
	Waiting = gauge("webhooks.dispatcher.waiting", "{attempt}", "Attempts in memory that wait for a worker.")

	// WaitingLimit is the limit of Waiting.
	WaitingLimit = gauge("webhooks.dispatcher.waiting_limit", "{attempt}", "Attempts that can wait in memory.")

	// WaitingBytes is the size of the backlog in memory.
	WaitingBytes = gauge("webhooks.dispatcher.waiting_memory", "By", "Bodies of the attempts that wait in memory.")

	// WaitingBytesLimit is the limit of WaitingBytes.
	WaitingBytesLimit = gauge("webhooks.dispatcher.waiting_memory_limit", "By", "Bodies that can wait in memory.")

	// Unrecorded grows while the store is away.
	Unrecorded = gauge("webhooks.dispatcher.unrecorded", "{attempt}",
		"Attempts that ended, or were given back, and are not written to the store yet.")

	// Stuck is as in Dispatcher.Stuck.
	Stuck = gauge("webhooks.dispatcher.stuck", "{call}",
		"Calls of the Sender that were abandoned and have not returned.")

	// BatchSize has the size of each batch, by the operation.
	BatchSize = histogram("webhooks.batch.size", "{item}",
		"Items of one call of the store: attempts that were claimed, recorded or given back, events that were published.",
		[]float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000},
		Label{"operation", []string{"claim", "record", "defer", "publish"}, ""})

	// TakeOverHosts counts hosts of which this process took attempts over.
	TakeOverHosts = counter("webhooks.takeover.hosts", "{host}", "Dead hosts of which this process made attempts due.")

	// TakeOverAttempts counts the attempts of these leases.
	TakeOverAttempts = counter("webhooks.takeover.attempts", "{attempt}", "Attempts of dead hosts that this process made due.")
)

// The instruments of the queue, which each dispatcher reads from the store every 10 s. All dispatchers of a store show
// the same values.
var (
	// QueueAttempts is the number of attempts in the queue, by their state. See store.Measures.
	QueueAttempts = gauge("webhooks.queue.attempts", "{attempt}",
		"Attempts in the queue; 100,000 means that many or more.",
		Label{"state", []string{Due, Scheduled, Held}, ""})

	// QueueOldestDue is the age of the queue.
	QueueOldestDue = gauge("webhooks.queue.oldest_due.age", "s",
		"Time since the oldest due attempt became due; 0 if none is due.")

	// CircuitsOpen is the number of subscriptions that are only probed.
	CircuitsOpen = gauge("webhooks.circuits.open", "{subscription}", "Subscriptions whose circuit is open.")

	// RecoveriesRunning is the number of recovery jobs under way.
	RecoveriesRunning = gauge("webhooks.recoveries.running", "{recovery}", "Recovery jobs that are not done.")

	// PartitionsAhead is missing for stores without partitions.
	PartitionsAhead = gauge("webhooks.partitions.ahead", "{day}",
		"Days after the present one that have partitions, on PostgreSQL.")
)

// The instruments of regular work.
var (
	// RecoveryBatches counts the steps of recovery jobs.
	RecoveryBatches = counter("webhooks.recovery.batches", "{batch}", "Batches that this process advanced recovery jobs by.")

	// UpkeepLastSuccess is missing until a part of the upkeep has succeeded.
	UpkeepLastSuccess = gauge("webhooks.upkeep.last_success.timestamp", "s",
		"Unix time at which a part of the upkeep last succeeded in this process.",
		Label{"part", []string{Partitions, Retention, AuditRetention, OneTime}, ""})

	// UpkeepFailures counts failed calls, by the part of the upkeep.
	UpkeepFailures = counter("webhooks.upkeep.failures", "{failure}", "Calls of a part of the upkeep that failed.",
		Label{"part", []string{Partitions, Retention, AuditRetention, OneTime}, ""})

	// RemovedMessages counts the messages that retention removed.
	RemovedMessages = counter("webhooks.retention.removed", "{message}", "Messages that were removed because they were old enough.")
)

// The instruments of the store.
var (
	// StoreUp comes from a call of Ping at the reading, which readings of one second share.
	StoreUp = gauge("webhooks.store.up", "",
		"1 if the store answered within a second when the metrics were read, else 0.")

	// StoreDuration has the duration of each call, by the operation.
	StoreDuration = histogram("webhooks.store.duration", "s",
		"Duration of a call of the store.", calls,
		Label{"operation", nil, "the method of store.Store, in snake case"})

	// StoreErrors counts failed calls, by the operation and the class of the error.
	StoreErrors = counter("webhooks.store.errors", "{error}",
		"Calls of the store that returned an error.",
		Label{"operation", nil, "as above"},
		Label{"class", []string{Refused, Unavailable, "read_only", "timeout", Canceled, "other"}, ""})

	// PoolConnections is the number of open connections, by their state.
	PoolConnections = gauge("webhooks.pool.connections", "{connection}",
		"Connections of the store's pool to its database.",
		Label{"state", []string{"in_use", "idle"}, ""})

	// PoolLimit is the limit of the sum of PoolConnections.
	PoolLimit = gauge("webhooks.pool.connections_limit", "{connection}", "Connections that the pool can have; 0 for any number.")

	// PoolWaits counts waits for a connection.
	PoolWaits = total("webhooks.pool.waits", "{wait}", "Waits for a connection, because all were in use.")

	// PoolWaitTime adds up the time of PoolWaits.
	PoolWaitTime = total("webhooks.pool.wait.time", "s", "Time spent in these waits.")
)

// The instruments of REST, and of the program around it.
var (
	// RequestDuration has the duration of each request, by its operation and the class of its status.
	RequestDuration = histogram("webhooks.http.request.duration", "s",
		"Duration of a request to the REST interface, to the last byte of its answer.", durations,
		Label{"method", nil, "of the operation; _OTHER for an unknown one"},
		Label{"route", nil, "path of the operation, with the names of its parameters; none for an unknown path"},
		Label{"status", []string{"2xx", "3xx", "4xx", "5xx", None}, ""})

	// AuthenticationFailures counts requests that were turned away, by the reason.
	AuthenticationFailures = counter("webhooks.http.authentication.failures", "{request}",
		"Requests that were answered with 401, 403, or 503 because credentials could not be checked.",
		Label{"reason", []string{"unauthorized", "forbidden", Unavailable}, ""})

	// Connections is for programs that limit the connections of their listener, as the sample host does.
	Connections = gauge("webhooks.http.connections", "{connection}",
		"Connections of the host's listener: all that are open, and those with a request that has a valid token.",
		Label{"state", []string{"open", "authenticated"}, ""})

	// ConnectionsLimit is the limit of Connections.
	ConnectionsLimit = gauge("webhooks.http.connections_limit", "{connection}", "Largest number of these connections.",
		Label{"state", []string{"open", "authenticated"}, ""})

	// BuildInfo is always 1; its labels carry the versions.
	BuildInfo = gauge("webhooks.build.info", "", "1, with the version of the library and of Go.",
		Label{"version", nil, "of the library"}, Label{"goversion", nil, "of the compiler"})
)
