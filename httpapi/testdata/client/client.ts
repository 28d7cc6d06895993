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
const health: string = ok(await api.GET("/healthcheck")).status;
check(health === "ok", `the health is ${health}`);
const refused = await api.GET("/api/webhook-categories");
const code: "unauthorized" | "forbidden" | "validation_failed" | "internal_error" | "store_unavailable" | "authentication_unavailable" | undefined =
  refused.error?.code;
check(refused.response.status === 401 && code === "unauthorized", `without a token: ${code}`);
api.use(authorized);

// The catalog.
const category: components["schemas"]["Category"] = ok(
  await api.POST("/api/webhook-categories", { body: { name: "Vital signs", code: "vitals", description: null } }),
);
const inCategory = { webhookCategoryId: category.id };
const event = ok(
  await api.POST("/api/webhook-categories/{webhookCategoryId}/webhook-events", {
    params: { path: inCategory },
    body: { name: "Measured", code: "vitals.measured", version: "v1", schema: { type: "object" } },
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
check(page.totalRecords === 1 && page.items[0]?.id === category.id, "the list of categories");

// A subscription, an event for it, and its history.
const inOrganization = { organizationId };
const subscription = ok(
  await api.POST("/api/organizations/{organizationId}/webhook-subscriptions", {
    params: { path: inOrganization },
    body: {
      postUri: "https://example.com/webhooks", events: ["vitals.*"], isDevelopment: false, timeoutMs: 5000, retrySchedule: ["5s", "1m"],
      filter: [{ pointer: "/value", op: "gt", value: 1 }],
    },
  }),
);
const wanted = subscription.events[0];
check(wanted !== undefined && "pattern" in wanted && wanted.pattern === "vitals.*", "the pattern of the subscription");
const published = ok(
  await api.POST("/api/organizations/{organizationId}/events", {
    params: { path: inOrganization, header: { "Idempotency-Key": "once" } },
    body: { eventType: "vitals.measured", data: { value: 72 } },
  }),
);
check(published.deliveries === 1 && !published.duplicate, "the event that was published");
const inSubscription = { organizationId, subscriptionId: subscription.id };
const history = ok(
  await api.GET("/api/organizations/{organizationId}/webhook-subscriptions/{subscriptionId}/activity", {
    params: { path: inSubscription, query: { include: ["subscription", "event"], status: "pending" } },
  }),
);
const activity = history.items[0];
check(activity !== undefined && activity.attempt === 1 && history.nextCursor === null, "the history");
const postedAt: string | null = activity.postedAt;
check(postedAt === null, `posted at ${postedAt}`);
const detail = ok(
  await api.GET("/api/organizations/{organizationId}/webhook-subscriptions/{subscriptionId}/activity/{activityId}", {
    params: { path: { ...inSubscription, activityId: activity.id }, query: { mode: "nested" } },
  }),
);
check(detail.level === 1 && detail.childPostHistory.length === 0, "the activity");

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
void (() => api.GET("/api/organizations/{organizationId}/webhook-subscriptions/{subscriptionId}/activity/{activityId}", { params: { path: inSubscription } }));

console.log(`${published.id} ${activity.id}`);
