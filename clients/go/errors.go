package tocsin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// domain of every ErrorInfo of ours.
const domain = "tocsin"

// ErrClosed is what calls fail with once the client, or the sender, is closed.
var ErrClosed = errors.New("tocsin: closed")

// A Reason says why a call failed, more exactly than its code. It is an error, so that errors.Is takes it:
//
//	if errors.Is(err, tocsin.ErrAddressUnknown) {
//
// Reasons may be added. One that this client does not know is in Error.Reason like the others.
type Reason string

// The reasons, which ErrorReason of the API describes with an example of each.
const (
	ErrInvalidField           Reason = "INVALID_FIELD"
	ErrMalformedRequest       Reason = "MALFORMED_REQUEST"
	ErrMalformedCursor        Reason = "MALFORMED_CURSOR"
	ErrMalformedPageToken     Reason = "MALFORMED_PAGE_TOKEN"
	ErrBatchTooLarge          Reason = "BATCH_TOO_LARGE"
	ErrRequestTooLarge        Reason = "REQUEST_TOO_LARGE"
	ErrNotificationNotFound   Reason = "NOTIFICATION_NOT_FOUND"
	ErrContactNotFound        Reason = "CONTACT_NOT_FOUND"
	ErrIdempotencyKeyReused   Reason = "IDEMPOTENCY_KEY_REUSED"
	ErrChannelNotConfigured   Reason = "CHANNEL_NOT_CONFIGURED"
	ErrAddressUnknown         Reason = "ADDRESS_UNKNOWN"
	ErrRecipientNotRegistered Reason = "RECIPIENT_NOT_REGISTERED"
	ErrNoRoute                Reason = "NO_ROUTE"
	ErrAlreadySettled         Reason = "ALREADY_SETTLED"
	ErrAlreadyRouted          Reason = "ALREADY_ROUTED"
	ErrNotRetryable           Reason = "NOT_RETRYABLE"
	ErrExpired                Reason = "EXPIRED"
	ErrPolicyDenied           Reason = "POLICY_DENIED"
	ErrPolicyLimit            Reason = "POLICY_LIMIT"
	ErrLeaseHeld              Reason = "LEASE_HELD"
	ErrLeaseExpired           Reason = "LEASE_EXPIRED"
	ErrUnauthenticated        Reason = "UNAUTHENTICATED"
	ErrTokenExpired           Reason = "TOKEN_EXPIRED"
	ErrPermissionDenied       Reason = "PERMISSION_DENIED"
	ErrRateLimited            Reason = "RATE_LIMITED"
	ErrTooManyStreams         Reason = "TOO_MANY_STREAMS"
	ErrQueueFull              Reason = "QUEUE_FULL"
	ErrSubscriberTooSlow      Reason = "SUBSCRIBER_TOO_SLOW"
	ErrDatabaseUnavailable    Reason = "DATABASE_UNAVAILABLE"
	ErrShuttingDown           Reason = "SHUTTING_DOWN"
	ErrStreamAged             Reason = "STREAM_AGED"
	ErrNotImplemented         Reason = "NOT_IMPLEMENTED"
	ErrInternal               Reason = "INTERNAL"
)

// Error returns the reason's word.
func (r Reason) Error() string { return string(r) }

// A Violation is one bad field of a request: its path, and what would be right.
type Violation struct {
	Field       string
	Description string
}

// An Error is what a call that reached gRPC failed with; get at it with errors.As. Programs should go by Code, Reason
// and Metadata: Message is for people and may change.
//
// codes.DeadlineExceeded, codes.Unavailable and codes.Canceled leave open whether the call took effect. Repeating it is
// the way to know, a Send with the same idempotency key. status.FromError takes an Error, too.
type Error struct {
	Code codes.Code
	// Reason is empty when no Tocsin server said so, but gRPC, a proxy, or the caller's own deadline.
	Reason  Reason
	Message string
	// Metadata is what the reason documents.
	Metadata map[string]string
	// Violations are all bad fields of a request.
	Violations []Violation
	// RetryAfter is how long to wait at least before trying again; 0 if the server named no time.
	RetryAfter time.Duration

	status *status.Status
	cause  error
}

// Error returns a sentence for people, with the code and the reason.
func (e *Error) Error() string {
	label := codeName(e.Code)
	if e.Reason != "" && string(e.Reason) != label {
		label += " (" + string(e.Reason) + ")"
	}
	return fmt.Sprintf("tocsin: %s: %s", label, e.Message)
}

// Unwrap returns the reason, and the end of the context or of the client if that was the cause.
func (e *Error) Unwrap() []error {
	var causes []error
	if e.Reason != "" {
		causes = append(causes, e.Reason)
	}
	if e.cause != nil {
		causes = append(causes, e.cause)
	}
	return causes
}

// GRPCStatus returns the status as it arrived.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// errorOf returns what stands for an error of gRPC, or of a token's source; ctx is the call's.
func errorOf(ctx context.Context, err error) error {
	switch err.(type) {
	case *Error, *tokenError:
		return err
	}
	received, ok := status.FromError(err)
	if !ok {
		return err
	}
	converted := errorFromStatus(received)
	switch {
	case converted.Code == codes.DeadlineExceeded:
		converted.cause = context.DeadlineExceeded
	case converted.Code == codes.Canceled && ctx.Err() != nil:
		converted.cause = context.Cause(ctx)
	}
	return converted
}

func errorFromStatus(received *status.Status) *Error {
	converted := &Error{Code: received.Code(), Message: received.Message(), status: received}
	for _, detail := range received.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() == domain {
				converted.Reason, converted.Metadata = Reason(detail.GetReason()), detail.GetMetadata()
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				converted.Violations = append(converted.Violations,
					Violation{Field: violation.GetField(), Description: violation.GetDescription()})
			}
		case *errdetails.RetryInfo:
			converted.RetryAfter = max(0, detail.GetRetryDelay().AsDuration())
		}
	}
	return converted
}

// codeName returns a code as the documents of the API write it; gRPC for Go has another spelling.
func codeName(code codes.Code) string {
	if int(code) < len(codeNames) {
		return codeNames[code]
	}
	return fmt.Sprintf("CODE_%d", code)
}

var codeNames = [...]string{
	codes.OK:                 "OK",
	codes.Canceled:           "CANCELLED",
	codes.Unknown:            "UNKNOWN",
	codes.InvalidArgument:    "INVALID_ARGUMENT",
	codes.DeadlineExceeded:   "DEADLINE_EXCEEDED",
	codes.NotFound:           "NOT_FOUND",
	codes.AlreadyExists:      "ALREADY_EXISTS",
	codes.PermissionDenied:   "PERMISSION_DENIED",
	codes.ResourceExhausted:  "RESOURCE_EXHAUSTED",
	codes.FailedPrecondition: "FAILED_PRECONDITION",
	codes.Aborted:            "ABORTED",
	codes.OutOfRange:         "OUT_OF_RANGE",
	codes.Unimplemented:      "UNIMPLEMENTED",
	codes.Internal:           "INTERNAL",
	codes.Unavailable:        "UNAVAILABLE",
	codes.DataLoss:           "DATA_LOSS",
	codes.Unauthenticated:    "UNAUTHENTICATED",
}
