package client

// Patch is a JSON Patch (RFC 6902) of at most 100 operations: all are applied, or none is. A
// member that no operation names keeps its value; [Set] with nil makes it null.
type Patch []PatchOperation

// PatchOperation is one operation of a [Patch]. Make one with [Set], [Add], [Remove], [Move],
// [Copy] or [Test].
type PatchOperation struct {
	Op   string `json:"op"`             // add, remove, replace, move, copy or test
	Path string `json:"path"`           // JSON Pointer (RFC 6901) to the value that is changed or tested
	From string `json:"from,omitempty"` // JSON Pointer to the source of move and copy; else ""
	// Value is encoded as JSON; nil is null.
	Value any `json:"value"`
}

// Set replaces the value at a JSON Pointer (RFC 6901), such as /description. Nil makes an optional
// member null.
func Set(path string, value any) PatchOperation {
	return PatchOperation{Op: "replace", Path: path, Value: value}
}

// Add inserts a value into an array, before the index in path or at its end for -, or a member into
// an object.
func Add(path string, value any) PatchOperation {
	return PatchOperation{Op: "add", Path: path, Value: value}
}

// Remove removes an item or a member of an object. An optional member of the resource becomes null.
func Remove(path string) PatchOperation { return PatchOperation{Op: "remove", Path: path} }

// Move moves a value.
func Move(from, path string) PatchOperation {
	return PatchOperation{Op: "move", From: from, Path: path}
}

// Copy copies a value.
func Copy(from, path string) PatchOperation {
	return PatchOperation{Op: "copy", From: from, Path: path}
}

// Test makes the whole patch fail, with [ErrTestFailed], if the value at path is another one.
func Test(path string, value any) PatchOperation {
	return PatchOperation{Op: "test", Path: path, Value: value}
}
