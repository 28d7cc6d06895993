package client

import "reflect"

// WireTypes are the types that stand for the components of the OpenAPI document.
var WireTypes = map[string]reflect.Type{
	"Activation": reflect.TypeFor[Delivery](), "ActivationHistory": reflect.TypeFor[Page[Delivery]](),
	"ActiveInfo": reflect.TypeFor[ActiveInfo](),
	"Activity":   reflect.TypeFor[Attempt](), "ActivityDetail": reflect.TypeFor[AttemptDetail](),
	"ActivityHistory": reflect.TypeFor[Page[Attempt]](),
	"ActivityInput":   reflect.TypeFor[PostInput](), "ActivityStatus": reflect.TypeFor[AttemptStatus](),
	"ActivityType": reflect.TypeFor[AttemptType](),
	"ArchiveInfo":  reflect.TypeFor[ArchiveInfo](), "AuditInfo": reflect.TypeFor[AuditInfo](), "BackPressure": reflect.TypeFor[BackPressure](),
	"Category": reflect.TypeFor[Category](), "CategoryInput": reflect.TypeFor[CategoryInput](),
	"CategoryList":      reflect.TypeFor[Page[Category]](),
	"Header":            reflect.TypeFor[Header](),
	"CategoryReference": reflect.TypeFor[CategoryReference](), "Circuit": reflect.TypeFor[Circuit](),
	"Condition":      reflect.TypeFor[Condition](),
	"ConditionInput": reflect.TypeFor[ConditionInput](), "ConditionOp": reflect.TypeFor[Op](), "DeliveryBody": reflect.TypeFor[DeliveryBody](),
	"DeliveryCounts": reflect.TypeFor[DeliveryCounts](), "Done": reflect.TypeFor[done](), "ErrorDetail": reflect.TypeFor[FieldError](),
	"Event": reflect.TypeFor[EventType](), "EventInput": reflect.TypeFor[EventTypeInput](), "EventList": reflect.TypeFor[Page[EventType]](),
	"EventReference": reflect.TypeFor[EventReference](), "EventPattern": reflect.TypeFor[EventSelector](),
	"EventSelector": reflect.TypeFor[EventSelector](),
	"FilterResult":  reflect.TypeFor[FilterResult](), "FilterTest": reflect.TypeFor[filterResults](),
	"FilterTestInput": reflect.TypeFor[FilterTestInput](),
	"Explanation":     reflect.TypeFor[Explanation](), "ExplanationList": reflect.TypeFor[Explanations](), "Hash": reflect.TypeFor[Hash](),
	"HashInput": reflect.TypeFor[HashInput](), "Health": reflect.TypeFor[Health](), "HealthPart": reflect.TypeFor[HealthPart](),
	"HealthPartState": reflect.TypeFor[string](), "HealthState": reflect.TypeFor[string](), "OutcomeInput": reflect.TypeFor[ReportInput](),
	"Overview": reflect.TypeFor[Overview](), "Queue": reflect.TypeFor[Queue](), "Rates": reflect.TypeFor[Rates](),
	"Recent":       reflect.TypeFor[Recent](),
	"FailureCount": reflect.TypeFor[FailureCount](), "OperationsStore": reflect.TypeFor[OperationsStore](),
	"OperationsHost": reflect.TypeFor[OperationsHost](), "UnhealthySubscription": reflect.TypeFor[UnhealthySubscription](),
	"UnhealthySubscriptionSnapshot": reflect.TypeFor[Snapshot[UnhealthySubscription]](), "Backlogs": reflect.TypeFor[Backlogs](),
	"Backlog": reflect.TypeFor[Backlog](), "RecoveryJob": reflect.TypeFor[RecoveryJob](),
	"RecoveryJobSnapshot": reflect.TypeFor[Snapshot[RecoveryJob]](), "Storage": reflect.TypeFor[Storage](),
	"PartialEvent": reflect.TypeFor[EventType](), "PartialSubscription": reflect.TypeFor[Subscription](), "Patch": reflect.TypeFor[Patch](),
	"PatchOp": reflect.TypeFor[string](), "PatchOperation": reflect.TypeFor[PatchOperation](), "Payload": reflect.TypeFor[Payload](),
	"PayloadInput": reflect.TypeFor[PayloadInput](), "Problem": reflect.TypeFor[Error](), "PublishBatchInput": reflect.TypeFor[batchInput](),
	"PublishInput": reflect.TypeFor[Event](), "Published": reflect.TypeFor[Published](), "PublishedBatch": reflect.TypeFor[publishedBatch](),
	"PublishedEvent": reflect.TypeFor[Message](), "PublishedEventDetail": reflect.TypeFor[MessageDetail](),
	"PublishedEventHistory": reflect.TypeFor[Page[Message]](), "Recovery": reflect.TypeFor[Recovery](),
	"PortalLink": reflect.TypeFor[PortalLink](), "PortalLinkInput": reflect.TypeFor[PortalLinkInput](), "Scope": reflect.TypeFor[Scope](),
	"RecoveryInput": reflect.TypeFor[RecoveryInput](),
	"RecoveryScope": reflect.TypeFor[RecoveryScope](), "RecoveryStarted": reflect.TypeFor[RecoveryStarted](),
	"RecoveryState": reflect.TypeFor[RecoveryState](),
	"Sample":        reflect.TypeFor[Sample](), "SampleInput": reflect.TypeFor[SampleInput](),
	"SecretHistoryEntry":        reflect.TypeFor[SecretEntry](),
	"SecretHistoryEntryHistory": reflect.TypeFor[Page[SecretEntry]](), "SecretInput": reflect.TypeFor[secretInput](),
	"SecretKey":        reflect.TypeFor[CurrentSecret](),
	"DeliveryDefaults": reflect.TypeFor[DeliveryDefaults](),
	"SeedVersion":      reflect.TypeFor[SeedVersion](), "SigningKey": reflect.TypeFor[SigningKey](),
	"SigningKeyList": reflect.TypeFor[signingKeys](),
	"Stats":          reflect.TypeFor[Stats](), "StatsBucket": reflect.TypeFor[StatsBucket](), "Subscription": reflect.TypeFor[Subscription](),
	"SubscriptionInput": reflect.TypeFor[SubscriptionInput](), "SubscriptionList": reflect.TypeFor[Page[Subscription]](),
	"SubscriptionState": reflect.TypeFor[State](), "SubscriptionStatus": reflect.TypeFor[Status](), "TestInput": reflect.TypeFor[TestInput](),
	"UnmatchedReason": reflect.TypeFor[UnmatchedReason](),

	"AuditEntry": reflect.TypeFor[AuditEntry](), "AuditEntryHistory": reflect.TypeFor[Page[AuditEntry]](),
	"AuditResource": reflect.TypeFor[AuditResource](), "Erasure": reflect.TypeFor[Erasure](),
	"ErasureStarted": reflect.TypeFor[ErasureStarted](), "ErasureState": reflect.TypeFor[ErasureState](),
	"Expunged": reflect.TypeFor[Expunged](),
}

// ErrorsByCode are the sentinel errors by the codes of problems.
var ErrorsByCode = errorsByCode

// RetryAfter reads the header of that name.
var RetryAfter = retryAfter
