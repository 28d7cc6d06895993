package delivery

import "time"

const (
	pruneInterval = time.Hour
	pruneBatch    = 500
)

// pruneLoop ends history that is older than Config.Retention, in small batches.
func (r *run) pruneLoop() {
	for r.cfg.Retention > 0 && r.claiming.Err() == nil {
		n, err := r.cfg.Store.Prune(r.claiming, r.cfg.Now().Add(-r.cfg.Retention), pruneBatch)
		if err != nil {
			r.health.failed(err)
		}
		if err != nil || n < pruneBatch {
			r.wait(nil, pruneInterval)
		}
	}
}
