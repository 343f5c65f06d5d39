package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"time"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

// arguments are those of every operation.
type arguments struct {
	sending
	Call   int    `json:"call"`
	Op     string `json:"op"`
	Client string `json:"client"`

	Address  string   `json:"address"`
	Token    string   `json:"token"`
	Tokens   []string `json:"tokens"`
	TLS      *tlsFile `json:"tls"`
	Silence  float64  `json:"silence"`
	Deadline float64  `json:"deadline"`
	Waits    struct {
		Initial float64 `json:"initial"`
		Cap     float64 `json:"cap"`
	} `json:"reconnect"`

	ID            string                 `json:"id"`
	IDs           []string               `json:"ids"`
	Requests      []sending              `json:"requests"`
	FeedOnly      bool                   `json:"feed_only"`
	UnreadOnly    bool                   `json:"unread_only"`
	UnroutedOnly  bool                   `json:"unrouted_only"`
	Statuses      []tocsin.Status        `json:"statuses"`
	CreatedAfter  time.Time              `json:"created_after"`
	CreatedBefore time.Time              `json:"created_before"`
	PageSize      int                    `json:"page_size"`
	PageToken     string                 `json:"page_token"`
	UpToCursor    string                 `json:"up_to_cursor"`
	Contact       contact                `json:"contact"`
	RecipientType tocsin.RecipientType   `json:"recipient_type"`
	Types         []tocsin.RecipientType `json:"-"`

	HoldUntil      time.Time              `json:"hold_until"`
	LeaseToken     string                 `json:"lease_token"`
	Reason         string                 `json:"reason"`
	Decider        string                 `json:"decider"`
	MaxCount       int                    `json:"max_count"`
	Lease          float64                `json:"lease"`
	Wait           float64                `json:"wait"`
	RecipientTypes []tocsin.RecipientType `json:"recipient_types"`

	Subscription string  `json:"subscription"`
	Cursor       string  `json:"cursor"`
	Timeout      float64 `json:"timeout"`
	Cycles       int     `json:"cycles"`

	bulkArguments
}

// sending is what is to be sent.
type sending struct {
	Recipient      *recipient                    `json:"recipient"`
	Title          string                        `json:"title"`
	Message        string                        `json:"message"`
	Channels       []target                      `json:"channels"`
	Addresses      map[tocsin.ChannelType]string `json:"addresses"`
	Metadata       map[string]any                `json:"metadata"`
	IdempotencyKey string                        `json:"idempotency_key"`
	SendAt         time.Time                     `json:"send_at"`
	ExpiresAt      time.Time                     `json:"expires_at"`
	Strategy       struct {
		Kind          tocsin.StrategyKind `json:"kind"`
		EscalateAfter float64             `json:"escalate_after"`
		Goal          tocsin.StrategyGoal `json:"goal"`
	} `json:"strategy"`
	Routing struct {
		Deferred bool      `json:"deferred"`
		RouteBy  time.Time `json:"route_by"`
	} `json:"routing"`
	Category string `json:"category"`
}

type recipient struct {
	Type       tocsin.RecipientType `json:"type"`
	ID         string               `json:"id"`
	ExternalID string               `json:"external_id"`
}

func (r *recipient) value() tocsin.Recipient {
	if r == nil {
		return tocsin.Recipient{}
	}
	return tocsin.Recipient(*r)
}

// target is a channel to send through: an object, or for lists and retries a word alone.
type target struct {
	Channel       tocsin.ChannelType `json:"channel"`
	Address       string             `json:"address"`
	EscalateAfter float64            `json:"escalate_after"`
}

func (t *target) UnmarshalJSON(text []byte) error {
	if text[0] == '"' {
		return json.Unmarshal(text, &t.Channel)
	}
	type plain target
	return json.Unmarshal(text, (*plain)(t))
}

type contact struct {
	Recipient *recipient                    `json:"recipient"`
	Addresses map[tocsin.ChannelType]string `json:"addresses"`
	Locale    string                        `json:"locale"`
	TimeZone  string                        `json:"time_zone"`
}

type tlsFile struct {
	CA          string `json:"ca"`
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	ServerName  string `json:"server_name"`
}

