package tocsin_test

import (
	"context"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

func draft() tocsin.Draft {
	return tocsin.Draft{Recipient: tocsin.User.External("42"), Title: "T", Message: "M"}
}

func TestMetadataIsWhatJSONMakesOfIt(t *testing.T) {
	type money struct {
		Amount   int    `json:"amount"`
		Currency string `json:"currency"`
	}
	one := draft()
	one.Metadata = map[string]any{
		"null": nil, "yes": true, "text": "Größe №7 🔔", "float": 1.5, "largest": 1 << 53, "smallest": int64(-1 << 53),
		"number": json.Number("12"), "words": []string{"a", "b"}, "price": money{5, "EUR"}, "small": uint8(7),
		"nested": map[string]any{"list": []any{1, "x", map[string]any{}}},
		"at":     time.Date(2026, 1, 31, 8, 15, 0, 0, time.UTC),
	}
	request, err := one.Request()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(one.Metadata)
	var want map[string]any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if got := request.GetMetadata().AsMap(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestMetadataThatWouldChangeOnTheWayIsRefused(t *testing.T) {
	for _, one := range []struct {
		value    any
		sentence string
	}{
		{1<<53 + 1, "metadata.a[0].b is an integer beyond 2^53"},
		{json.Number("9007199254740993"), "metadata.a[0].b is an integer beyond 2^53"},
		{json.Number("123456789012345678901234567890"), "metadata.a[0].b is an integer beyond 2^53"},
		{uint64(math.MaxUint64), "metadata.a[0].b is an integer beyond 2^53"},
		{math.NaN(), "metadata.a[0].b is NaN"},
		{math.Inf(-1), "metadata.a[0].b is -Inf"},
		{"\xff", "metadata.a[0].b is not valid UTF-8"},
		{map[string]any{"\xff": 1}, "metadata.a[0].b has a key that is not valid UTF-8"},
		{make(chan int), "metadata.a[0].b is not JSON"},
	} {
		bad := draft()
		bad.Metadata = map[string]any{"a": []any{map[string]any{"b": one.value}}}
		if _, err := bad.Request(); err == nil || !strings.Contains(err.Error(), one.sentence) {
			t.Errorf("%v: got %v", one.value, err)
		}
	}
}

func TestWordsThatTheAPIDoesNotHaveAreRefusedByTheClient(t *testing.T) {
	for field, change := range map[string]func(*tocsin.Draft){
		`recipient type "robot" is not one of user, guest`:                   func(d *tocsin.Draft) { d.Recipient.Type = "robot" },
		`channel "fax" is not one of websocket, email`:                       func(d *tocsin.Draft) { d.Channels = tocsin.Via("fax") },
		`channel "pigeon" is not one of`:                                     func(d *tocsin.Draft) { d.Addresses = map[tocsin.ChannelType]string{"pigeon": "x"} },
		`the id 0190a5d0-0000-7000-8000-000000000001 is another recipient's`: func(d *tocsin.Draft) { d.Recipient.ID = "0190a5d0-0000-7000-8000-000000000001" },
		`strategy "random" is not one of parallel, fallback`:                 func(d *tocsin.Draft) { d.Strategy.Kind = "random" },
		`goal "fame" is not one of read, sent`:                               func(d *tocsin.Draft) { d.Strategy.Goal = "fame" },
	} {
		bad := draft()
		change(&bad)
		if _, err := bad.Request(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("got %v, want %s", err, field)
		}
	}
}

func TestEveryFieldOfADraftTravels(t *testing.T) {
	at := time.Date(2026, 1, 31, 9, 15, 0, 250_000_000, time.FixedZone("", 3600))
	full := tocsin.Draft{
		Recipient:      tocsin.Guest.ID("0190a5d0-0000-7000-8000-000000000001"),
		Title:          "T",
		Message:        "M",
		Channels:       []tocsin.Target{{Channel: tocsin.WebSocket, EscalateAfter: time.Minute}, {Channel: tocsin.SMS, Address: "+15550100"}},
		Addresses:      map[tocsin.ChannelType]string{tocsin.SMS: "+15550101", tocsin.Email: "a@example.org"},
		Metadata:       map[string]any{"k": "v"},
		IdempotencyKey: "key",
		SendAt:         at,
		ExpiresAt:      at.Add(time.Hour),
		Strategy:       tocsin.Strategy{Kind: tocsin.Fallback, EscalateAfter: time.Second, Goal: tocsin.GoalSent},
		Deferred:       true,
		RouteBy:        at.Add(time.Minute),
		Category:       "order.shipped",
	}
	request, err := full.Request()
	if err != nil {
		t.Fatal(err)
	}
	if unset := unsetFields(request.ProtoReflect()); len(unset) != 0 {
		t.Errorf("not set: %v", unset)
	}
	if !request.GetSendAt().AsTime().Equal(at) || request.GetAddresses()[0].GetChannel() != v1.ChannelType_CHANNEL_TYPE_EMAIL {
		t.Errorf("got %v", request)
	}
}

func TestADraftWithoutAKeyGetsADifferentOneEachTime(t *testing.T) {
	one := draft()
	first, _ := one.Request()
	second, _ := one.Request()
	if first.GetIdempotencyKey() == "" || first.GetIdempotencyKey() == second.GetIdempotencyKey() || one.IdempotencyKey != "" {
		t.Errorf("got %q and %q, and the draft has %q", first.GetIdempotencyKey(), second.GetIdempotencyKey(), one.IdempotencyKey)
	}
}

func TestWhatIsNewerThanTheClientIsShownAndNotRefused(t *testing.T) {
	message := &v1.Notification{
		Id: "n", Status: 77, CreatedAt: timestamppb.Now(),
		Channels: []*v1.Channel{{Channel: 99, History: []*v1.Attempt{{Outcome: 42}}}},
	}
	// A field that this client does not know: number 2000, a varint.
	message.ProtoReflect().SetUnknown([]byte{0x80, 0x7d, 0x01})
	server := (&fake{unary: func(context.Context, string, any) (any, error) {
		return &v1.GetResponse{Notification: message}, nil
	}}).start(t)
	got, err := dial(t, server.address).Get(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	if got.Status != "unknown_77" || got.Channels[0].Channel != "unknown_99" || got.Channels[0].History[0].Outcome != "unknown_42" {
		t.Errorf("got %+v", got)
	}
	if !got.ReadAt.IsZero() || got.Metadata != nil {
		t.Errorf("what is absent is %v and %v", got.ReadAt, got.Metadata)
	}
}

func TestMetadataThatIsACircleIsRefusedByItsName(t *testing.T) {
	circle := map[string]any{}
	circle["a"] = []any{circle}
	draft := tocsin.Draft{Recipient: tocsin.Recipient{Type: tocsin.User, ExternalID: "42"}, Metadata: circle}
	_, err := draft.Request()
	if err == nil || !strings.Contains(err.Error(), "lies too deep: metadata has 32 levels at most") {
		t.Errorf("%v", err)
	}
}
