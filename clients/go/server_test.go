package tocsin_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	"github.com/tocsin-dev/tocsin/clients/go/internal/serving"
)

// These tests talk to a real server.

func ok[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func inFeed(to tocsin.Recipient, key string) tocsin.Draft {
	return tocsin.Draft{Recipient: to, Title: "Title " + key, Message: "M", Channels: tocsin.Via(tocsin.WebSocket), IdempotencyKey: key}
}

func TestWhatIsSentIsKeptAsItWas(t *testing.T) {
	client := dial(t, serving.Start(t).Address)
	at := time.Now().Add(time.Hour).Truncate(time.Microsecond).UTC()
	sent := ok(client.Send(t.Context(), tocsin.Draft{
		Recipient: tocsin.User.External("42"), Title: "Größe №7 🔔", Message: "M", Category: "order.shipped",
		Channels:  []tocsin.Target{{Channel: tocsin.WebSocket}, {Channel: tocsin.Email}},
		Addresses: map[tocsin.ChannelType]string{tocsin.Email: "ann@example.org"},
		Metadata:  map[string]any{"order": map[string]any{"id": "ABC123", "items": []int{1, 2}, "note": nil}, "large": 1 << 53},
		Strategy:  tocsin.Strategy{Kind: tocsin.Fallback, EscalateAfter: time.Minute},
		SendAt:    at, ExpiresAt: at.Add(time.Hour), IdempotencyKey: "k",
	}))(t)
	got := ok(client.Get(t.Context(), sent.Notification.ID))(t)
	if sent.Duplicate || got.Title != "Größe №7 🔔" || got.Category != "order.shipped" || !got.SendAt.Equal(at) || got.Status != tocsin.Pending {
		t.Errorf("got %+v", got)
	}
	if got.Recipient.UUID() != tocsin.User.External("42").UUID() {
		t.Errorf("got %v", got.Recipient)
	}
	if order := got.Metadata["order"].(map[string]any); order["id"] != "ABC123" || order["note"] != nil || got.Metadata["large"] != float64(1<<53) {
		t.Errorf("got %v", got.Metadata)
	}
	cancelled := ok(client.Cancel(t.Context(), got.ID))(t)
	if cancelled.Status != tocsin.Failed || cancelled.Channels[0].Response["reason"] != "CANCELLED" {
		t.Errorf("got %+v", cancelled)
	}
	if revived := ok(client.Retry(t.Context(), got.ID, tocsin.WebSocket))(t); revived.Status != tocsin.Pending {
		t.Errorf("got %+v", revived)
	}
}

func TestErrorsOfTheServerAreTyped(t *testing.T) {
	client := dial(t, serving.Start(t).Address)
	ok(client.Send(t.Context(), inFeed(ann, "k")))(t)
	again := inFeed(ann, "k")
	again.Title = "Another"
	_, reused := client.Send(t.Context(), again)
	if !errors.Is(reused, tocsin.ErrIdempotencyKeyReused) || errorIn(t, reused).Metadata["idempotency_key"] != "k" {
		t.Errorf("got %v", reused)
	}
	_, invalid := client.Send(t.Context(), tocsin.Draft{})
	var fields []string
	for _, violation := range errorIn(t, invalid).Violations {
		fields = append(fields, violation.Field)
	}
	if !errors.Is(invalid, tocsin.ErrInvalidField) || !slices.Contains(fields, "title") || !slices.Contains(fields, "message") {
		t.Errorf("got %v", invalid)
	}
	if err := client.DeleteContact(t.Context(), ann); !errors.Is(err, tocsin.ErrContactNotFound) {
		t.Errorf("got %v", err)
	}
	results := ok(client.SendBatch(t.Context(), []tocsin.Draft{inFeed(ann, "b"), {}, inFeed(ann, "b")}))(t)
	if results[0].Err != nil || !errors.Is(results[1].Err, tocsin.ErrInvalidField) || !results[2].Accepted.Duplicate {
		t.Errorf("got %+v", results)
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	client := dial(t, serving.Start(t).Address)
	var drafts []tocsin.Draft
	for i := range 25 {
		drafts = append(drafts, inFeed(ann, fmt.Sprint(i)))
	}
	ok(client.SendBatch(t.Context(), drafts))(t)
	var titles []string
	for one, err := range client.All(t.Context(), tocsin.Filter{Recipient: ann, FeedOnly: true, Channels: []tocsin.ChannelType{tocsin.WebSocket}, PageSize: 10}) {
		titles = append(titles, ok(one, err)(t).Title)
	}
	if len(titles) != 25 || titles[0] != "Title 24" || titles[24] != "Title 0" {
		t.Errorf("got %v", titles)
	}
	page := ok(client.List(t.Context(), tocsin.Filter{Recipient: ann, FeedOnly: true, UnreadOnly: true, Statuses: []tocsin.Status{tocsin.Pending}}))(t)
	marked := ok(client.MarkRead(t.Context(), page.Notifications[0].ID, page.Notifications[1].ID))(t)
	if marked.MarkedCount != 2 || marked.UnreadCount != 23 {
		t.Errorf("got %+v", marked)
	}
	if all := ok(client.MarkFeedRead(t.Context(), ann, marked.Cursor))(t); all.MarkedCount != 23 {
		t.Errorf("got %+v", all)
	}
	if unread := ok(client.CountUnread(t.Context(), ann))(t); unread.Count != 0 || unread.Cursor == "" {
		t.Errorf("got %+v", unread)
	}
	for _, err := range client.All(t.Context(), tocsin.Filter{FeedOnly: true}) {
		if !errors.Is(err, tocsin.ErrInvalidField) {
			t.Errorf("got %v", err)
		}
	}
}

func TestContactsAreKept(t *testing.T) {
	client := dial(t, serving.Start(t).Address)
	for i := range 3 {
		put := ok(client.PutContact(t.Context(), tocsin.Contact{
			Recipient: tocsin.Partner.External(fmt.Sprint(i)), Locale: "pt-BR", TimeZone: "Europe/Lisbon",
			Addresses: map[tocsin.ChannelType]string{tocsin.Email: "ann@example.org", tocsin.SMS: "+442079460000"},
		}))(t)
		if put.UpdatedAt.IsZero() || put.Addresses[tocsin.SMS] != "+442079460000" {
			t.Errorf("got %+v", put)
		}
	}
	count := 0
	for contact, err := range client.AllContacts(t.Context(), tocsin.ContactFilter{Type: tocsin.Partner, PageSize: 2}) {
		count++
		if one := ok(client.GetContact(t.Context(), ok(contact, err)(t).Recipient))(t); one.Locale != "pt-BR" {
			t.Errorf("got %+v", one)
		}
	}
	if err := client.DeleteContact(t.Context(), tocsin.Partner.External("0")); err != nil || count != 3 {
		t.Errorf("got %v after %d", err, count)
	}
}

func TestWhatIsDeferredIsDecided(t *testing.T) {
	client := dial(t, serving.Start(t).Address)
	late := func(key string) tocsin.Draft {
		return tocsin.Draft{Recipient: ann, Title: key, Message: "M", Deferred: true, IdempotencyKey: key, Category: "order.shipped"}
	}
	for _, key := range []string{"route", "hold", "suppress"} {
		ok(client.Send(t.Context(), late(key)))(t)
	}
	ruling := tocsin.Ruling{Reason: "because", Decider: "a test"}
	leased := ok(client.LeaseUndecided(t.Context(), tocsin.LeaseOptions{Wait: time.Minute, Lease: time.Minute, Category: "order.*", RecipientTypes: []tocsin.RecipientType{tocsin.User}}))(t)
	if len(leased) != 3 {
		t.Fatalf("got %d", len(leased))
	}
	for _, one := range leased {
		if !slices.Contains(one.Allowed(), tocsin.WebSocket) || one.Context.LocalTime.IsZero() || one.LeaseUntil.IsZero() {
			t.Errorf("got %+v", one)
		}
		ruling.LeaseToken = one.LeaseToken
		id := one.Notification.ID
		switch one.Notification.Title {
		case "route":
			preview := ok(client.Preview(t.Context(), id, tocsin.Via(tocsin.WebSocket), ruling))(t)
			if preview.AlreadyMade || preview.Decision.Channels[0].Channel != tocsin.WebSocket {
				t.Errorf("got %+v", preview)
			}
			ok(client.Route(t.Context(), id, tocsin.Via(tocsin.WebSocket), ruling))(t)
			decisions := ok(client.Explain(t.Context(), id))(t)
			if decisions[0].By != tocsin.ByDecider || decisions[0].Reason != "because" || decisions[0].Decider != "a test" {
				t.Errorf("got %+v", decisions)
			}
		case "hold":
			ok(client.Hold(t.Context(), id, time.Now().Add(time.Minute), ruling))(t)
		case "suppress":
			if got := ok(client.Suppress(t.Context(), id, ruling))(t); got.Status != tocsin.Failed {
				t.Errorf("got %+v", got)
			}
		}
	}
	if who := ok(client.WhoAmI(t.Context()))(t); !slices.Contains(who.RPCs, "tocsin.v1.NotificationService/Route") {
		t.Errorf("got %+v", who)
	}
}

func TestRulesAreTried(t *testing.T) {
	client := dial(t, serving.Start(t).Address)
	ok(client.Send(t.Context(), inFeed(ann, "k")))(t)
	simulated := ok(client.Simulate(t.Context(), tocsin.Draft{Recipient: ann, Title: "T", Message: "M"}, ""))(t)
	if simulated.Refusal != nil || simulated.Decision.By != tocsin.ByRule || len(simulated.Trials) == 0 {
		t.Errorf("got %+v", simulated)
	}
	refused := ok(client.Simulate(t.Context(), tocsin.Draft{Recipient: ann, Title: "T", Message: "M", Channels: tocsin.Via(tocsin.Email)}, ""))(t)
	if !errors.Is(refused.Refusal, tocsin.ErrAddressUnknown) {
		t.Errorf("got %+v", refused)
	}
	_, err := client.Simulate(t.Context(), tocsin.Draft{Recipient: ann, Title: "T", Message: "M"}, "this is not TOML")
	if len(errorIn(t, err).Violations) == 0 {
		t.Errorf("got %v", err)
	}
	tried := ok(client.Backtest(t.Context(), tocsin.BacktestOptions{Limit: 10, Since: time.Now().Add(-time.Hour)}))(t)
	if tried.Examined != 1 || tried.Truncated {
		t.Errorf("got %+v", tried)
	}
}

func TestASubscriptionOutlivesTheServer(t *testing.T) {
	server := serving.Start(t)
	client := dial(t, server.Address)
	sub := client.Subscribe(t.Context(), ann)
	defer sub.Close()
	nextEvent(t, sub)
	for i, end := range []func(){server.Kill, server.Stop, func() {}} {
		first := ok(client.Send(t.Context(), inFeed(ann, fmt.Sprint("before ", i))))(t).Notification.ID
		if got := nextNotification(t, sub); got != first {
			t.Fatalf("got %s, want %s", got, first)
		}
		end()
		if i < 2 {
			server.Restart()
		}
	}
	id := ok(client.Send(t.Context(), inFeed(ann, "last")))(t).Notification.ID
	last := nextNotification(t, sub)
	if last != id {
		t.Errorf("got %s, want %s", last, id)
	}
	ok(client.MarkRead(t.Context(), id))(t)
	if event := nextEvent(t, sub); event.ReadChanged == nil || event.ReadChanged.IDs[0] != id || event.UnreadCount != 2+1 {
		t.Errorf("got %+v", event)
	}
	resumed := client.Subscribe(t.Context(), ann, tocsin.After(sub.Cursor()))
	defer resumed.Close()
	if event := nextEvent(t, resumed); !event.Subscribed.Recovered {
		t.Errorf("got %+v", event)
	}
}

func TestASenderCountsExactlyThoughTheServerIsKilledTwice(t *testing.T) {
	server := serving.Start(t)
	sender := dial(t, server.Address).NewSender()
	const count = 6000
	receipts := make([]*tocsin.Receipt, count)
	for i := range receipts {
		receipts[i] = ok(sender.Send(t.Context(), inFeed(tocsin.User.External(fmt.Sprint(i%7)), fmt.Sprint("k", i))))(t)
		if i == 2000 || i == 4000 {
			<-receipts[i/2].Done() // some are stored, and some on their way
			server.Kill()
			server.Restart()
		}
	}
	if err := sender.Close(); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, receipt := range receipts {
		ids[ok(receipt.Wait(t.Context()))(t).Notification.ID] = true
	}
	stored := map[string]bool{}
	for one, err := range dial(t, server.Address).All(t.Context(), tocsin.Filter{PageSize: 500}) {
		stored[ok(one, err)(t).ID] = true
	}
	if len(ids) != count || len(stored) != count {
		t.Errorf("%d receipts, %d stored", len(ids), len(stored))
	}
}

func TestATokenIsNeededWhereTheServerAsksForOne(t *testing.T) {
	server := serving.Start(t, "TOCSIN_JWT_SECRET="+strings.Repeat("s", 32))
	_, err := dial(t, server.Address).Get(t.Context(), "0190a5d0-0000-7000-8000-000000000001")
	if !errors.Is(err, tocsin.ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
	if _, err := dial(t, server.Address, tocsin.WithToken("wrong")).Subscribe(t.Context(), ann).Next(); !errors.Is(err, tocsin.ErrUnauthenticated) {
		t.Errorf("got %v", err)
	}
}
