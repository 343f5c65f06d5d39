package dev.tocsin.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.tocsin.client.error.Failure;
import dev.tocsin.client.error.ResourceExhaustedException;
import dev.tocsin.client.error.TocsinException;
import dev.tocsin.client.error.UnknownException;
import dev.tocsin.client.error.Violation;
import dev.tocsin.v1.ErrorReason;
import io.grpc.Status;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class FailureTest {
  @Test
  void everyReasonOfTheApiHasAClassOfItsName() {
    for (ErrorReason reason : ErrorReason.values()) {
      if (reason == ErrorReason.UNRECOGNIZED || reason == ErrorReason.ERROR_REASON_UNSPECIFIED) {
        continue;
      }
      String word = reason.name().substring("ERROR_REASON_".length());
      // Some reasons say no more than their code, whose class they have.
      Status.Code code =
          Arrays.stream(Status.Code.values())
              .filter(one -> one.name().equals(word))
              .findAny()
              .orElse(Status.Code.UNKNOWN);
      TocsinException made = new Failure(code, word, "", Map.of(), List.of(), null).exception();
      assertEquals(camelCase(word) + "Exception", made.getClass().getSimpleName());
    }
  }

  @Test
  void everyCodeHasAClass() {
    for (Status.Code code : Status.Code.values()) {
      TocsinException made = Failure.of(code, "so it is").exception();
      String expected =
          code == Status.Code.OK ? "UnknownException" : camelCase(code.name()) + "Exception";
      assertEquals(expected, made.getClass().getSimpleName());
      assertEquals(code.name() + ": so it is", made.getMessage());
    }
  }

  @Test
  void aReasonThatIsNewerThanTheClientKeepsAllThatBelongsToIt() {
    com.google.rpc.Status status =
        com.google.rpc.Status.newBuilder()
            .setCode(Status.Code.RESOURCE_EXHAUSTED.value())
            .setMessage("the moon is full")
            .addDetails(
                Any.pack(
                    ErrorInfo.newBuilder()
                        .setDomain("tocsin")
                        .setReason("MOON_FULL")
                        .putMetadata("phase", "4")
                        .build()))
            .addDetails(
                Any.pack(
                    RetryInfo.newBuilder()
                        .setRetryDelay(
                            com.google.protobuf.Duration.newBuilder()
                                .setSeconds(1)
                                .setNanos(500_000_000))
                        .build()))
            .addDetails(
                Any.pack(
                    BadRequest.newBuilder()
                        .addFieldViolations(
                            BadRequest.FieldViolation.newBuilder()
                                .setField("title")
                                .setDescription("is too bright"))
                        .build()))
            .build();
    TocsinException made = Failure.of(status).exception();
    assertInstanceOf(ResourceExhaustedException.class, made);
    assertEquals("MOON_FULL", made.reason());
    assertEquals("the moon is full", made.description());
    assertEquals(Map.of("phase", "4"), made.metadata());
    assertEquals(Optional.of(Duration.ofMillis(1500)), made.retryAfter());
    assertEquals(List.of(new Violation("title", "is too bright")), made.violations());
  }

  @Test
  void whatIsOfAnotherDomainOrCutShortLeavesCodeAndMessage() {
    com.google.rpc.Status status =
        com.google.rpc.Status.newBuilder()
            .setCode(77)
            .setMessage("what is this")
            .addDetails(Any.pack(ErrorInfo.newBuilder().setDomain("proxy").setReason("NO").build()))
            .addDetails(
                Any.newBuilder()
                    .setTypeUrl("type.googleapis.com/google.rpc.ErrorInfo")
                    .setValue(ByteString.copyFromUtf8("\u0001\u0002cut")))
            .build();
    TocsinException made = Failure.of(status).exception();
    assertInstanceOf(UnknownException.class, made);
    assertEquals("", made.reason());
    assertEquals("what is this", made.description());
  }

  private static String camelCase(String word) {
    return Arrays.stream(word.split("_"))
        .map(part -> part.charAt(0) + part.substring(1).toLowerCase(java.util.Locale.ROOT))
        .collect(Collectors.joining());
  }
}
