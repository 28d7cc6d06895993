package clients_test

import (
	"context"
	"slices"
	"testing"

	"github.com/go-faster/jx"
	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/hostexample/clients/ogen"
)

// bearer authorizes the client of ogen.
type bearer string

func (b bearer) Bearer(context.Context, ogen.OperationName) (ogen.Bearer, error) {
	return ogen.Bearer{Token: string(b)}, nil
}

// TestOgen walks from a category to a retry with the client of ogen.
func TestOgen(t *testing.T) {
	t.Parallel()
	ctx, organization := t.Context(), uuid.New()
	api := must(ogen.NewClient(host.url, bearer(host.token)))

	input := &ogen.CategoryInput{Name: "Vital signs", Code: "ogen"}
	category := as[*ogen.CategoryHeaders](t, must(api.CreateCategory(ctx, input, ogen.CreateCategoryParams{}))).Response
	refused := as[*ogen.ProblemCodeTaken](t, must(api.CreateCategory(ctx, input, ogen.CreateCategoryParams{})))
	if refused.Code != ogen.ProblemCodeTakenCodeCodeTaken {
		t.Errorf("the code that is taken is refused with %q", refused.Code)
	}
	patch := ogen.PatchCategoryApplicationJSON{{Op: ogen.PatchOpReplace, Path: "/name", Value: jx.Raw(`"Vitals"`)}}
	renamed := as[*ogen.CategoryHeaders](t, must(api.PatchCategory(ctx, &patch, ogen.PatchCategoryParams{WebhookCategoryId: category.ID})))
	if renamed.Response.Name != "Vitals" || renamed.ETag.Value == "" {
		t.Errorf("the category is %+v", renamed)
	}
	eventType := as[*ogen.EventHeaders](t, must(api.CreateEvent(ctx, &ogen.EventInput{
		Name: "Measured", Code: "ogen.measured", Version: "v1", Schema: jx.Raw(`{"type": "object"}`),
	}, ogen.CreateEventParams{WebhookCategoryId: category.ID}))).Response

	subscription := as[*ogen.CreateSubscriptionCreatedHeaders](t, must(api.CreateSubscription(ctx, &ogen.SubscriptionInput{
		PostUri: ogen.NewOptNilString(sink()), Events: ogen.NewOptNilStringArray([]string{"ogen.*", eventType.ID.String()}),
		IsDevelopment: true, RateLimit: ogen.NewOptNilFloat64(1000.5),
		Filter: ogen.NewOptNilConditionInputArray([]ogen.ConditionInput{{Pointer: "/value", Op: ogen.ConditionOpGt, Value: jx.Raw("1")}}),
	}, ogen.CreateSubscriptionParams{OrganizationId: organization}))).Response
	if subscription.Status.State != ogen.SubscriptionStateEnabled || subscription.RateLimit.Value != 1000.5 || len(subscription.Events) != 2 {
		t.Errorf("the subscription is %+v", subscription)
	}
	if pattern, ok := subscription.Events[0].GetEventPattern(); !ok || pattern.Pattern != "ogen.*" {
		t.Errorf("the first event is %+v", subscription.Events[0])
	}

	published := as[*ogen.PublishedBatch](t, must(api.PublishEvents(ctx, &ogen.PublishBatchInput{Events: []ogen.PublishInput{
		{EventType: "ogen.measured", Data: jx.Raw(`{"value": 72}`)},
		{EventType: "ogen.measured", Data: jx.Raw(`{"value": 0}`)},
	}}, ogen.PublishEventsParams{OrganizationId: organization}))).Items
	if len(published) != 2 || published[0].Deliveries != 1 || published[1].Deliveries != 0 {
		t.Fatalf("published %+v", published)
	}
	explained := as[*ogen.ExplanationList](t, must(api.ExplainPublishedEvent(ctx,
		ogen.ExplainPublishedEventParams{OrganizationId: organization, EventId: published[1].ID}))).Items
	if len(explained) != 1 || explained[0].Reason.Value != ogen.UnmatchedReasonFiltered {
		t.Errorf("the event that the filter drops is explained by %+v", explained)
	}

	list := func() []ogen.Activity {
		return as[*ogen.ActivityHistory](t, must(api.ListActivity(ctx, ogen.ListActivityParams{
			OrganizationId: organization, SubscriptionId: subscription.ID,
			Include: []ogen.ListActivityIncludeItem{ogen.ListActivityIncludeItemSubscription, ogen.ListActivityIncludeItemEvent},
		}))).Items
	}
	succeeded := func() bool {
		return !slices.ContainsFunc(list(), func(a ogen.Activity) bool { return a.Status != ogen.ActivityStatusSucceeded })
	}
	eventually(t, "the event is delivered", succeeded)
	first := list()[0]
	if first.Type != ogen.ActivityType0 || first.Subscription.PostUri.Value != sink() || first.Event.Code.Value != "ogen.measured" {
		t.Errorf("the activity is %+v", first)
	}
	retry := as[*ogen.ActivityHeaders](t, must(api.RetryActivity(ctx, ogen.RetryActivityParams{
		OrganizationId: organization, SubscriptionId: subscription.ID, ActivityId: first.ID,
	}))).Response
	eventually(t, "the event is delivered again", succeeded)
	if all := list(); len(all) != 2 || all[0].ID != retry.ID || all[0].Type != ogen.ActivityType2 {
		t.Errorf("the activities are %+v", all)
	}
	detail := as[*ogen.ActivityDetailHeaders](t, must(api.GetActivity(ctx, ogen.GetActivityParams{
		OrganizationId: organization, SubscriptionId: subscription.ID, ActivityId: first.ID, Mode: ogen.GetActivityModeNested,
	}))).Response
	if !detail.PostedAt.Value.Equal(list()[1].PostedAt.Value) || len(detail.ChildPostHistory) != 1 {
		t.Errorf("the activity in detail is %+v", detail)
	}
}

// as returns a response that is of the type.
func as[T any](t *testing.T, response any) T {
	t.Helper()
	v, ok := response.(T)
	if !ok {
		t.Fatalf("another answer: %T %+v", response, response)
	}
	return v
}
