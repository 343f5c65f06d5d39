package tocsin

import (
	"time"
)

// RecipientType says which of the callers' own tables a recipient's id belongs to. It may grow.
type RecipientType string

// The types of recipients.
const (
	User              RecipientType = "user"
	Guest             RecipientType = "guest"
	PotentialCustomer RecipientType = "potential_customer"
	Partner           RecipientType = "partner"
	Other             RecipientType = "other"
)

// ChannelType is a way to reach a recipient. It may grow.
type ChannelType string

// The channels.
const (
	WebSocket ChannelType = "websocket"
	Email     ChannelType = "email"
	Telegram  ChannelType = "telegram"
	SMS       ChannelType = "sms"
)

// Status says how far a channel, or a notification as a whole, has come.
type Status string

// The statuses.
const (
	Pending Status = "pending"
	Sent    Status = "sent"
	Failed  Status = "failed"
)

// StrategyKind says how several channels work together.
type StrategyKind string

// The kinds of strategies: all channels at once, or one after the other.
const (
	Parallel StrategyKind = "parallel"
	Fallback StrategyKind = "fallback"
)

// StrategyGoal says what the steps of a fallback are for.
type StrategyGoal string

// The goals: that the notification is read, or that one of the steps is sent.
const (
	GoalRead StrategyGoal = "read"
	GoalSent StrategyGoal = "sent"
)

// AttemptOutcome says how an attempt ended, as far as anybody can know.
type AttemptOutcome string

// The outcomes.
const (
	OutcomeAccepted  AttemptOutcome = "accepted"
	OutcomeTransient AttemptOutcome = "transient"
	OutcomeThrottled AttemptOutcome = "throttled"
	OutcomePermanent AttemptOutcome = "permanent"
	OutcomeUnknown   AttemptOutcome = "unknown"
)

// A Target is a channel to send through.
type Target struct {
	Channel ChannelType
	// Address is where to. When empty, the server takes one that it knows: from Draft.Addresses, then from the
	// recipient's contact.
	Address string
	// EscalateAfter is how long this step of a fallback gets, where that differs from the strategy's.
	EscalateAfter time.Duration
}

// Via returns targets without addresses, in the order given.
func Via(channels ...ChannelType) []Target {
	targets := make([]Target, len(channels))
	for i, channel := range channels {
		targets[i].Channel = channel
	}
	return targets
}

// A Strategy says how several channels work together. The zero value leaves it to the server: all at once.
type Strategy struct {
	Kind StrategyKind
	// EscalateAfter is for Fallback only: how long a step may stay without success before the next one starts. Zero
	// means that only failure leads on, which a step through WebSocket cannot do.
	EscalateAfter time.Duration
	// Goal is for Fallback only; empty means GoalRead.
	Goal StrategyGoal
}

// A Draft is a notification to be sent. Recipient, Title and Message are required.
type Draft struct {
	Recipient Recipient
	// Title is one line, 1 to 255 characters.
	Title string
	// Message is the text, at most 64 KiB.
	Message string
	// Channels is what to send through, each channel at most once. Empty lets the routing rules decide. The order
	// counts for Fallback.
	Channels []Target
	// Addresses that the recipient is known to have. They choose no channel.
	Addresses map[ChannelType]string
	// Metadata is a JSON object to attach, at most 32 KiB. Values are what encoding/json takes. Integers beyond 2^53
	// are refused, because the wire holds numbers as doubles: use strings.
	Metadata map[string]any
	// IdempotencyKey makes repeating safe: the same key never makes a second notification. When it is empty the
	// client makes one up, which covers its own repetitions; give one that follows from what you send for, and yours
	// are covered, too.
	IdempotencyKey string
	// SendAt is when to start sending, at most 366 days ahead. Zero means now.
	SendAt time.Time
	// ExpiresAt is when to give up. Zero means when the retries end.
	ExpiresAt time.Time
	// Strategy says how the channels work together; only with Channels.
	Strategy Strategy
	// Deferred leaves the channels to somebody who decides later, with Client.Route.
	Deferred bool
	// RouteBy, with Deferred only, is when the rules decide if nobody else has. Zero means in one hour.
	RouteBy time.Time
	// Category is what kind of notification it is, such as "order.shipped": rules and policies go by it.
	Category string
}

// A Notification is what the server keeps of one. Times that are absent are zero.
type Notification struct {
	ID        string
	Recipient Recipient
	Title     string
	// Message is empty in the answers of SendBatch and Sender, which leave it out, and Metadata is nil there.
	Message string
	Status  Status
	// Metadata is what was attached, nil if nothing was. As in encoding/json, numbers are float64.
	Metadata  map[string]any
	IsRead    bool
	CreatedAt time.Time
	// Channels are those that have come into play, oldest first. A later step of a fallback appears when its turn
	// comes.
	Channels  []Channel
	ReadAt    time.Time
	SendAt    time.Time
	ExpiresAt time.Time
	// Owner is the name of the caller that sent it.
	Owner    string
	Category string
	// RouteBy is when the rules will decide, while nobody has.
	RouteBy time.Time
}

