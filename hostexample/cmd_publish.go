package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/ecg-api/webhooks/client"
)

// publishCmd publishes an event.
type publishCmd struct {
	orgSettings
	EventType      string `arg:"" help:"Code of the event type."`
	Data           string `arg:"" optional:"" help:"Data of the event, JSON; - is the standard input."`
	File           string `help:"File with the data."`
	EventVersion   string `help:"Version of the event type." default:"v1"`
	IdempotencyKey string `help:"Key under which the event is published once within 24 hours. Default: a random key."`
	OrderingKey    string `help:"Key of the events that ordered subscriptions get one after the other. Default: none."`
}

func (p *publishCmd) run(ctx context.Context, h *host, c *cli) error {
	data, err := p.data(h)
	if err != nil {
		return err
	}
	a, err := h.connect(ctx, &p.accessSettings, c)
	if err != nil {
		return err
	}
	defer a.close()
	made, err := a.Dispatcher.Publish(ctx, string(p.Org), client.Event{
		Type: p.EventType, Version: p.EventVersion, Data: data, IdempotencyKey: p.IdempotencyKey, OrderingKey: p.OrderingKey,
	})
	if err != nil {
		return plain(err)
	}
	return a.print(made, func(w *tabwriter.Writer) {
		row(w, "event", made.ID)
		row(w, "deliveries", made.Deliveries)
		row(w, "duplicate", made.Duplicate)
	})
}

// data returns the data of the argument, the file or the standard input.
func (p *publishCmd) data(h *host) (json.RawMessage, error) {
	var text []byte
	var err error
	switch {
	case p.File != "" && p.Data != "":
		return nil, &wrongError{"the argument DATA and --file (WEBHOOKS_FILE) are both set: set one"}
	case p.File != "":
		text, err = readData(p.File, func() (io.ReadCloser, error) { return os.Open(p.File) })
	case p.Data == "-":
		text, err = readData("the standard input", func() (io.ReadCloser, error) { return io.NopCloser(h.input()), nil })
	case p.Data == "":
		return nil, &wrongError{"the data is missing: give it as the argument DATA, where - is the standard input, or by --file (WEBHOOKS_FILE)"}
	default:
		text = []byte(p.Data)
	}
	if err == nil && !json.Valid(text) {
		err = &wrongError{"the data is not valid JSON"}
	}
	return text, err
}

// readData reads a text of at most maxSize bytes.
func readData(name string, open func() (io.ReadCloser, error)) ([]byte, error) {
	file, err := open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("%s has more than %d bytes", name, maxSize)
	}
	return text, err
}
