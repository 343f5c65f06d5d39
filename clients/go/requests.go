package tocsin

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// Request returns the draft as a message of the API, with an idempotency key made up if it has none. It fails for what
// has no place in one, such as the word of a channel that does not exist.
func (d *Draft) Request() (*v1.SendRequest, error) {
	request, err := d.request()
	if err == nil && request.IdempotencyKey == "" {
		request.IdempotencyKey = rand.Text()
	}
	return request, err
}

func (d *Draft) request() (*v1.SendRequest, error) {
	for _, one := range [...]struct{ field, text string }{
		{"title", d.Title}, {"message", d.Message}, {"idempotency key", d.IdempotencyKey}, {"category", d.Category},
	} {
		if !utf8.ValidString(one.text) {
			return nil, fmt.Errorf("tocsin: the %s is not valid UTF-8", one.field)
		}
	}
	recipient, err := recipientMessage(d.Recipient)
	if err != nil {
		return nil, err
	}
	metadata, err := structOf(d.Metadata)
	if err != nil {
		return nil, err
	}
	channels, err := targetMessages(d.Channels)
	if err != nil {
		return nil, err
	}
	addresses, err := addressMessages(d.Addresses)
	if err != nil {
		return nil, err
	}
	strategy, err := strategyMessage(d.Strategy)
	if err != nil {
		return nil, err
	}
	request := &v1.SendRequest{
		Recipient:      recipient,
		Title:          d.Title,
		Message:        d.Message,
		Metadata:       metadata,
		Channels:       channels,
		Addresses:      addresses,
		IdempotencyKey: d.IdempotencyKey,
		SendAt:         timestamp(d.SendAt),
		ExpiresAt:      timestamp(d.ExpiresAt),
		Strategy:       strategy,
		Category:       d.Category,
	}
	if d.Deferred || !d.RouteBy.IsZero() {
		request.Routing = &v1.Routing{Deferred: d.Deferred, RouteBy: timestamp(d.RouteBy)}
	}
	return request, nil
}

func recipientMessage(recipient Recipient) (*v1.Recipient, error) {
	number, err := recipientTypes.number(recipient.Type)
	if err != nil {
		return nil, err
	}
	message := &v1.Recipient{Type: v1.RecipientType(number), Id: recipient.ID, ExternalId: recipient.ExternalID}
	if recipient.ID != "" && recipient.ExternalID != "" { // as contacts have it
		if !strings.EqualFold(recipient.ID, recipient.UUID()) {
			return nil, fmt.Errorf("tocsin: recipient %v: the id %s is another recipient's: give one of the two", recipient, recipient.ID)
		}
		message.Id = ""
	}
	return message, nil
}

func targetMessages(targets []Target) ([]*v1.ChannelTarget, error) {
	var messages []*v1.ChannelTarget
	for _, target := range targets {
		number, err := channelTypes.number(target.Channel)
		if err != nil {
			return nil, err
		}
		messages = append(messages, &v1.ChannelTarget{
			Channel:       v1.ChannelType(number),
			Address:       target.Address,
			EscalateAfter: duration(target.EscalateAfter),
		})
	}
	return messages, nil
}

// addressMessages sorts, so that the same addresses make the same request.
func addressMessages(addresses map[ChannelType]string) ([]*v1.Address, error) {
	var messages []*v1.Address
	for _, channel := range slices.Sorted(maps.Keys(addresses)) {
		number, err := channelTypes.number(channel)
		if err != nil {
			return nil, err
		}
		messages = append(messages, &v1.Address{Channel: v1.ChannelType(number), Address: addresses[channel]})
	}
	return messages, nil
}

func strategyMessage(strategy Strategy) (*v1.Strategy, error) {
	if strategy == (Strategy{}) {
		return nil, nil
	}
	kind, err := strategyKinds.number(strategy.Kind)
	if err != nil {
		return nil, err
	}
	goal, err := strategyGoals.number(strategy.Goal)
	if err != nil {
		return nil, err
	}
	return &v1.Strategy{
		Kind:          v1.StrategyKind(kind),
		EscalateAfter: duration(strategy.EscalateAfter),
		Goal:          v1.StrategyGoal(goal),
	}, nil
}

func (f *Filter) request() (*v1.ListRequest, error) {
	request := &v1.ListRequest{
		FeedOnly:      f.FeedOnly,
		UnreadOnly:    f.UnreadOnly,
		UnroutedOnly:  f.UnroutedOnly,
		CreatedAfter:  timestamp(f.CreatedAfter),
		CreatedBefore: timestamp(f.CreatedBefore),
		Category:      f.Category,
		PageToken:     f.PageToken,
	}
	var err error
	if f.Recipient != (Recipient{}) {
		if request.Recipient, err = recipientMessage(f.Recipient); err != nil {
			return nil, err
		}
	}
	if request.Statuses, err = enums[v1.Status](statuses, f.Statuses); err != nil {
		return nil, err
	}
	if request.Channels, err = enums[v1.ChannelType](channelTypes, f.Channels); err != nil {
		return nil, err
	}
	request.PageSize, err = int32Of("page size", f.PageSize)
	return request, err
}

func (r *Ruling) request(id string, channels []Target) (*v1.RouteRequest, error) {
	targets, err := targetMessages(channels)
	if err != nil {
		return nil, err
	}
	strategy, err := strategyMessage(r.Strategy)
	if err != nil {
		return nil, err
	}
	return &v1.RouteRequest{
		Id:         id,
		Channels:   targets,
		Strategy:   strategy,
		LeaseToken: r.LeaseToken,
		Reason:     r.Reason,
		Decider:    r.Decider,
	}, nil
}

func (o *LeaseOptions) request() (*v1.LeaseUndecidedRequest, error) {
	types, err := enums[v1.RecipientType](recipientTypes, o.RecipientTypes)
	if err != nil {
		return nil, err
	}
	count, err := int32Of("count", o.MaxCount)
	if err != nil {
		return nil, err
	}
	return &v1.LeaseUndecidedRequest{
		MaxCount:       count,
		Lease:          duration(o.Lease),
		Wait:           duration(o.Wait),
		Category:       o.Category,
		RecipientTypes: types,
	}, nil
}

func (c *Contact) request() (*v1.PutContactRequest, error) {
	recipient, err := recipientMessage(c.Recipient)
	if err != nil {
		return nil, err
	}
	addresses, err := addressMessages(c.Addresses)
	if err != nil {
		return nil, err
	}
	return &v1.PutContactRequest{Contact: &v1.Contact{
		Recipient: recipient,
		Addresses: addresses,
		Locale:    c.Locale,
		TimeZone:  c.TimeZone,
	}}, nil
}

func enums[E ~int32, T ~string](of *words[T], given []T) ([]E, error) {
	var numbers []E
	for _, word := range given {
		number, err := of.number(word)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, E(number))
	}
	return numbers, nil
}

func int32Of(what string, number int) (int32, error) {
	if int(int32(number)) != number {
		return 0, fmt.Errorf("tocsin: %s %d is too large", what, number)
	}
	return int32(number), nil
}

func timestamp(at time.Time) *timestamppb.Timestamp {
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}

func duration(length time.Duration) *durationpb.Duration {
	if length == 0 {
		return nil
	}
	return durationpb.New(length)
}