// A Channel is one way by which a notification goes out, and how far it has come.
type Channel struct {
	ID             string
	NotificationID string
	Channel        ChannelType
	Status         Status
	// Attempts made so far; it never falls.
	Attempts int
	// Response is what the sending system answered last, as the field of that name in the API describes; nil before
	// the first answer, and for a caller with a recipient's token.
	Response  map[string]any
	CreatedAt time.Time
	// Address is empty for WebSocket, and for a caller with a recipient's token.
	Address string
	// NextAttemptAt is zero while an attempt is running, once the channel is settled, and while WebSocket waits for
	// its subscriber.
	NextAttemptAt time.Time
	// History is what Response tells of the attempts, typed, newest last.
	History []Attempt
}

// An Attempt is one to send through a channel, or the server's decision to make no further one.
type Attempt struct {
	AttemptedAt time.Time
	Outcome     AttemptOutcome
	// Provider is empty when the server itself ended the channel; Code then says why, such as "EXPIRED".
	Provider string
	Code     string
	Detail   string
}

// Accepted is what became of a draft that was sent.
type Accepted struct {
	Notification *Notification
	// Duplicate says that an earlier call with the same key had stored it.
	Duplicate bool
}

// A Result is what became of one draft of a batch: one of the two is set.
type Result struct {
	Accepted *Accepted
	Err      error
}

// A Filter says which notifications are listed: those that meet everything that is set.
type Filter struct {
	// Recipient is whose; the zero value means everybody's.
	Recipient Recipient
	// FeedOnly lists the recipient's feed, in its order. The only way for a recipient's token.
	FeedOnly     bool
	UnreadOnly   bool
	UnroutedOnly bool
	Statuses     []Status
	// Channels lists what has at least one of these.
	Channels []ChannelType
	// CreatedAfter includes its time, CreatedBefore does not.
	CreatedAfter  time.Time
	CreatedBefore time.Time
	// Category is one, or with ".*" at its end every one below it.
	Category string
	// PageSize is the most to return at once: 0 means 50, more than 500 counts as 500.
	PageSize int
	// PageToken is NextPageToken of the page before. All does not look at it.
	PageToken string
}

// A Page is a part of a list.
type Page struct {
	// Notifications are possibly none, even if more follow.
	Notifications []*Notification
	// NextPageToken is where the next page begins, empty on the last one.
	NextPageToken string
	// Cursor is a place in the recipient's feed from before the page was read: subscribe with the first page's.
	// Empty when the list was not of one recipient.
	Cursor string
}

// MarkedRead says what a call has marked.
type MarkedRead struct {
	// MarkedCount is how many the call turned from unread to read, UnreadCount how many are unread now.
	MarkedCount int64
	UnreadCount int64
	// Cursor is the place in the feed that UnreadCount belongs to.
	Cursor string
}

// Unread is how much of a feed is unread.
type Unread struct {
	Count int64
	// Cursor is the place in the feed that Count belongs to.
	Cursor string
}

// A Contact is how one registered recipient can be reached.
type Contact struct {
	Recipient Recipient
	Addresses map[ChannelType]string
	// Locale is a BCP 47 tag such as "pt-BR", TimeZone a name of the IANA database such as "Europe/Lisbon".
	Locale   string
	TimeZone string
	// UpdatedAt is set by the server.
	UpdatedAt time.Time
}

// A ContactFilter says which contacts are listed.
type ContactFilter struct {
	// Type is empty for all.
	Type      RecipientType
	PageSize  int
	PageToken string
}

// A ContactPage is a part of the contacts, in the order of their recipients' types and ids.
type ContactPage struct {
	Contacts      []*Contact
	NextPageToken string
}

// An Event is one of a subscription. Subscribed, Notification or ReadChanged is set.
type Event struct {
	// Cursor is the place to resume after this event. Keep it once the event is dealt with.
	Cursor string
	// UnreadCount is how many notifications in the feed are unread.
	UnreadCount int64
	// Subscribed says that a stream has started, at first or again.
	Subscribed *Subscribed
	// Notification is new in the feed or has changed: put it in place of what you have of its id.
	Notification *Notification
	// ReadChanged says that notifications were marked as read, on this device or another.
	ReadChanged *ReadChanged
}

// Subscribed says whether a stream continues where the last one left off.
type Subscribed struct {
	// Recovered is false when something between the last cursor and this one cannot be replayed: list the feed again
	// from the first page. The stream carries on from here, so nothing that is newer than the list gets lost.
	Recovered bool
}

// ReadChanged names notifications that are read now.
type ReadChanged struct {
	IDs    []string
	ReadAt time.Time
}
