// Command conformance is the driver of the conformance suite for the Go client: operations as JSON lines in, answers as
// JSON lines out. clients/conformance/README.md describes the protocol.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"reflect"
	"runtime"
	"strings"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

// answer is what an operation says.
type answer = map[string]any

// errUnsupported is of an operation that there is not.
var errUnsupported = errors.New("unsupported")

// A driver has the clients, subscriptions and senders that the runner has opened, by its names.
type driver struct {
	clients   map[string]*tocsin.Client
	followers map[string]*follower
	senders   map[string]*bulk
}

func main() {
	d := &driver{
		clients:   map[string]*tocsin.Client{},
		followers: map[string]*follower{},
		senders:   map[string]*bulk{},
	}
	defer d.close()
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	for input := bufio.NewReader(os.Stdin); ; {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return
		}
		if err := output.Encode(d.handle(line)); err != nil {
			log.Fatal(err)
		}
	}
}

func (d *driver) close() {
	for _, follower := range d.followers {
		follower.close()
	}
	for _, client := range d.clients {
		_ = client.Close()
	}
}

func (d *driver) handle(line []byte) answer {
	var given arguments
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber() // integers beyond 2^53 are to reach the client as they are
	if err := decoder.Decode(&given); err != nil {
		log.Fatalf("%v in %s", err, line)
	}
	said, err := d.do(&given)
	switch {
	case errors.Is(err, errUnsupported):
		return answer{"call": given.Call, "unsupported": "no operation " + given.Op}
	case err != nil:
		return answer{"call": given.Call, "error": failure(err)}
	case said == nil:
		said = answer{}
	}
	return answer{"call": given.Call, "ok": said}
}

// do carries out an operation: the method of its name, where "send_batch" is SendBatch.
func (d *driver) do(given *arguments) (answer, error) {
	name := ""
	for word := range strings.SplitSeq(given.Op, "_") {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	operation := reflect.ValueOf(operations{d}).MethodByName(name)
	if !operation.IsValid() {
		return nil, errUnsupported
	}
	ctx, cancel := given.context()
	defer cancel()
	results := operation.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(given)})
	err, _ := results[1].Interface().(error)
	return results[0].Interface().(answer), err
}

// operations has a method for each operation.
type operations struct{ *driver }

// client returns the one that an operation names.
func (o operations) client(given *arguments) *tocsin.Client {
	client := o.clients[given.Client]
	if client == nil {
		log.Fatalf("there is no client %q", given.Client)
	}
	return client
}

// Hello says who this is.
func (o operations) Hello(context.Context, *arguments) (answer, error) {
	return answer{"language": "go", "version": runtime.Version()}, nil
}

// Open opens a client.
func (o operations) Open(_ context.Context, given *arguments) (answer, error) {
	if before := o.clients[given.Client]; before != nil {
		_ = before.Close()
	}
	options, err := given.options()
	if err != nil {
		return nil, err
	}
	client, err := tocsin.New(given.Address, options...)
	if err != nil {
		return nil, err
	}
	o.clients[given.Client] = client
	return nil, nil
}

// Close closes a client.
func (o operations) Close(_ context.Context, given *arguments) (answer, error) {
	return nil, o.client(given).Close()
}

// Send sends one.
func (o operations) Send(ctx context.Context, given *arguments) (answer, error) {
	accepted, err := o.client(given).Send(ctx, given.draft())
	if err != nil {
		return nil, err
	}
	return acceptedJSON(accepted), nil
}

// SendBatch sends several.
func (o operations) SendBatch(ctx context.Context, given *arguments) (answer, error) {
	results, err := o.client(given).SendBatch(ctx, drafts(given.Requests))
	if err != nil {
		return nil, err
	}
	return answer{"results": resultsJSON(results)}, nil
}

// Get reads one.
func (o operations) Get(ctx context.Context, given *arguments) (answer, error) {
	return notificationAnswer(o.client(given).Get(ctx, given.ID))
}

// List reads a page.
func (o operations) List(ctx context.Context, given *arguments) (answer, error) {
	page, err := o.client(given).List(ctx, given.filter())
	if err != nil {
		return nil, err
	}
	var notifications []answer
	for _, one := range page.Notifications {
		notifications = append(notifications, notificationJSON(one))
	}
	return answer{"notifications": notifications, "next_page_token": page.NextPageToken, "cursor": page.Cursor}, nil
}

// ListAll reads all pages.
func (o operations) ListAll(ctx context.Context, given *arguments) (answer, error) {
	ids := []string{}
	for one, err := range o.client(given).All(ctx, given.filter()) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, one.ID)
	}
	return answer{"ids": ids}, nil
}

