package dev.tocsin.client;

import com.google.protobuf.ListValue;
import com.google.protobuf.NullValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Between JSON as plain Java values and as the messages that carry it. */
final class Json {
  /** Integers up to here, either sign, are exact as the doubles that a Struct holds. */
  private static final long EXACT = 1L << 53;

  /**
   * Levels of objects and arrays that the server takes. What is far deeper it cannot even read, and
   * refuses with all that comes with it. Ends circles, too.
   */
  private static final int DEEPEST = 32;

  private Json() {}

  /** Builds a Struct; throws IllegalArgumentException, naming the member, for what is no JSON. */
  static Struct struct(Map<?, ?> values, String path) {
    return struct(values, path, DEEPEST);
  }

  private static Struct struct(Map<?, ?> values, String path, int levels) {
    checkLevels(path, levels);
    Struct.Builder struct = Struct.newBuilder();
    values.forEach(
        (key, value) -> {
          if (!(key instanceof String name)) {
            throw new IllegalArgumentException(
                path + " has the key " + key + "; keys of JSON objects are strings");
          }
          struct.putFields(Text.whole(path, name), value(value, path + "." + name, levels - 1));
        });
    return struct.build();
  }

  private static Value value(Object value, String path, int levels) {
    Value.Builder made = Value.newBuilder();
    if (value == null) {
      return made.setNullValue(NullValue.NULL_VALUE).build();
    } else if (value instanceof Boolean truth) {
      return made.setBoolValue(truth).build();
    } else if (value instanceof String text) {
      return made.setStringValue(Text.whole(path, text)).build();
    } else if (value instanceof Number number) {
      return made.setNumberValue(number(number, path)).build();
    } else if (value instanceof Map<?, ?> members) {
      return made.setStructValue(struct(members, path, levels)).build();
    } else if (value instanceof Collection<?> items) {
      checkLevels(path, levels);
      ListValue.Builder list = ListValue.newBuilder();
      for (Object item : items) {
        list.addValues(value(item, path + "[" + list.getValuesCount() + "]", levels - 1));
      }
      return made.setListValue(list).build();
    }
    throw new IllegalArgumentException(
        path + " is a " + value.getClass().getName() + ", which is not JSON: give its text");
  }

  private static void checkLevels(String path, int levels) {
    if (levels <= 0) {
      throw new IllegalArgumentException(
          path + " lies too deep: metadata has " + DEEPEST + " levels at most");
    }
  }

  private static double number(Number number, String path) {
    if (number instanceof Double || number instanceof Float) {
      if (!Double.isFinite(number.doubleValue())) {
        throw new IllegalArgumentException(path + " is " + number + ", which JSON does not have");
      }
      return number.doubleValue();
    }
    boolean whole =
        number instanceof Integer
            || number instanceof Long
            || number instanceof Short
            || number instanceof Byte;
    if (!whole && !(number instanceof BigInteger)) {
      throw new IllegalArgumentException(
          path + " is a " + number.getClass().getName() + ": give a double, or its text");
    }
    boolean fits = whole || ((BigInteger) number).bitLength() < Long.SIZE;
    if (!fits || number.longValue() > EXACT || number.longValue() < -EXACT) {
      throw new IllegalArgumentException(
          path + " is an integer beyond 2^53, which would lose digits; give it as a string");
    }
    return number.doubleValue();
  }

  /**
   * Reads a Struct: integral numbers, which the wire holds as doubles, become Long. Sorted by name,
   * since the wire keeps no order and an accidental one would change from run to run.
   */
  static Map<String, Object> map(Struct struct) {
    Map<String, Object> values = new TreeMap<>();
    struct.getFieldsMap().forEach((name, value) -> values.put(name, plain(value)));
    return Collections.unmodifiableMap(values);
  }

  private static Object plain(Value value) {
    return switch (value.getKindCase()) {
      case STRUCT_VALUE -> map(value.getStructValue());
      case LIST_VALUE -> {
        // Not List.of: JSON has null.
        List<Object> items = new ArrayList<>();
        value.getListValue().getValuesList().forEach(item -> items.add(plain(item)));
        yield Collections.unmodifiableList(items);
      }
      case STRING_VALUE -> value.getStringValue();
      case BOOL_VALUE -> value.getBoolValue();
      case NUMBER_VALUE -> {
        double number = value.getNumberValue();
        // Not a conditional expression: that would turn the long back into a double.
        if (number == Math.rint(number) && Math.abs(number) <= EXACT) {
          yield (long) number;
        }
        yield number;
      }
      case NULL_VALUE, KIND_NOT_SET -> null;
    };
  }
}
