package tocsin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/tocsin-dev/tocsin/generated/go/tocsin/v1"
)

// words are those of one enum of the API, made of the generated code so that a value added there needs no second
// table here. The empty word is the unspecified value.
type words[T ~string] struct {
	what     string
	byNumber map[int32]T
	byWord   map[T]int32
	list     string
}

func wordsOf[T ~string](what, prefix string, names map[int32]string) *words[T] {
	w := &words[T]{what: what, byNumber: map[int32]T{0: ""}, byWord: map[T]int32{"": 0}}
	var list []string
	for _, number := range slices.Sorted(maps.Keys(names)) {
		if number == 0 {
			continue
		}
		word := strings.ToLower(strings.TrimPrefix(names[number], prefix))
		w.byNumber[number], w.byWord[T(word)] = T(word), number
		list = append(list, word)
	}
	w.list = strings.Join(list, ", ")
	return w
}

// word returns that of a number, also of one that is newer than this client: a client should show what it does not
// know instead of failing.
func (w *words[T]) word(number int32) T {
	if word, ok := w.byNumber[number]; ok {
		return word
	}
	return T(fmt.Sprintf("unknown_%d", number))
}

func (w *words[T]) number(word T) (int32, error) {
	number, ok := w.byWord[word]
	if !ok {
		return 0, fmt.Errorf("tocsin: %s %q is not one of %s", w.what, string(word), w.list)
	}
	return number, nil
}

var (
	recipientTypes = wordsOf[RecipientType]("recipient type", "RECIPIENT_TYPE_", v1.RecipientType_name)
	channelTypes   = wordsOf[ChannelType]("channel", "CHANNEL_TYPE_", v1.ChannelType_name)
	statuses       = wordsOf[Status]("status", "STATUS_", v1.Status_name)
	strategyKinds  = wordsOf[StrategyKind]("strategy", "STRATEGY_KIND_", v1.StrategyKind_name)
	strategyGoals  = wordsOf[StrategyGoal]("goal", "STRATEGY_GOAL_", v1.StrategyGoal_name)
	outcomes       = wordsOf[AttemptOutcome]("outcome", "ATTEMPT_OUTCOME_", v1.AttemptOutcome_name)
	decidedBy      = wordsOf[DecidedBy]("decided by", "DECIDED_BY_", v1.DecidedBy_name)
)
