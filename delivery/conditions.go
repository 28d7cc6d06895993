package delivery

// Conditions that last, by their messages in the log. Each of them, and each failure that
// can repeat, is logged through logCondition: once, then at most hourly.
const (
	storeAway    = "webhooks: the store does not answer"
	clocksDiffer = "webhooks: the clocks of the store and of this process differ; receivers may refuse signatures," +
		" whose time is this process's"
	cannotBeat          = "webhooks: other hosts cannot see that this one is alive"
	cannotTakeOver      = "webhooks: the leases of a host could not be ended; they end by themselves"
	cannotListen        = "webhooks: cannot listen for wake-ups, polling"
	cannotMeasure       = "webhooks: the queue cannot be measured; the metrics lack it"
	upkeepFailed        = "webhooks: the upkeep of the store failed"
	recoveryStuck       = "webhooks: a recovery cannot go on"
	erasureStuck        = "webhooks: an erasure cannot go on"
	damagedSubscription = "webhooks: the stored data of a subscription cannot be read"
	damagedBody         = "webhooks: the stored body of a message cannot be read"
	senderStuck         = "webhooks: a call of the sender did not return 2 s after its deadline; it was given up"
	cannotSign          = "webhooks: the secrets of a subscription cannot be used"
	tracerPanicked      = "webhooks: the tracer panicked"
)
