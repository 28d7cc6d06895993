//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// message is one message of PostgreSQL's frontend protocol.
type message struct {
	kind byte // 0 for the startup message
	raw  []byte
}

const maxMessage = 64 << 20

// readMessage reads a message. The first of a connection has no kind.
func readMessage(r io.Reader, first bool) (message, error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return message{}, err
	}
	size := int(binary.BigEndian.Uint32(head[len(head)-4:]))
	if size < 4 || size > maxMessage {
		return message{}, errors.New("this is not PostgreSQL's protocol")
	}
	raw := append(head, make([]byte, size-4)...) //nolint:makezero // the head is filled
	if _, err := io.ReadFull(r, raw[len(head):]); err != nil {
		return message{}, err
	}
	if first {
		return message{0, raw}, nil
	}
	return message{head[0], raw}, nil
}

// body is the message without kind and length.
func (m message) body() []byte { return m.raw[5:] }

// transaction follows the statements of a connection, so that the COMMIT of a certain transaction is recognized.
type transaction struct {
	prepared map[string]string // text of the prepared statements by name
	open     bool
	texts    []string // statements since BEGIN
}

// follow takes note of a message. It returns the statement that the message runs, if any, and the statements of
// the transaction if the message is its COMMIT.
func (t *transaction) follow(m message) (statement string, committed []string) {
	switch m.kind {
	case 'P': // Parse: name, text, types of the parameters
		name, rest, _ := bytes.Cut(m.body(), []byte{0})
		text, _, _ := bytes.Cut(rest, []byte{0})
		t.prepared[string(name)] = string(text)
	case 'B': // Bind: portal, name of the statement, parameters
		_, rest, _ := bytes.Cut(m.body(), []byte{0})
		name, _, _ := bytes.Cut(rest, []byte{0})
		statement = t.prepared[string(name)]
	case 'Q': // Query: text
		statement = string(bytes.TrimRight(m.body(), "\x00"))
		switch command, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(statement)), " "); command {
		case "begin":
			t.open = true
		case "commit":
			committed, t.texts, t.open = append(t.texts, statement), nil, false
		case "rollback":
			t.texts, t.open = nil, false
		}
	}
	if t.open && statement != "" {
		t.texts = append(t.texts, statement)
	}
	return statement, committed
}
