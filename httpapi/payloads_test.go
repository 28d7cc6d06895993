package httpapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ecg-api/webhooks/signing"
	"github.com/ecg-api/webhooks/store"
)

func TestMakePayload(t *testing.T) {
	t.Parallel()
	eachStore(t, func(f *fixture) {
		f.catalog()
		f.subscribe()
		const path, body = hashPath +
			"/webhooks-payloads", `{"eventType": "vitals.measured", "version": "v1", "data": {"b": 1.50, "a": "<&\u00e9"}}`
		f.run([]step{
			{as: "write", do: "POST " + path, status: 400, body: body, code: "validation_failed"},
			{as: "write", do: "POST " + path + "?mode=send", status: 400, body: body, code: "validation_failed"},
			{
				as: "write", do: "POST " + path + "?mode=external", status: 400, body: `{"eventType": "vitals.measured", "data": 1}`,
				code: "validation_failed",
			},
			{
				as: "write", do: "POST " + path + "?mode=external", status: 422, body: `{"eventType": "vitals.measured", "version": "v9", "data": 1}`,
				code: "unknown_reference",
			},
			{
				as: "write", do: "POST " + path + "?mode=external", status: 422, body: `{"eventType": "vitals.deleted", "version": "v1", "data": 1}`,
				code: "schema_mismatch",
			},
			{as: "write", do: "POST " + path + "?mode=external&originalActivityId={none}", status: 422, body: body, want: `{
				"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "<text>", "code": "unknown_reference",
					"requestId": "<uuid>",
				"errors": [{"parameter": "originalActivityId", "detail": "<text>"}]}`},
			{as: "write", do: "POST " + path + "?mode=external&originalActivityId=1", status: 400, body: body, code: "validation_failed"},
		})
		w := f.send(step{as: "write", do: "POST " + path + "?mode=external", body: body})
		var made struct {
			ActivityID, Body, Hash string
			Payload                json.RawMessage
			CreatedAt              int64
			Headers                map[string]string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 {
			f.Fatalf("%d %s %v", w.Code, w.Body, err)
		}
		if string(made.Payload) != made.Body || !strings.HasSuffix(made.Body, `"data":{"b":1.50,"a":"<&\u00e9"}}`) {
			f.Errorf("payload %s, body %s", made.Payload, made.Body)
		}
		// By hand, as the reference describes it: HMAC-SHA256 of createdAt + "." + body.
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f.vars["secret"], "whsec_"))
		if err != nil {
			f.Fatal(err)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(made.Headers["X-Webhook-Created-At"] + "." + made.Body))
		if want := hex.EncodeToString(mac.Sum(nil)); made.Hash != want || made.Headers["X-Webhook-Hash"] != want {
			f.Errorf("hash %s, header %s, want %s", made.Hash, made.Headers["X-Webhook-Hash"], want)
		}
		header := map[string][]string{}
		for name, value := range made.Headers {
			header[name] = []string{value}
		}
		keys, err := signing.ParseKeys(f.vars["secret"])
		if err != nil {
			f.Fatal(err)
		}
		if err := signing.Verify(header, []byte(made.Body), keys, time.UnixMilli(made.CreatedAt), 0); err != nil {
			f.Errorf("a receiver refuses it: %v", err)
		}
		f.idle("what somebody else sends")
		f.vars["external"], f.vars["hash"] = made.ActivityID, made.Hash
		f.vars["at"] = made.Headers["X-Webhook-Created-At"]
		same := `{"hash": "{hash}", "createdAt": ` + f.vars["at"] + `, "algorithm": "HMAC-SHA256"}`
		f.run([]step{
			{as: "read", do: "GET " + hashPath + "/activity/{external}/get-hash", status: 200, want: same},
			{
				as: "write", do: "POST " + acts + "/{external}" + outcomes, status: 201,
				body: `{"originalActivityId": "{external}", "success": false, "httpStatusCode": 500, "error": "HTTP 500", "rawResponse": ""}`,
			},
			{as: "read", do: "GET " + hashPath + "/activity/{external}/get-hash", status: 200, want: same},
			{
				as: "write", do: "POST " + path + "?mode=dispatch&originalActivityId={external}", status: 201, body: body,
				want: `{"activityId": "<=retry>", "payload": ` + made.Body + `, "body": "<text>",
				"hash": "<text>", "createdAt": "<any>", "headers": "<any>"}`,
			},
			{as: "read", do: "GET " + acts + "/{external}?mode=flat", status: 200},
			{
				as: "write", do: "POST " + path + "?mode=dispatch&originalActivityId={external}", status: 201,
				body: strings.Replace(body, "1.50", "1.5", 1),
			},
		})
		jobs, _, err := f.store.Claim(f.Context(), store.ClaimOptions{Max: 10, Lease: time.Minute})
		if err != nil || len(jobs) != 2 || jobs[0].AttemptID.String() != f.vars["retry"] || jobs[0].DeliveryID.String() != f.vars["external"] {
			f.Fatalf("due is %+v, want %s and one more in the chain of %s, %v", jobs, f.vars["retry"], f.vars["external"], err)
		}
		if id := jobs[0].MessageID.String(); id != made.Headers["Webhook-Id"] || string(jobs[0].Body) != made.Body {
			f.Errorf("the retry is %s %s, want the id %s and the same body", id, jobs[0].Body, made.Headers["Webhook-Id"])
		}
		if jobs[1].MessageID == jobs[0].MessageID {
			f.Error("a retry with other data has the same webhook-id")
		}
	})
}
