package tocsin_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

func asError(err error) (*tocsin.Error, bool) {
	var failed *tocsin.Error
	ok := errors.As(err, &failed)
	return failed, ok
}

// getFailing returns what Get fails with when the server answers so.
func getFailing(t *testing.T, answer error) error {
	t.Helper()
	server := (&fake{unary: func(context.Context, string, any) (any, error) { return nil, answer }}).start(t)
	_, err := dial(t, server.address).Get(t.Context(), "x")
	return err
}

func TestAnErrorCarriesAllThatTheServerSays(t *testing.T) {
	err := getFailing(t, refusal(codes.InvalidArgument, "INVALID_FIELD", retryAfter(1500*time.Millisecond), &errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "title", Description: "must not be empty"}},
	}))
	failed := errorIn(t, err)
	if failed.Code != codes.InvalidArgument || failed.Reason != tocsin.ErrInvalidField || failed.Message != "a sentence" {
		t.Errorf("got %+v", failed)
	}
	if failed.Metadata["some"] != "fact" || failed.RetryAfter != 1500*time.Millisecond {
		t.Errorf("got %+v", failed)
	}
	if !slices.Equal(failed.Violations, []tocsin.Violation{{Field: "title", Description: "must not be empty"}}) {
		t.Errorf("got %+v", failed.Violations)
	}
	if text := "tocsin: INVALID_ARGUMENT (INVALID_FIELD): a sentence"; err.Error() != text {
		t.Errorf("got %q", err)
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("gRPC's own functions see %v", status.Code(err))
	}
}

func TestErrorsAreFoundByTheirReason(t *testing.T) {
	err := getFailing(t, refusal(codes.NotFound, "NOTIFICATION_NOT_FOUND"))
	if !errors.Is(err, tocsin.ErrNotificationNotFound) || errors.Is(err, tocsin.ErrContactNotFound) {
		t.Errorf("got %v", err)
	}
	var reason tocsin.Reason
	if !errors.As(err, &reason) || reason != "NOTIFICATION_NOT_FOUND" {
		t.Errorf("got %q", reason)
	}
}

func TestAReasonThatIsNewerThanTheClientIsKept(t *testing.T) {
	failed := errorIn(t, getFailing(t, refusal(codes.FailedPrecondition, "MOON_IN_THE_WAY", retryAfter(time.Second))))
	if failed.Reason != "MOON_IN_THE_WAY" || failed.Metadata["some"] != "fact" || failed.RetryAfter != time.Second {
		t.Errorf("got %+v", failed)
	}
	if !errors.Is(failed, tocsin.Reason("MOON_IN_THE_WAY")) {
		t.Error("it is not found by its word")
	}
}

func TestWhatOthersSayIsNoReasonOfOurs(t *testing.T) {
	theirs, _ := status.New(codes.PermissionDenied, "no").WithDetails(
		&errdetails.ErrorInfo{Domain: "proxy.example", Reason: "PERMISSION_DENIED"})
	if failed := errorIn(t, getFailing(t, theirs.Err())); failed.Reason != "" || failed.Metadata != nil {
		t.Errorf("got %+v", failed)
	}
}

func TestEveryReasonOfTheAPIHasItsConstant(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Reason" {
				word, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				constants[word] = true
			}
		}
		return true
	})
	reasons := map[string]bool{}
	for name, number := range v1.ErrorReason_value {
		if number != 0 {
			reasons[strings.TrimPrefix(name, "ERROR_REASON_")] = true
		}
	}
	if !maps.Equal(constants, reasons) {
		t.Errorf("constants: %v\nthe API's: %v", slices.Sorted(maps.Keys(constants)), slices.Sorted(maps.Keys(reasons)))
	}
}
