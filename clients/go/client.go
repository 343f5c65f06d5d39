package tocsin

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"google.golang.org/grpc"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// DefaultTarget is where a server listens unless it is told otherwise.
const DefaultTarget = "127.0.0.1:50051"

// A Client is a connection to a Tocsin server, or to several. It is safe for use by several goroutines, and meant to be
// kept. Close it.
//
// Every call that fails does so with an *Error if it reached gRPC, else with an error that names the field at fault.
// A call whose context has no deadline gets ten seconds. Within its deadline, a call that is safe to repeat is repeated
// when the server is unavailable or cuts it off.
type Client struct {
	options       *options
	conn          *grpc.ClientConn
	ctx           context.Context // of subscriptions and senders; ends with the client
	end           context.CancelCauseFunc
	closing       func() error // closes the connection, once
	notifications v1.NotificationServiceClient
	contacts      v1.ContactServiceClient
	decisions     v1.DecisionServiceClient
}

// New returns a client for a target: "host:port", "dns:///name:port" for every address of a name, "unix:/path", or
// several addresses, separated by commas. It connects when it is first used.
//
// It refuses to send a token to another machine without WithTLS, where anybody could read it.
func New(target string, given ...Option) (*Client, error) {
	o, err := optionsOf(given)
	if err != nil {
		return nil, err
	}
	if o.token != nil && !o.secure && !isLocal(target) {
		return nil, fmt.Errorf("tocsin: refusing to send a token to %s without encryption: use WithTLS", target)
	}
	dialled, dialOptions, err := dialTarget(target)
	if err != nil {
		return nil, err
	}
	c := &Client{options: o}
	dialOptions = append(dialOptions, o.dialOptions()...)
	dialOptions = append(dialOptions, grpc.WithChainUnaryInterceptor(c.unary), grpc.WithChainStreamInterceptor(c.stream))
	if c.conn, err = grpc.NewClient(dialled, dialOptions...); err != nil {
		return nil, fmt.Errorf("tocsin: target %q: %w", target, err)
	}
	c.closing = sync.OnceValue(c.conn.Close)
	c.ctx, c.end = context.WithCancelCause(context.Background())
	c.notifications = v1.NewNotificationServiceClient(c.conn)
	c.contacts = v1.NewContactServiceClient(c.conn)
	c.decisions = v1.NewDecisionServiceClient(c.conn)
	return c, nil
}

// Close ends every call and every subscription, and closes the connection. Senders should be closed before: what they
// have not sent fails with ErrClosed. It may be called repeatedly, and from any goroutine.
func (c *Client) Close() error {
	c.end(ErrClosed)
	return c.closing()
}

// Conn returns the connection, for the clients that package tocsinv1 generates of the API. Calls through it have
// deadlines, the token and errors like those of Client, and are repeated like them.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Send stores a notification and queues it. It is durable when this returns, but not yet sent: Get tells what became of
// it. It is repeated always with the same idempotency key, so that it is stored once.
func (c *Client) Send(ctx context.Context, draft Draft) (*Accepted, error) {
	request, err := draft.Request()
	if err != nil {
		return nil, err
	}
	answer, err := c.notifications.Send(ctx, request)
	if err != nil {
		return nil, err
	}
	return acceptedOf(answer), nil
}

// SendBatch stores up to 1,000 notifications in one commit. It returns for each, in order, its result or its error: one
// that is refused does not spoil the others. The notifications come without message and metadata.
func (c *Client) SendBatch(ctx context.Context, drafts []Draft) ([]Result, error) {
	batch := &v1.SendBatchRequest{}
	for i := range drafts {
		request, err := drafts[i].Request()
		if err != nil {
			return nil, fmt.Errorf("draft %d: %w", i, err)
		}
		batch.Requests = append(batch.Requests, request)
	}
	answer, err := c.notifications.SendBatch(ctx, batch)
	if err != nil {
		return nil, err
	}
	return each(answer.GetResults(), resultOf), nil
}

// Get returns a notification with its channels.
func (c *Client) Get(ctx context.Context, id string) (*Notification, error) {
	answer, err := c.notifications.Get(ctx, &v1.GetRequest{Id: id})
	return notificationIn(answer, err)
}

// List returns one page of the notifications that match, newest first.
func (c *Client) List(ctx context.Context, filter Filter) (*Page, error) {
	request, err := filter.request()
	if err != nil {
		return nil, err
	}
	answer, err := c.notifications.List(ctx, request)
	if err != nil {
		return nil, err
	}
	return &Page{
		Notifications: each(answer.GetNotifications(), notificationOf),
		NextPageToken: answer.GetNextPageToken(),
		Cursor:        answer.GetCursor(),
	}, nil
}

