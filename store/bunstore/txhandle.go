package bunstore

// Handle returns a value that is the same for all wrappers of a transaction. Package webhookstest finds with it the
// events that were published in the transaction.
func (t *transaction) Handle() any {
	if t.pgx != nil {
		return t.pgx
	}
	return t.sql
}
