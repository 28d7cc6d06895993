package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/ecg-api/webhooks"
	"github.com/ecg-api/webhooks/store/memstore"
)

// seedCmd deals with seed documents.
type seedCmd struct {
	Check seedCheck `cmd:"" help:"Check seed documents, and compare them with the applied ones; nothing is changed."`
}

type seedCheck struct {
	accessSettings
	Folder        string `arg:"" help:"Folder of seed documents."`
	DocumentsOnly bool   `help:"Only check the documents, without a host or a store."`
}

// seedReport is the state of one document.
type seedReport struct {
	Version     string    `json:"version"`
	Description string    `json:"description"`
	State       string    `json:"state"`
	AppliedAt   time.Time `json:"appliedAt"` // zero: not applied
}

// The states of a document.
const (
	seedValid   = "valid"
	seedNew     = "new"
	seedApplied = "applied"
	seedChanged = "changed since it was applied"
	seedMissing = "applied, not in the folder"
)

func (s *seedCheck) run(ctx context.Context, h *host, c *cli) error {
	documents, err := checkSeeds(ctx, s.Folder)
	if err != nil {
		return err
	}
	a := &access{host: h, json: s.JSON}
	var applied []webhooks.SeedVersion
	if !s.DocumentsOnly {
		if a, err = h.connect(ctx, &s.accessSettings, c); err != nil {
			return err
		}
		defer a.close()
		found, err := a.Registry.SeedVersions(ctx)
		if err != nil {
			return plain(err)
		}
		for _, v := range found {
			applied = append(applied, webhooks.SeedVersion(v))
		}
	}
	reports, changed := compareSeeds(documents, applied)
	if s.DocumentsOnly {
		for i := range reports {
			reports[i].State = seedValid
		}
	}
	err = a.print(reports, func(w *tabwriter.Writer) {
		row(w, "VERSION", "STATE", "APPLIED", "DESCRIPTION")
		for _, r := range reports {
			row(w, r.Version, r.State, r.AppliedAt, r.Description)
		}
	})
	if err == nil && changed > 0 {
		err = fmt.Errorf("%d documents have changed since they were applied: serve would not start; put the change into a new version", changed)
	}
	return err
}

// checkSeeds applies the documents of a folder to a store in memory, and returns them.
func checkSeeds(ctx context.Context, folder string) ([]webhooks.SeedVersion, error) {
	if !isFolder(folder) {
		return nil, &wrongError{fmt.Sprintf("FOLDER is %q, which is not a folder", folder)}
	}
	hooks, err := webhooks.New(memstore.New(), webhooks.Config{})
	if err != nil {
		return nil, err
	}
	versions, err := hooks.Registry.Seed(ctx, os.DirFS(folder))
	if err != nil {
		return nil, err
	}
	if versions == nil {
		return nil, &wrongError{fmt.Sprintf("FOLDER is %q, which has no *.json files", folder)}
	}
	return hooks.Registry.SeedVersions(ctx)
}

// compareSeeds compares documents with the applied ones, and counts the documents that have changed.
func compareSeeds(documents, applied []webhooks.SeedVersion) (reports []seedReport, changed int) {
	known := map[string]webhooks.SeedVersion{}
	for _, v := range applied {
		known[v.Version] = v
	}
	for _, d := range documents {
		r := seedReport{Version: d.Version, Description: d.Description, State: seedNew}
		if v, ok := known[d.Version]; ok {
			r.AppliedAt, r.State = v.AppliedAt, seedApplied
			if v.Checksum != d.Checksum {
				r.State = seedChanged
				changed++
			}
		}
		delete(known, d.Version)
		reports = append(reports, r)
	}
	for _, v := range applied {
		if _, missing := known[v.Version]; missing {
			reports = append(reports, seedReport{v.Version, v.Description, seedMissing, v.AppliedAt})
		}
	}
	return reports, changed
}