func seconds(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }

// context has the call's own deadline. To open, it is that of every call.
func (a *arguments) context() (context.Context, context.CancelFunc) {
	if a.Deadline == 0 || a.Op == "open" {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), seconds(a.Deadline))
}

func (a *arguments) options() ([]tocsin.Option, error) {
	var options []tocsin.Option
	if a.Token != "" {
		options = append(options, tocsin.WithToken(a.Token))
	}
	if len(a.Tokens) > 0 {
		options = append(options, tocsin.WithTokenSource(inTurn(a.Tokens)))
	}
	if a.TLS != nil {
		config, err := tocsin.LoadTLS(a.TLS.CA, a.TLS.Certificate, a.TLS.Key)
		if err != nil {
			return nil, err
		}
		config.ServerName = a.TLS.ServerName
		options = append(options, tocsin.WithTLS((*tls.Config)(config)))
	}
	if a.Deadline != 0 {
		options = append(options, tocsin.WithTimeout(seconds(a.Deadline)))
	}
	if a.Silence != 0 {
		options = append(options, tocsin.WithSilence(seconds(a.Silence)))
	}
	if a.Waits.Initial != 0 {
		waits := tocsin.Backoff{Initial: seconds(a.Waits.Initial), Factor: 2, Max: seconds(a.Waits.Cap)}
		options = append(options, tocsin.WithReconnect(waits))
	}
	return options, nil
}

// inTurn gives tokens one after the other, and the last one for ever.
func inTurn(tokens []string) tocsin.TokenSource {
	next := make(chan string, len(tokens))
	for _, token := range tokens {
		next <- token
	}
	return func(context.Context) (string, error) {
		select {
		case token := <-next:
			return token, nil
		default:
			return tokens[len(tokens)-1], nil
		}
	}
}

func (s *sending) targets() []tocsin.Target {
	var targets []tocsin.Target
	for _, one := range s.Channels {
		targets = append(targets, tocsin.Target{
			Channel: one.Channel, Address: one.Address, EscalateAfter: seconds(one.EscalateAfter),
		})
	}
	return targets
}

func (s *sending) channelTypes() []tocsin.ChannelType {
	var types []tocsin.ChannelType
	for _, one := range s.Channels {
		types = append(types, one.Channel)
	}
	return types
}

func (s *sending) strategy() tocsin.Strategy {
	return tocsin.Strategy{
		Kind: s.Strategy.Kind, EscalateAfter: seconds(s.Strategy.EscalateAfter), Goal: s.Strategy.Goal,
	}
}

func (s *sending) draft() tocsin.Draft {
	return tocsin.Draft{
		Recipient:      s.Recipient.value(),
		Title:          s.Title,
		Message:        s.Message,
		Channels:       s.targets(),
		Addresses:      s.Addresses,
		Metadata:       s.Metadata,
		IdempotencyKey: s.IdempotencyKey,
		SendAt:         s.SendAt,
		ExpiresAt:      s.ExpiresAt,
		Strategy:       s.strategy(),
		Deferred:       s.Routing.Deferred,
		RouteBy:        s.Routing.RouteBy,
		Category:       s.Category,
	}
}

func drafts(requests []sending) []tocsin.Draft {
	made := make([]tocsin.Draft, len(requests))
	for i := range requests {
		made[i] = requests[i].draft()
	}
	return made
}

func (a *arguments) filter() tocsin.Filter {
	return tocsin.Filter{
		Recipient:     a.Recipient.value(),
		FeedOnly:      a.FeedOnly,
		UnreadOnly:    a.UnreadOnly,
		UnroutedOnly:  a.UnroutedOnly,
		Statuses:      a.Statuses,
		Channels:      a.channelTypes(),
		CreatedAfter:  a.CreatedAfter,
		CreatedBefore: a.CreatedBefore,
		Category:      a.Category,
		PageSize:      a.PageSize,
		PageToken:     a.PageToken,
	}
}

func (a *arguments) ruling() tocsin.Ruling {
	return tocsin.Ruling{Strategy: a.strategy(), LeaseToken: a.LeaseToken, Reason: a.Reason, Decider: a.Decider}
}
