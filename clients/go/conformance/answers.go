package main

import (
	"errors"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

// failure writes an error. One that is no *tocsin.Error is of arguments, or of a closed client, and never left this
// process.
func failure(err error) answer {
	var failed *tocsin.Error
	if !errors.As(err, &failed) {
		return answer{"type": "error", "message": err.Error(), "local": true}
	}
	violations := []answer{}
	for _, one := range failed.Violations {
		violations = append(violations, answer{"field": one.Field, "description": one.Description})
	}
	said := answer{
		"type":       "*tocsin.Error",
		"code":       code.Code(failed.Code).String(),
		"reason":     failed.Reason,
		"message":    failed.Message,
		"metadata":   failed.Metadata,
		"violations": violations,
	}
	if failed.RetryAfter > 0 {
		said["retry_delay"] = failed.RetryAfter.Seconds()
	}
	return said
}

func timeJSON(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format("2006-01-02T15:04:05.999999999Z")
}

func recipientJSON(whose tocsin.Recipient) answer {
	return answer{"type": whose.Type, "id": whose.ID, "external_id": whose.ExternalID}
}

func notificationAnswer(one *tocsin.Notification, err error) (answer, error) {
	if err != nil {
		return nil, err
	}
	return answer{"notification": notificationJSON(one)}, nil
}

func notificationJSON(one *tocsin.Notification) answer {
	channels := []answer{}
	for _, channel := range one.Channels {
		channels = append(channels, channelJSON(channel))
	}
	return answer{
		"id":         one.ID,
		"recipient":  recipientJSON(one.Recipient),
		"title":      one.Title,
		"message":    one.Message,
		"status":     one.Status,
		"metadata":   one.Metadata,
		"is_read":    one.IsRead,
		"created_at": timeJSON(one.CreatedAt),
		"channels":   channels,
		"read_at":    timeJSON(one.ReadAt),
		"send_at":    timeJSON(one.SendAt),
		"expires_at": timeJSON(one.ExpiresAt),
		"owner":      one.Owner,
		"category":   one.Category,
		"route_by":   timeJSON(one.RouteBy),
	}
}

func channelJSON(channel tocsin.Channel) answer {
	history := []answer{}
	for _, attempt := range channel.History {
		history = append(history, answer{
			"attempted_at": timeJSON(attempt.AttemptedAt),
			"outcome":      attempt.Outcome,
			"provider":     attempt.Provider,
			"code":         attempt.Code,
			"detail":       attempt.Detail,
		})
	}
	return answer{
		"id":              channel.ID,
		"notification_id": channel.NotificationID,
		"channel":         channel.Channel,
		"status":          channel.Status,
		"attempts":        channel.Attempts,
		"response":        channel.Response,
		"created_at":      timeJSON(channel.CreatedAt),
		"address":         channel.Address,
		"next_attempt_at": timeJSON(channel.NextAttemptAt),
		"history":         history,
	}
}

func acceptedJSON(accepted *tocsin.Accepted) answer {
	return answer{"notification": notificationJSON(accepted.Notification), "duplicate": accepted.Duplicate}
}

func resultsJSON(results []tocsin.Result) []answer {
	said := []answer{}
	for _, result := range results {
		if result.Err != nil {
			said = append(said, answer{"error": failure(result.Err)})
		} else {
			said = append(said, answer{"ok": acceptedJSON(result.Accepted)})
		}
	}
	return said
}

func contactAnswer(contact *tocsin.Contact, err error) (answer, error) {
	if err != nil {
		return nil, err
	}
	return answer{"contact": contactJSON(contact)}, nil
}

func contactJSON(contact *tocsin.Contact) answer {
	return answer{
		"recipient":  recipientJSON(contact.Recipient),
		"addresses":  contact.Addresses,
		"locale":     contact.Locale,
		"time_zone":  contact.TimeZone,
		"updated_at": timeJSON(contact.UpdatedAt),
	}
}

func decisionJSON(decision tocsin.Decision) answer {
	channels := []answer{}
	for _, target := range decision.Channels {
		channels = append(channels, answer{"channel": target.Channel, "address": target.Address})
	}
	return answer{
		"decided_at": timeJSON(decision.DecidedAt),
		"by":         decision.By,
		"name":       decision.Name,
		"channels":   channels,
		"reason":     decision.Reason,
		"decider":    decision.Decider,
	}
}

func undecidedJSON(one *tocsin.Undecided) answer {
	options := []answer{}
	for _, option := range one.Options {
		options = append(options, answer{
			"channel":        option.Channel,
			"allowed":        option.Allowed,
			"denied_by":      option.DeniedBy,
			"masked_address": option.MaskedAddress,
		})
	}
	return answer{
		"notification": notificationJSON(one.Notification),
		"lease_token":  one.LeaseToken,
		"lease_until":  timeJSON(one.LeaseUntil),
		"options":      options,
		"context": answer{
			"locale":       one.Context.Locale,
			"time_zone":    one.Context.TimeZone,
			"unread_count": one.Context.UnreadCount,
		},
	}
}

func eventJSON(event tocsin.Event) answer {
	said := answer{"cursor": event.Cursor, "unread_count": event.UnreadCount}
	switch {
	case event.Subscribed != nil:
		said["type"], said["recovered"] = "subscribed", event.Subscribed.Recovered
	case event.Notification != nil:
		said["type"], said["notification"] = "notification", notificationJSON(event.Notification)
	case event.ReadChanged != nil:
		said["type"], said["ids"], said["read_at"] = "read_changed", event.ReadChanged.IDs, timeJSON(event.ReadChanged.ReadAt)
	}
	return said
}

// label returns by what failures are counted: the reason, or else the code.
func label(err error) string {
	var failed *tocsin.Error
	switch {
	case !errors.As(err, &failed):
		return err.Error()
	case failed.Reason != "":
		return string(failed.Reason)
	default:
		return strings.ToUpper(code.Code(failed.Code).String())
	}
}