// MarkRead marks ids, or a feed.
func (o operations) MarkRead(ctx context.Context, given *arguments) (answer, error) {
	var marked *tocsin.MarkedRead
	var err error
	switch {
	case given.Recipient == nil:
		marked, err = o.client(given).MarkRead(ctx, given.IDs...)
	case len(given.IDs) == 0:
		marked, err = o.client(given).MarkFeedRead(ctx, given.Recipient.value(), given.UpToCursor)
	default:
		return nil, fmt.Errorf("%w: MarkRead takes ids, MarkFeedRead a recipient", errUnsupported)
	}
	if err != nil {
		return nil, err
	}
	return answer{"marked_count": marked.MarkedCount, "unread_count": marked.UnreadCount, "cursor": marked.Cursor}, nil
}

// CountUnread counts.
func (o operations) CountUnread(ctx context.Context, given *arguments) (answer, error) {
	unread, err := o.client(given).CountUnread(ctx, given.Recipient.value())
	if err != nil {
		return nil, err
	}
	return answer{"unread_count": unread.Count, "cursor": unread.Cursor}, nil
}

// Cancel cancels.
func (o operations) Cancel(ctx context.Context, given *arguments) (answer, error) {
	return notificationAnswer(o.client(given).Cancel(ctx, given.ID))
}

// Retry revives.
func (o operations) Retry(ctx context.Context, given *arguments) (answer, error) {
	return notificationAnswer(o.client(given).Retry(ctx, given.ID, given.channelTypes()...))
}

// Explain tells who decided.
func (o operations) Explain(ctx context.Context, given *arguments) (answer, error) {
	decisions, err := o.client(given).Explain(ctx, given.ID)
	if err != nil {
		return nil, err
	}
	var said []answer
	for _, one := range decisions {
		said = append(said, decisionJSON(one))
	}
	return answer{"decisions": said}, nil
}

// Route decides.
func (o operations) Route(ctx context.Context, given *arguments) (answer, error) {
	return notificationAnswer(o.client(given).Route(ctx, given.ID, given.targets(), given.ruling()))
}

// Hold decides later.
func (o operations) Hold(ctx context.Context, given *arguments) (answer, error) {
	return notificationAnswer(o.client(given).Hold(ctx, given.ID, given.HoldUntil, given.ruling()))
}

// Suppress sends nothing.
func (o operations) Suppress(ctx context.Context, given *arguments) (answer, error) {
	return notificationAnswer(o.client(given).Suppress(ctx, given.ID, given.ruling()))
}

// LeaseUndecided takes what is to be decided.
func (o operations) LeaseUndecided(ctx context.Context, given *arguments) (answer, error) {
	leased, err := o.client(given).LeaseUndecided(ctx, tocsin.LeaseOptions{
		MaxCount:       given.MaxCount,
		Lease:          seconds(given.Lease),
		Wait:           seconds(given.Wait),
		Category:       given.Category,
		RecipientTypes: given.RecipientTypes,
	})
	if err != nil {
		return nil, err
	}
	var said []answer
	for _, one := range leased {
		said = append(said, undecidedJSON(one))
	}
	return answer{"undecided": said}, nil
}

// PutContact keeps a contact.
func (o operations) PutContact(ctx context.Context, given *arguments) (answer, error) {
	return contactAnswer(o.client(given).PutContact(ctx, tocsin.Contact{
		Recipient: given.Contact.Recipient.value(),
		Addresses: given.Contact.Addresses,
		Locale:    given.Contact.Locale,
		TimeZone:  given.Contact.TimeZone,
	}))
}

// GetContact reads one.
func (o operations) GetContact(ctx context.Context, given *arguments) (answer, error) {
	return contactAnswer(o.client(given).GetContact(ctx, given.Recipient.value()))
}

// DeleteContact deletes one.
func (o operations) DeleteContact(ctx context.Context, given *arguments) (answer, error) {
	return nil, o.client(given).DeleteContact(ctx, given.Recipient.value())
}

// ListContacts reads all pages.
func (o operations) ListContacts(ctx context.Context, given *arguments) (answer, error) {
	var contacts []answer
	filter := tocsin.ContactFilter{Type: given.RecipientType, PageSize: given.PageSize}
	for one, err := range o.client(given).AllContacts(ctx, filter) {
		if err != nil {
			return nil, err
		}
		contacts = append(contacts, contactJSON(one))
	}
	return answer{"contacts": contacts}, nil
}
