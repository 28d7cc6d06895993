package delivery

import (
	"time"

	"github.com/google/uuid"

	"github.com/ecg-api/webhooks/store"
)

// Announcement is a change that the owner of a subscription is told of. Config.Announce makes messages of it. Over all
// hosts it is made once, because it is part of the transaction of the change. Of the outcomes of attempts, only those count
// whose message was not made by Config.Announce itself.
type Announcement struct {
	Kind           AnnouncementKind // decides which of the other fields are set
	At             time.Time        // when the change was decided, by the engine's clock
	OrganizationID uuid.UUID        // the owner
	SubscriptionID uuid.UUID        // whose endpoint, delivery or job it is
	Health         store.Health     // of a failing endpoint after the failure, of a recovered one before the success; by the clock of At
	Attempt        *store.Job       // the last attempt of a delivery that is exhausted; else nil
	HTTPStatus     int              // of the answer to the attempt that decided; 0 for none
	Class          string           // of that attempt's failure, as in Notice; "" for none
	Reason         string           // one line for a person, as in Notice; "" for none
	Recovery       *store.Recovery  // the job that ended; else nil
}

// AnnouncementKind is the kind of change that an Announcement reports.
type AnnouncementKind string

// The kinds of announcement. An endpoint that goes on failing is announced once for each stage; of stages that it reaches
// with one outcome, the last one is.
const (
	EndpointFailing     AnnouncementKind = "endpoint_failing"     // FailingAfter attempts failed in a row
	EndpointOpened      AnnouncementKind = "endpoint_opened"      // its circuit is open: it is only probed
	EndpointRecovered   AnnouncementKind = "endpoint_recovered"   // an attempt succeeded, after one of the announcements above
	EndpointDeactivated AnnouncementKind = "endpoint_deactivated" // the dispatcher switched its subscription off
	DeliveryExhausted   AnnouncementKind = "delivery_exhausted"   // a delivery used up its schedule or its time, or was answered 410
	RecoveryEnded       AnnouncementKind = "recovery_ended"       // a recovery is done, or was stopped
)

// stageChanges are the kinds of announcement by the stage that an endpoint reaches.
var stageChanges = map[store.HealthStage]AnnouncementKind{
	store.StageHealthy: EndpointRecovered, store.StageFailing: EndpointFailing, store.StageOpen: EndpointOpened,
}
