package webhooks

// Registry is the catalog: categories, the event types in them, and samples of
// their data. It is the operator's, shared by all organizations.
//
// The Update methods call change with the thing as it is and with what may be
// changed of it, in place. An error from change is returned as it is and nothing
// is changed. Change must be free of side effects and must not call the registry.
// What is archived refuses every change but restoring, with [ErrArchived].
// Activate, Deactivate, Archive and Restore can be repeated.
type Registry struct{ *core }
