package tocsin

import (
	"time"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

func timeOf(message *timestamppb.Timestamp) time.Time {
	if message == nil {
		return time.Time{}
	}
	return message.AsTime()
}

// each converts a list; nil stays nil.
func each[M, V any](messages []M, convert func(M) V) []V {
	if messages == nil {
		return nil
	}
	values := make([]V, len(messages))
	for i, message := range messages {
		values[i] = convert(message)
	}
	return values
}

func channelTypeOf(message v1.ChannelType) ChannelType { return channelTypes.word(int32(message)) }

func recipientOf(message *v1.Recipient) Recipient {
	return Recipient{
		Type:       recipientTypes.word(int32(message.GetType())),
		ID:         message.GetId(),
		ExternalID: message.GetExternalId(),
	}
}

func notificationOf(message *v1.Notification) *Notification {
	return &Notification{
		ID:        message.GetId(),
		Recipient: recipientOf(message.GetRecipient()),
		Title:     message.GetTitle(),
		Message:   message.GetMessage(),
		Status:    statuses.word(int32(message.GetStatus())),
		Metadata:  mapOf(message.GetMetadata()),
		IsRead:    message.GetIsRead(),
		CreatedAt: timeOf(message.GetCreatedAt()),
		Channels:  each(message.GetChannels(), channelOf),
		ReadAt:    timeOf(message.GetReadAt()),
		SendAt:    timeOf(message.GetSendAt()),
		ExpiresAt: timeOf(message.GetExpiresAt()),
		Owner:     message.GetOwner(),
		Category:  message.GetCategory(),
		RouteBy:   timeOf(message.GetRouteBy()),
	}
}

func channelOf(message *v1.Channel) Channel {
	return Channel{
		ID:             message.GetId(),
		NotificationID: message.GetNotificationId(),
		Channel:        channelTypeOf(message.GetChannel()),
		Status:         statuses.word(int32(message.GetStatus())),
		Attempts:       int(message.GetAttempts()),
		Response:       mapOf(message.GetResponse()),
		CreatedAt:      timeOf(message.GetCreatedAt()),
		Address:        message.GetAddress(),
		NextAttemptAt:  timeOf(message.GetNextAttemptAt()),
		History:        each(message.GetHistory(), attemptOf),
	}
}

func attemptOf(message *v1.Attempt) Attempt {
	return Attempt{
		AttemptedAt: timeOf(message.GetAttemptedAt()),
		Outcome:     outcomes.word(int32(message.GetOutcome())),
		Provider:    message.GetProvider(),
		Code:        message.GetCode(),
		Detail:      message.GetDetail(),
	}
}

func acceptedOf(message *v1.SendResponse) *Accepted {
	return &Accepted{Notification: notificationOf(message.GetNotification()), Duplicate: message.GetDuplicate()}
}

func resultOf(message *v1.SendResult) Result {
	if refused := message.GetError(); refused != nil {
		return Result{Err: errorFromStatus(status.FromProto(refused))}
	}
	return Result{Accepted: acceptedOf(message.GetResponse())}
}

func contactOf(message *v1.Contact) *Contact {
	addresses := make(map[ChannelType]string, len(message.GetAddresses()))
	for _, address := range message.GetAddresses() {
		addresses[channelTypeOf(address.GetChannel())] = address.GetAddress()
	}
	return &Contact{
		Recipient: recipientOf(message.GetRecipient()),
		Addresses: addresses,
		Locale:    message.GetLocale(),
		TimeZone:  message.GetTimeZone(),
		UpdatedAt: timeOf(message.GetUpdatedAt()),
	}
}

// eventOf returns false for heartbeats, and for kinds of events that are newer than this client.
func eventOf(message *v1.SubscribeResponse) (Event, bool) {
	event := Event{Cursor: message.GetCursor(), UnreadCount: message.GetUnreadCount()}
	switch kind := message.GetEvent().(type) {
	case *v1.SubscribeResponse_Subscribed:
		event.Subscribed = &Subscribed{Recovered: kind.Subscribed.GetRecovered()}
	case *v1.SubscribeResponse_Notification:
		event.Notification = notificationOf(kind.Notification)
	case *v1.SubscribeResponse_ReadChanged:
		event.ReadChanged = &ReadChanged{IDs: kind.ReadChanged.GetIds(), ReadAt: timeOf(kind.ReadChanged.GetReadAt())}
	default:
		return Event{}, false
	}
	return event, true
}

func undecidedOf(message *v1.Undecided) *Undecided {
	return &Undecided{
		Notification: notificationOf(message.GetNotification()),
		LeaseToken:   message.GetLeaseToken(),
		LeaseUntil:   timeOf(message.GetLeaseUntil()),
		Options: each(message.GetOptions(), func(option *v1.Option) Choice {
			return Choice{
				Channel:       channelTypeOf(option.GetChannel()),
				Allowed:       option.GetAllowed(),
				DeniedBy:      option.GetDeniedBy(),
				MaskedAddress: option.GetMaskedAddress(),
			}
		}),
		Context: contextOf(message.GetContext()),
	}
}

func contextOf(message *v1.RecipientContext) RecipientContext {
	// A time in another form than the API promises is left out rather than failing what was leased.
	local, _ := time.Parse(time.RFC3339, message.GetLocalTime())
	last := make(map[ChannelType]time.Time, len(message.GetLastSent()))
	for _, sent := range message.GetLastSent() {
		last[channelTypeOf(sent.GetChannel())] = timeOf(sent.GetAt())
	}
	return RecipientContext{
		Locale:      message.GetLocale(),
		TimeZone:    message.GetTimeZone(),
		LocalTime:   local,
		UnreadCount: message.GetUnreadCount(),
		LastSent:    last,
	}
}

func decisionOf(message *v1.Decision) Decision {
	return Decision{
		DecidedAt: timeOf(message.GetDecidedAt()),
		By:        decidedBy.word(int32(message.GetBy())),
		Name:      message.GetName(),
		Channels: each(message.GetChannels(), func(target *v1.ChannelTarget) Target {
			return Target{
				Channel:       channelTypeOf(target.GetChannel()),
				Address:       target.GetAddress(),
				EscalateAfter: target.GetEscalateAfter().AsDuration(),
			}
		}),
		Denied: each(message.GetDenied(), func(denied *v1.Denied) Denied {
			return Denied{
				Channel: channelTypeOf(denied.GetChannel()),
				Policy:  denied.GetPolicy(),
				Detail:  denied.GetDetail(),
			}
		}),
		Reason:  message.GetReason(),
		Decider: message.GetDecider(),
	}
}

func simulationOf(message *v1.SimulateResponse) *Simulation {
	simulation := &Simulation{
		Decision: decisionOf(message.GetDecision()),
		Trials: each(message.GetTrials(), func(trial *v1.RuleTrial) RuleTrial {
			return RuleTrial{Rule: trial.GetRule(), Matched: trial.GetMatched(), Why: trial.GetWhy()}
		}),
	}
	if refusal := message.GetRefusal(); refusal != nil {
		simulation.Refusal = errorFromStatus(status.FromProto(refusal))
	}
	return simulation
}

func backtestOf(message *v1.BacktestResponse) *Backtest {
	return &Backtest{
		Examined: int(message.GetExamined()),
		Agreed:   int(message.GetAgreed()),
		Changes: each(message.GetChanges(), func(change *v1.ChannelChange) ChannelChange {
			return ChannelChange{
				Channel: channelTypeOf(change.GetChannel()),
				Added:   int(change.GetAdded()),
				Removed: int(change.GetRemoved()),
			}
		}),
		Examples: each(message.GetExamples(), func(example *v1.BacktestExample) BacktestExample {
			return BacktestExample{
				ID:            example.GetId(),
				Category:      example.GetCategory(),
				RecipientType: recipientTypes.word(int32(example.GetRecipientType())),
				Was:           each(example.GetWas(), channelTypeOf),
				WouldBe:       each(example.GetWouldBe(), channelTypeOf),
				Rule:          example.GetRule(),
			}
		}),
		Truncated: message.GetTruncated(),
	}
}
