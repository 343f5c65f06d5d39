package dev.tocsin.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonTest {
  private static Object roundTrip(Object value) {
    return Json.map(Json.struct(Collections.singletonMap("a", value), "metadata")).get("a");
  }

  @Test
  void integersComeBackAsLongAndFractionsAsDouble() {
    assertEquals(3L, roundTrip(3));
    assertEquals(3L, roundTrip(3.0));
    assertEquals(2.5, roundTrip(2.5f));
    assertEquals(1L << 53, roundTrip(1L << 53));
    assertEquals(-(1L << 53), roundTrip(BigInteger.TWO.pow(53).negate()));
    assertEquals(1e300, roundTrip(1e300));
  }

  @Test
  void nestingAndNullsAreKept() {
    assertEquals(null, roundTrip(null));
    Map<String, Object> nested = Map.of("list", List.of(true, "text", Map.of()));
    assertEquals(nested, roundTrip(nested));
  }

  @Test
  void whatIsNoJsonIsRefusedByName() {
    for (Object wrong :
        new Object[] {
          (1L << 53) + 1,
          BigInteger.TWO.pow(70),
          Double.NaN,
          Float.POSITIVE_INFINITY,
          new BigDecimal("0.1"),
          Instant.EPOCH,
          Map.of(1, 2),
          "half a bell \ud83d"
        }) {
      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, () -> roundTrip(List.of("fine", wrong)));
      assertTrue(refused.getMessage().startsWith("metadata.a[1]"), refused.getMessage());
    }
  }

  @Test
  void aCircleIsRefusedByName() {
    List<Object> circle = new ArrayList<>();
    circle.add(circle);
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> roundTrip(circle));
    assertTrue(
        refused.getMessage().endsWith("lies too deep: metadata has 32 levels at most"),
        refused.getMessage());
  }
}
