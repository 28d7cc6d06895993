package limits

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"time"
)

const timeout = 15 * time.Second // of a POST

var key = []byte("0123456789abcdef0123456789abcdef")

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConns: senders, MaxIdleConnsPerHost: senders, DisableCompression: true,
	}}
}

// post makes a delivery, signed as Standard Webhooks says.
func (p *Pipeline) post(d *Delivery) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Target+strconv.Itoa(d.Endpoint), bytes.NewReader(d.Body))
	must(err)
	d.At = time.Now()
	id, at := d.Event.String(), strconv.FormatInt(d.At.Unix(), 10)
	req.Header["Content-Type"] = []string{"application/json"}
	req.Header["Webhook-Id"] = []string{id}
	req.Header["Webhook-Timestamp"] = []string{at}
	req.Header["Webhook-Signature"] = []string{signature(id, at, d.Body)}
	resp, err := p.client.Do(req)
	must(err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(err)
	must(resp.Body.Close())
	d.Status, d.Took = resp.StatusCode, time.Since(d.At)
}

func signature(id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
