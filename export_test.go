package webhooks

// Limits that tests compare with the promised numbers.
const (
	MaxRecoveryRate = maxRecoveryRate
	MaxBuckets      = maxBuckets
)
