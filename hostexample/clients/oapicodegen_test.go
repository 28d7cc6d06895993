package clients_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/hostexample/clients/oapi"
)

// TestOapiCodegen walks from a category to a retry with the client of oapi-codegen.
func TestOapiCodegen(t *testing.T) {
	t.Parallel()
	ctx, organization := t.Context(), uuid.New()
	authorized := func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+host.token)
		return nil
	}
	api := must(oapi.NewClientWithResponses(host.url, oapi.WithRequestEditorFn(authorized)))

	input := oapi.CategoryInput{Name: "Vital signs", Code: "oapi"}
	made := must(api.CreateCategoryWithResponse(ctx, nil, input))
	category := body(t, made.JSON201, made.Body)
	again := must(api.CreateCategoryWithResponse(ctx, nil, input))
	if refused := body(t, again.ApplicationproblemJSON409, again.Body); refused.Code != oapi.ProblemCodeTakenCodeCodeTaken {
		t.Errorf("the code that is taken is refused with %q", refused.Code)
	}
	patch := oapi.Patch{{Op: oapi.PatchOpReplace, Path: "/name", Value: "Vitals"}}
	renamed := must(api.PatchCategoryWithResponse(ctx, category.Id, nil, patch))
	if got := body(t, renamed.JSON200, renamed.Body); got.Name != "Vitals" {
		t.Errorf("the category is named %q", got.Name)
	}
	event := must(api.CreateEventWithResponse(ctx, category.Id, nil, oapi.EventInput{
		Name: "Measured", Code: "oapi.measured", Version: "v1", Schema: map[string]any{"type": "object"},
	}))
	eventType := body(t, event.JSON201, event.Body)

	uri, rate, events := sink(), 1000.5, []string{"oapi.*", eventType.Id.String()}
	filter := []oapi.ConditionInput{{Pointer: "/value", Op: oapi.ConditionOpGt, Value: 1}}
	subscribed := must(api.CreateSubscriptionWithResponse(ctx, organization, nil, oapi.SubscriptionInput{
		PostUri: &uri, Events: &events, IsDevelopment: true, RateLimit: &rate, Filter: &filter,
	}))
	subscription := body(t, subscribed.JSON201, subscribed.Body)
	if subscription.Status.State != oapi.SubscriptionStateEnabled || *subscription.RateLimit != rate || len(subscription.Events) != 2 {
		t.Errorf("the subscription is %+v", subscription)
	}
	if pattern := must(subscription.Events[0].AsEventPattern()); pattern.Pattern != "oapi.*" {
		t.Errorf("the pattern is %q", pattern.Pattern)
	}

	batch := must(api.PublishEventsWithResponse(ctx, organization, nil, oapi.PublishBatchInput{Events: []oapi.PublishInput{
		{EventType: "oapi.measured", Data: map[string]any{"value": 72}},
		{EventType: "oapi.measured", Data: map[string]any{"value": 0}},
	}}))
	published := body(t, batch.JSON202, batch.Body).Items
	if len(published) != 2 || published[0].Deliveries != 1 || published[1].Deliveries != 0 {
		t.Fatalf("published %+v", published)
	}
	explained := must(api.ExplainPublishedEventWithResponse(ctx, organization, published[1].Id, nil))
	if got := body(t, explained.JSON200, explained.Body).Items; len(got) != 1 || got[0].Reason == nil ||
		*got[0].Reason != oapi.UnmatchedReasonFiltered {
		t.Errorf("the event that the filter drops is explained by %+v", got)
	}

	list := func() []oapi.Activity {
		listed := must(api.ListActivityWithResponse(ctx, organization, subscription.Id, &oapi.ListActivityParams{
			Include: &[]oapi.ListActivityParamsInclude{oapi.ListActivityParamsIncludeEvent, oapi.ListActivityParamsIncludeSubscription},
		}))
		return body(t, listed.JSON200, listed.Body).Items
	}
	succeeded := func() bool {
		return !slices.ContainsFunc(list(), func(a oapi.Activity) bool { return a.Status != oapi.ActivityStatusSucceeded })
	}
	eventually(t, "the event is delivered", succeeded)
	first := list()[0]
	if first.Type != oapi.ActivityTypeFirstPost || *first.Subscription.PostUri != uri || *first.Event.Code != "oapi.measured" {
		t.Errorf("the activity is %+v", first)
	}
	retried := must(api.RetryActivityWithResponse(ctx, organization, subscription.Id, first.Id, nil))
	retry := body(t, retried.JSON201, retried.Body)
	eventually(t, "the event is delivered again", succeeded)
	if all := list(); len(all) != 2 || all[0].Id != retry.Id || all[0].Type != oapi.ActivityTypeManualRetry {
		t.Errorf("the activities are %+v", all)
	}
	detail := must(api.GetActivityWithResponse(ctx, organization, subscription.Id, first.Id,
		&oapi.GetActivityParams{Mode: oapi.GetActivityParamsModeNested}))
	got := body(t, detail.JSON200, detail.Body)
	if got.PostedAt == nil || !got.PostedAt.Equal(*list()[1].PostedAt) || len(got.ChildPostHistory) != 1 {
		t.Errorf("the activity in detail is %+v", got)
	}
}

// body returns the decoded body of a response: nil is the body of another status.
func body[T any](t *testing.T, decoded *T, text []byte) T {
	t.Helper()
	if decoded == nil {
		t.Fatalf("another answer: %s", text)
	}
	return *decoded
}
