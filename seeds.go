package webhooks

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/internal/strictjson"
	"github.com/ecg-api/webhooks/store"
)

// seedDocument is a part of the catalog in a JSON file.
type seedDocument struct {
	Version     string         `json:"version"`
	Description string         `json:"description"`
	Categories  []seedCategory `json:"categories"`
}

type seedCategory struct {
	Name        string      `json:"name"`
	Code        string      `json:"code"`
	Description string      `json:"description"`
	Events      []seedEvent `json:"events"`
}

type seedEvent struct {
	Name        string          `json:"name"`
	Code        string          `json:"code"`
	Version     string          `json:"version"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"`
	Sample      json.RawMessage `json:"sample"`
}

// Seed applies the seed documents of a folder: its *.json files in the order of
// their names. [fs.Sub] makes a folder of an [embed.FS] the root. Each document is applied in a
// transaction of its own, which also records its version, and is skipped if the version is
// recorded already. Seed returns the versions that this call applied. [ErrSeedChanged] if a
// recorded document has changed since. Errors name the file. A document is
//
//	{"version": "1", "description": "…", "categories": [
//	  {"name": "Orders", "code": "orders", "events": [
//	    {"name": "Order paid", "code": "order.paid", "version": "v1", "schema": {…}, "sample": {…}}]}]}
//
// An existing event type gets the document's content and keeps its id.
func (r *Registry) Seed(ctx context.Context, folder fs.FS) ([]string, error) {
	files, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, err
	}
	var applied []string
	for _, name := range files {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return applied, err
		}
		seed, err := r.parseSeed(ctx, text)
		if err != nil {
			return applied, fmt.Errorf("seed document %s: %w", name, err)
		}
		if err := r.checkSeed(seed); err != nil {
			return applied, fmt.Errorf("seed document %s: %w", name, err)
		}
		now, err := r.store.ApplySeed(ctx, seed)
		if err != nil {
			return applied, fmt.Errorf("seed document %s, version %s: %w", name, seed.Version, err)
		}
		if now {
			applied = append(applied, seed.Version)
		}
	}
	r.types.clear()
	return applied, nil
}

// SeedVersions lists the seed documents that were applied, oldest first.
func (r *Registry) SeedVersions(ctx context.Context) ([]SeedVersion, error) {
	return r.store.SeedVersions(ctx)
}

func (r *Registry) parseSeed(ctx context.Context, text []byte) (store.Seed, error) {
	var doc seedDocument
	if err := strictjson.Check(text, maxDepth); err != nil {
		return store.Seed{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return store.Seed{}, errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if !isVersion(doc.Version) {
		return store.Seed{}, wrongField(Invalid, "/version", allowed("version", ""))
	}
	sum := sha256.Sum256(text)
	seed := store.Seed{SeedVersion: SeedVersion{
		Version: doc.Version, Description: doc.Description, Checksum: hex.EncodeToString(sum[:]), AppliedAt: r.now(),
	}}
	for i, c := range doc.Categories {
		if err := r.seedCategory(ctx, &seed, c); err != nil {
			return seed, prefixPointers(fmt.Sprintf("/categories/%d", i), err)
		}
	}
	return seed, nil
}

func (r *Registry) seedCategory(ctx context.Context, seed *store.Seed, c seedCategory) error {
	in := CategoryInput{Name: c.Name, Code: c.Code, Description: c.Description}
	if err := in.check(); err != nil {
		return err
	}
	id, audit := r.created(ctx)
	lifecycle := Lifecycle{Active: true, ActiveChangedAt: audit.CreatedAt}
	seed.Categories = append(seed.Categories, Category{
		ID: id, Name: in.Name, Code: in.Code, Description: in.Description, Lifecycle: lifecycle, Audit: audit, Revision: 1,
	})
	for i, e := range c.Events {
		if err := r.seedEvent(ctx, seed, id, e); err != nil {
			return prefixPointers(fmt.Sprintf("/events/%d", i), err)
		}
	}
	return nil
}

func (r *Registry) seedEvent(ctx context.Context, seed *store.Seed, category uuid.UUID, e seedEvent) error {
	in := EventTypeInput{Name: e.Name, Code: e.Code, Version: e.Version, Description: e.Description}
	if err := in.check(); err != nil {
		return err
	}
	var err error
	if in.Schema, err = r.checkSchema(ctx, e.Schema); err != nil {
		return err
	}
	id, audit := r.created(ctx)
	t := EventType{
		ID: id, CategoryID: category, Name: in.Name, Code: in.Code, Version: in.Version,
		Description: in.Description, Schema: in.Schema,
		Lifecycle: Lifecycle{Active: true, ActiveChangedAt: audit.CreatedAt}, Audit: audit, Revision: 1,
	}
	seed.EventTypes = append(seed.EventTypes, t)
	if e.Sample == nil {
		return nil
	}
	sample, err := r.checkSample(ctx, t, SampleInput{Payload: e.Sample, Version: e.Version})
	if err != nil {
		return err
	}
	sampleID, _ := r.created(ctx)
	seed.Samples = append(seed.Samples, Sample{
		ID: sampleID, EventTypeID: id, Version: sample.Version, Payload: sample.Payload, Audit: audit, Revision: 1,
	})
	return nil
}
