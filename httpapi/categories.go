package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks"
)

var categoryRoutes = group{
	tag: "WebhookCategories", description: "Categories group event types.",
	routes: []route{
		{
			method: http.MethodPost, path: categoriesPath, access: catalogWrite, handler: (*api).createCategory,
			id: "createCategory", summary: "Adds a category",
			body: categoryInput{}, status: http.StatusCreated, answer: categoryWire{},
			errorCodes: []string{"code_taken"},
		},
		{
			method: http.MethodGet, path: categoriesPath, access: catalogRead, handler: (*api).listCategories,
			id: "listCategories", summary: "Lists categories",
			query:  params(pageParams("ASC"), archivedParam),
			answer: list[categoryWire]{},
		},
		{
			method: http.MethodGet, path: categoryPath, access: catalogRead, handler: (*api).getCategory,
			id: "getCategory", summary: "Gets a category",
			answer: categoryWire{},
		},
		{
			method: http.MethodPatch, path: categoryPath, access: catalogWrite, handler: (*api).patchCategory,
			id: "patchCategory", summary: "Patches a category",
			details:    "Writable: /name, /code, /description.",
			answer:     categoryWire{},
			errorCodes: []string{"code_taken", "archived"},
		},
		{
			method: http.MethodDelete, path: categoryPath, access: catalogWrite, handler: (*api).deleteCategory,
			id: "deleteCategory", summary: "Deletes a category that has no events",
			errorCodes: []string{"in_use", "precondition_failed"},
		},
		{
			method: http.MethodPost, path: categoryPath + "/activate", access: catalogWrite,
			handler: categoryCommand((*webhooks.Registry).ActivateCategory),
			id:      "activateCategory", summary: "Activates a category",
			errorCodes: []string{"archived"},
		},
		{
			method: http.MethodPost, path: categoryPath + "/deactivate", access: catalogWrite,
			handler: categoryCommand((*webhooks.Registry).DeactivateCategory),
			id:      "deactivateCategory",
			summary: "Deactivates a category: its events take no publish and no new subscription",
		},
		{
			method: http.MethodPost, path: categoryPath + "/archive", access: catalogWrite,
			handler: categoryCommand((*webhooks.Registry).ArchiveCategory),
			id:      "archiveCategory", summary: "Archives a category: its events count as archived too",
		},
		{
			method: http.MethodPost, path: categoryPath + "/restore", access: catalogWrite,
			handler: categoryCommand((*webhooks.Registry).RestoreCategory),
			id:      "restoreCategory", summary: "Restores a category",
		},
	},
}

// categoryInput is a category as POST takes it.
type categoryInput struct {
	Name        string `json:"name" wire:"required"`
	Code        string `json:"code" wire:"required"`
	Description string `json:"description"`
}

func (in categoryInput) input() webhooks.CategoryInput {
	return webhooks.CategoryInput{Name: in.Name, Code: in.Code, Description: in.Description}
}

// categoryWire is a category as responses show it.
type categoryWire struct {
	ID          uuid.UUID   `json:"id"`
	Name        string      `json:"name"`
	Code        string      `json:"code"`
	Description *string     `json:"description"`
	ArchiveInfo archiveInfo `json:"archiveInfo"`
	AuditInfo   auditInfo   `json:"auditInfo"`
	ActiveInfo  activeInfo  `json:"activeInfo"`
}

func showCategory(c webhooks.Category) categoryWire {
	return categoryWire{c.ID, c.Name, c.Code, optional(c.Description), archiveOf(c.Lifecycle), auditOf(c.Audit), activeOf(c.Lifecycle)}
}

func (a *api) createCategory(c *call) error {
	var in categoryInput
	if err := c.body(&in); err != nil {
		return err
	}
	made, err := a.hooks.Registry.CreateCategory(c.ctx(), in.input())
	if err != nil {
		return err
	}
	return c.resource(http.StatusCreated, made.Revision, showCategory(made))
}

func (a *api) listCategories(c *call) error {
	q := c.query()
	p, archived := q.paging("ASC", "DESC"), q.archived()
	if err := q.err(); err != nil {
		return err
	}
	found, err := a.hooks.Registry.Categories(c.ctx(), archived, p.page())
	if err != nil {
		return err
	}
	return c.reply(http.StatusOK, listOf(found, p, showCategory))
}

func (a *api) getCategory(c *call) error {
	found, err := a.hooks.Registry.Category(c.ctx(), c.id("webhookCategoryId"))
	if err != nil {
		return err
	}
	return c.resource(http.StatusOK, found.Revision, showCategory(found))
}

func (a *api) patchCategory(c *call) error {
	p, err := c.patch()
	if err != nil {
		return err
	}
	changed, err := a.hooks.Registry.UpdateCategory(c.ctx(), c.id("webhookCategoryId"),
		func(now webhooks.Category, in *webhooks.CategoryInput) error {
			if err := c.ifMatch(now.Revision); err != nil {
				return err
			}
			var next categoryInput
			if err := p.apply(showCategory(now), &next); err != nil {
				return err
			}
			*in = next.input()
			return nil
		})
	if err != nil {
		return unprocessable(err)
	}
	return c.resource(http.StatusOK, changed.Revision, showCategory(changed))
}

func (a *api) deleteCategory(c *call) error {
	return c.done(a.hooks.Registry.DeleteCategory(c.ctx(), c.id("webhookCategoryId"),
		func(now webhooks.Category) error { return c.ifMatch(now.Revision) }))
}

// categoryCommand serves a change of a category's state.
func categoryCommand(do func(*webhooks.Registry, context.Context, uuid.UUID) error) func(*api, *call) error {
	return func(a *api, c *call) error {
		return c.done(do(a.hooks.Registry, c.ctx(), c.id("webhookCategoryId")))
	}
}
