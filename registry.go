package webhooks

// Registry is the catalog: categories, the event types in them, and samples of
// their data. The operator owns it; all organizations share it.
//
// The Update methods call change with the current record and with an input that holds its
// values; change edits the input in place. An error from change is returned unchanged, and the
// record stays as it is. Change must be free of side effects and must not call the registry.
// An archived record refuses every change except Restore, with [ErrArchived].
// Activate, Deactivate, Archive and Restore can be repeated.
//
// The built-in category, and its event types and samples, refuse every change with [ErrBuiltIn].
//
// The Delete methods call check, which may be nil, with the record; its error stops the
// deletion.
//
// Methods take the category's id before the event type's.
type Registry struct{ *core }
