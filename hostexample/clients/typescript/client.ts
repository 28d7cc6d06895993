// Calls the interface with a client that is made of its OpenAPI document: what tsc
// accepts here must work there. The address, a token and an organization come from
// the environment.
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./api.js";

const { API_URL, API_TOKEN, API_ORGANIZATION } = process.env as Record<string, string>;
const api = createClient<paths>({ baseUrl: API_URL! });
const authorized: Middleware = {
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${API_TOKEN}`);
    return request;
  },
};
const organizationId = API_ORGANIZATION!;

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

function ok<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  check(answer.data !== undefined, `${answer.response.url}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

// Without a token: the health, and a refusal that is typed.
const health: "ok" | "error" = ok(await api.GET("/healthcheck")).status;
check(health === "ok", `the health is ${health}`);
const refused = await api.GET("/api/webhook-categories");
const code: "unauthorized" | "forbidden" | "validation_failed" | "internal_error" | "store_unavailable" | "authentication_unavailable" | "overloaded" | undefined =
  refused.error?.code;
check(refused.response.status === 401 && code === "unauthorized", `without a token: ${code}`);
api.use(authorized);

// The catalog.
const category: components["schemas"]["Category"] = ok(
  await api.POST("/api/webhook-categories", { body: { name: "Vital signs", code: "typescript", description: null } }),
);
const inCategory = { webhookCategoryId: category.id };
const event = ok(
  await api.POST("/api/webhook-categories/{webhookCategoryId}/webhook-events", {
    params: { path: inCategory },
    body: { name: "Measured", code: "typescript.measured", version: "v1", schema: { type: "object" } },
  }),
);
const renamed = ok(
  await api.PATCH("/api/webhook-categories/{webhookCategoryId}", {
    params: { path: inCategory, header: { "If-Match": '"1"' } },
    body: [{ op: "replace", path: "/name", value: "Vitals" }],
  }),
);
check(renamed.name === "Vitals" && event.webhookCategory.id === category.id, "the catalog");
const page = ok(await api.GET("/api/webhook-categories", { params: { query: { order_by: "DESC", take: 1, archived: "include" } } }));
check(page.recordsPerPage === 1 && page.items.length === 1, "the list of categories");

// A subscription, events for it, and why it does not get one of them.
const inOrganization = { organizationId };
const postUri = `${API_URL}/api/webhook-processors/success-response`;
const subscription = ok(
  await api.POST("/api/organizations/{organizationId}/webhook-subscriptions", {
    params: { path: inOrganization },
    body: {
      postUri, events: ["typescript.*"], isDevelopment: true, timeoutMs: 5000, retrySchedule: ["5s", "1m"],
      filter: [{ pointer: "/value", op: "gt", value: 1 }],
    },
  }),
);
const state: "enabled" | "failing" | "paused" | "disabled" = subscription.status.state;
const wanted = subscription.events[0];
check(state === "enabled" && wanted !== undefined && "pattern" in wanted && wanted.pattern === "typescript.*", "the subscription");
const published = ok(
  await api.POST("/api/organizations/{organizationId}/events", {
    params: { path: inOrganization, header: { "Idempotency-Key": "once" } },
    body: { eventType: "typescript.measured", data: { value: 72 } },
  }),
);
check(published.deliveries === 1 && !published.duplicate, "the event that was published");
const batch = ok(
  await api.POST("/api/organizations/{organizationId}/events/batch", {
    params: { path: inOrganization },
    body: { events: [{ eventType: "typescript.measured", data: { value: 0 } }] },
  }),
);
const eventId = batch.items[0]!.id;
const explained = ok(await api.GET("/api/organizations/{organizationId}/events/{eventId}/explain", { params: { path: { organizationId, eventId } } }));
const reason: components["schemas"]["UnmatchedReason"] | null = explained.items[0]!.reason;
check(reason === "filtered", `the event that the filter drops is explained by ${reason}`);

// The history, a retry, and the history again.
const inSubscription = { organizationId, subscriptionId: subscription.id };
async function delivered(): Promise<components["schemas"]["Activity"][]> {
  const end = Date.now() + 60_000;
  for (;;) {
    const { items } = ok(
      await api.GET("/api/organizations/{organizationId}/webhook-subscriptions/{subscriptionId}/activity", {
        params: { path: inSubscription, query: { include: ["subscription", "event"] } },
      }),
    );
    if (items.every((a) => a.status === "succeeded")) return items;
    check(Date.now() < end, "the events are delivered");
  }
}
const first = (await delivered())[0];
check(first !== undefined && first.attempt === 1 && first.subscription.postUri === postUri && first.event.code === "typescript.measured", "the activity");
const inActivity = { ...inSubscription, activityId: first.id };
const retried = ok(
  await api.POST("/api/organizations/{organizationId}/webhook-subscriptions/{subscriptionId}/activity/{activityId}/retry", { params: { path: inActivity } }),
);
const type: 0 | 1 | 2 | 3 = retried.type;
const all = await delivered();
check(type === 2 && all.length === 2 && all[0]?.id === retried.id, "the retry");
const detail = ok(
  await api.GET("/api/organizations/{organizationId}/webhook-subscriptions/{subscriptionId}/activity/{activityId}", {
    params: { path: inActivity, query: { mode: "nested" } },
  }),
);
check(detail.level === 1 && detail.posted_at === first.postedAt && detail.childPostHistory[0]?.id === retried.id, "the activity in detail");

// What is wrong is found before it is sent.
// @ts-expect-error: the category lacks its code
void ({ name: "n" } satisfies components["schemas"]["CategoryInput"]);
// @ts-expect-error: there is no such member
void ({ name: "n", code: "c", colour: "red" } satisfies components["schemas"]["CategoryInput"]);
// @ts-expect-error: there is no such operation
void ({ op: "rename", path: "/name" } satisfies components["schemas"]["PatchOperation"]);
// @ts-expect-error: there is no such path
void (() => api.GET("/api/webhook-subscriptions"));
// @ts-expect-error: the mode is required
void (() => api.GET("/api/organizations/{organizationId}/webhook-subscriptions/{subscriptionId}/activity/{activityId}", { params: { path: inActivity } }));