// All iterates over all notifications that match, newest first, reading page after page as they are used. An error ends
// it.
func (c *Client) All(ctx context.Context, filter Filter) iter.Seq2[*Notification, error] {
	filter.PageToken = ""
	return pages(func(token string) ([]*Notification, string, error) {
		filter.PageToken = token
		page, err := c.List(ctx, filter)
		if err != nil {
			return nil, "", err
		}
		return page.Notifications, page.NextPageToken, nil
	})
}

// MarkRead marks notifications as read, all of one recipient: 1 to 500, all or none.
func (c *Client) MarkRead(ctx context.Context, ids ...string) (*MarkedRead, error) {
	return c.markRead(ctx, &v1.MarkReadRequest{Ids: ids})
}

// MarkFeedRead marks a recipient's feed as read, up to a cursor or, if that is empty, as a whole.
func (c *Client) MarkFeedRead(ctx context.Context, recipient Recipient, upTo string) (*MarkedRead, error) {
	message, err := recipientMessage(recipient)
	if err != nil {
		return nil, err
	}
	return c.markRead(ctx, &v1.MarkReadRequest{Recipient: message, UpToCursor: upTo})
}

func (c *Client) markRead(ctx context.Context, request *v1.MarkReadRequest) (*MarkedRead, error) {
	answer, err := c.notifications.MarkRead(ctx, request)
	if err != nil {
		return nil, err
	}
	return &MarkedRead{
		MarkedCount: answer.GetMarkedCount(),
		UnreadCount: answer.GetUnreadCount(),
		Cursor:      answer.GetCursor(),
	}, nil
}

// CountUnread returns how many notifications in the recipient's feed are unread.
func (c *Client) CountUnread(ctx context.Context, recipient Recipient) (*Unread, error) {
	message, err := recipientMessage(recipient)
	if err != nil {
		return nil, err
	}
	answer, err := c.notifications.CountUnread(ctx, &v1.CountUnreadRequest{Recipient: message})
	if err != nil {
		return nil, err
	}
	return &Unread{Count: answer.GetUnreadCount(), Cursor: answer.GetCursor()}, nil
}

// Cancel stops what is still to come of a notification. What is being sent at this moment may still go out.
func (c *Client) Cancel(ctx context.Context, id string) (*Notification, error) {
	answer, err := c.notifications.Cancel(ctx, &v1.CancelRequest{Id: id})
	return notificationIn(answer, err)
}

// Retry revives failed channels, with a new budget of attempts. None named means all that failed.
func (c *Client) Retry(ctx context.Context, id string, channels ...ChannelType) (*Notification, error) {
	numbers, err := enums[v1.ChannelType](channelTypes, channels)
	if err != nil {
		return nil, err
	}
	answer, err := c.notifications.Retry(ctx, &v1.RetryRequest{Id: id, Channels: numbers})
	return notificationIn(answer, err)
}

// Route decides the channels of a notification that was sent with Deferred. Repeating the same decision is harmless.
// Policies of the server narrow it, which Explain shows.
func (c *Client) Route(ctx context.Context, id string, channels []Target, ruling Ruling) (*Notification, error) {
	request, err := ruling.request(id, channels)
	if err != nil {
		return nil, err
	}
	return c.route(ctx, request)
}

// Hold decides later: nobody is given the notification until then, and the server's rules still decide at its RouteBy.
func (c *Client) Hold(ctx context.Context, id string, until time.Time, ruling Ruling) (*Notification, error) {
	request, err := ruling.request(id, nil)
	if err != nil {
		return nil, err
	}
	request.HoldUntil = timestamp(until)
	return c.route(ctx, request)
}

// Suppress decides to send nothing: the notification fails.
func (c *Client) Suppress(ctx context.Context, id string, ruling Ruling) (*Notification, error) {
	request, err := ruling.request(id, nil)
	if err != nil {
		return nil, err
	}
	request.Suppress = true
	return c.route(ctx, request)
}

func (c *Client) route(ctx context.Context, request *v1.RouteRequest) (*Notification, error) {
	answer, err := c.notifications.Route(ctx, request)
	return notificationIn(answer, err)
}

// notificationIn reads an answer that has nothing but a notification.
func notificationIn(answer interface{ GetNotification() *v1.Notification }, err error) (*Notification, error) {
	if err != nil {
		return nil, err
	}
	return notificationOf(answer.GetNotification()), nil
}

// pages iterates over a list, a page at a time.
func pages[T any](read func(token string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for token := ""; ; {
			items, next, err := read(token)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if token = next; token == "" {
				return
			}
		}
	}
}
