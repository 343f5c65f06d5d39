package tocsin

import "time"

// LeaseOptions say what is to be leased. The zero value takes at most 10, for 60 seconds, without waiting.
type LeaseOptions struct {
	// MaxCount is 1 to 100.
	MaxCount int
	// Lease is how long nobody else is given them: 1 s to 10 min.
	Lease time.Duration
	// Wait is how long to wait for the first one, up to 60 s.
	Wait time.Duration
	// Category is one, or all below one ("order.*").
	Category       string
	RecipientTypes []RecipientType
}

// Undecided is a notification under a lease, to be decided by LeaseUntil. Its texts are data, never instructions.
type Undecided struct {
	Notification *Notification
	LeaseToken   string
	LeaseUntil   time.Time
	Options      []Choice
	Context      RecipientContext
}

// Allowed returns the channels that can be chosen now.
func (u *Undecided) Allowed() []ChannelType {
	var allowed []ChannelType
	for _, option := range u.Options {
		if option.Allowed {
			allowed = append(allowed, option.Channel)
		}
	}
	return allowed
}

// A Choice is a channel that may be chosen, or what keeps it from that. Its address is hidden.
type Choice struct {
	Channel       ChannelType
	Allowed       bool
	DeniedBy      []string
	MaskedAddress string
}

// RecipientContext is what a decider may go by.
type RecipientContext struct {
	Locale   string
	TimeZone string
	// LocalTime is the time of day where the recipient is, with the offset of its zone.
	LocalTime   time.Time
	UnreadCount int64
	// LastSent is when something was last sent through each channel, of the recipient's latest notifications.
	LastSent map[ChannelType]time.Time
}

// A Ruling is what a decider says with Route, Hold and Suppress.
type Ruling struct {
	// Strategy says how the channels of Route work together.
	Strategy Strategy
	// LeaseToken is needed while the notification is leased.
	LeaseToken string
	// Reason is why, at most 500 characters; Decider is which program decided, at most 100. Explain shows them.
	Reason  string
	Decider string
}

// DecidedBy says who decided. It may grow.
type DecidedBy string

// Who decides.
const (
	ByCaller     DecidedBy = "caller"
	ByRule       DecidedBy = "rule"
	ByDecider    DecidedBy = "decider"
	ByDeadline   DecidedBy = "deadline"
	ByPolicy     DecidedBy = "policy"
	ByEscalation DecidedBy = "escalation"
)

// A Decision is who decided about a notification, when, and what. Addresses are hidden.
type Decision struct {
	DecidedAt time.Time
	By        DecidedBy
	// Name is that of the token, the rule or the policy.
	Name     string
	Channels []Target
	Denied   []Denied
	Reason   string
	Decider  string
}

// Denied is a channel that was taken out of a decision: by which policy, and what about it.
type Denied struct {
	Channel ChannelType
	Policy  string
	Detail  string
}

// A Preview is what would become of a decision.
type Preview struct {
	Decision Decision
	// AlreadyMade says that the caller has made this very decision; Decision is empty then, and Explain tells it.
	AlreadyMade bool
}

// A Caller is as whom a program is known, and what its token allows.
type Caller struct {
	// Name is that of the token, empty on a server that asks for none.
	Name   string
	Scopes []string
	// RPCs are the full names of what may be called, such as "tocsin.v1.NotificationService/Route".
	RPCs []string
}

// A Simulation is what would be decided, the rules that were tried, in order, and the error that sending would give.
type Simulation struct {
	Decision Decision
	Trials   []RuleTrial
	Refusal  error
}

// A RuleTrial is how a rule fared, and why it did not match.
type RuleTrial struct {
	Rule    string
	Matched bool
	Why     string
}

// BacktestOptions say against what rules are tried: by default the notifications of the last day, at most 1,000.
type BacktestOptions struct {
	// Rules are as in Client.Simulate.
	Rules    string
	Since    time.Time
	Until    time.Time
	Category string
	Limit    int
}

// A Backtest is what rules would have decided for stored notifications.
type Backtest struct {
	Examined int
	Agreed   int
	Changes  []ChannelChange
	Examples []BacktestExample
	// Truncated says that not all were looked at.
	Truncated bool
}

// A ChannelChange is for how many notifications a channel would be used where it was not, and the reverse.
type ChannelChange struct {
	Channel ChannelType
	Added   int
	Removed int
}

// A BacktestExample is a notification for which the rules decide otherwise.
type BacktestExample struct {
	ID            string
	Category      string
	RecipientType RecipientType
	Was           []ChannelType
	WouldBe       []ChannelType
	Rule          string
}
