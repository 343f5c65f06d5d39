package tocsin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"
)

// exact is how large integers may be, of either sign, to be exact as the doubles that a Struct holds: 2^53.
const exact = 1 << 53

// deepest is how many levels of objects and arrays the server takes. What is far deeper it cannot even read, and refuses
// with all that comes with it. Ends circles, too, which would end the program.
const deepest = 32

// structOf returns a JSON object as a Struct; errors name the member.
func structOf(members map[string]any) (*structpb.Struct, error) {
	if members == nil {
		return nil, nil
	}
	return structAt("metadata", members, deepest)
}

func structAt(path string, members map[string]any, levels int) (*structpb.Struct, error) {
	if levels <= 0 {
		return nil, tooDeep(path)
	}
	fields := make(map[string]*structpb.Value, len(members))
	for key, member := range members {
		if !utf8.ValidString(key) {
			return nil, fmt.Errorf("tocsin: %s has a key that is not valid UTF-8: %q", path, key)
		}
		value, err := valueAt(path+"."+key, member, levels-1)
		if err != nil {
			return nil, err
		}
		fields[key] = value
	}
	return &structpb.Struct{Fields: fields}, nil
}

func valueAt(path string, value any, levels int) (*structpb.Value, error) {
	switch value := value.(type) {
	case nil:
		return structpb.NewNullValue(), nil
	case bool:
		return structpb.NewBoolValue(value), nil
	case string:
		if !utf8.ValidString(value) {
			return nil, fmt.Errorf("tocsin: %s is not valid UTF-8", path)
		}
		return structpb.NewStringValue(value), nil
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, fmt.Errorf("tocsin: %s is %v, which JSON does not have", path, value)
		}
		return structpb.NewNumberValue(value), nil
	case int:
		return integerAt(path, int64(value))
	case int64:
		return integerAt(path, value)
	case json.Number:
		return numberAt(path, value)
	case map[string]any:
		members, err := structAt(path, value, levels)
		return structpb.NewStructValue(members), err
	case []any:
		return listAt(path, value, levels)
	default:
		return otherAt(path, value, levels)
	}
}

func tooDeep(path string) error {
	return fmt.Errorf("tocsin: %s lies too deep: metadata has %d levels at most", path, deepest)
}

func integerAt(path string, value int64) (*structpb.Value, error) {
	if value > exact || value < -exact {
		return nil, fmt.Errorf("tocsin: %s is an integer beyond 2^53, which would lose digits; give it as a string", path)
	}
	return structpb.NewNumberValue(float64(value)), nil
}

func numberAt(path string, number json.Number) (*structpb.Value, error) {
	if integer, err := number.Int64(); err == nil {
		return integerAt(path, integer)
	}
	float, err := number.Float64()
	if err != nil {
		return nil, fmt.Errorf("tocsin: %s is %q, which is no number", path, number.String())
	}
	if float == math.Trunc(float) && math.Abs(float) > exact && !bytes.ContainsAny([]byte(number), ".eE") {
		return integerAt(path, math.MaxInt64) // an integer that even an int64 does not hold
	}
	return structpb.NewNumberValue(float), nil
}

func listAt(path string, items []any, levels int) (*structpb.Value, error) {
	if levels <= 0 {
		return nil, tooDeep(path)
	}
	values := make([]*structpb.Value, len(items))
	for i, item := range items {
		value, err := valueAt(fmt.Sprintf("%s[%d]", path, i), item, levels-1)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return structpb.NewListValue(&structpb.ListValue{Values: values}), nil
}

// otherAt takes what encoding/json takes: structures, times, slices of strings, types of one's own.
func otherAt(path string, value any, levels int) (*structpb.Value, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("tocsin: %s is not JSON: %w", path, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return nil, fmt.Errorf("tocsin: %s is not JSON: %w", path, err)
	}
	return valueAt(path, plain, levels)
}

// mapOf returns a Struct as encoding/json would decode it, nil for none.
func mapOf(message *structpb.Struct) map[string]any {
	if message == nil {
		return nil
	}
	return message.AsMap()
}
