package dev.tocsin.client.model;

import java.util.Optional;

/**
 * Which contacts to list.
 *
 * @param recipientType only those of this type
 * @param pageSize the most to return at once; 0 means 50, more than 500 counts as 500
 * @param pageToken where to begin: a page's {@code nextPageToken}
 */
public record ContactQuery(Optional<RecipientType> recipientType, int pageSize, String pageToken) {
  /** Every contact. */
  public static ContactQuery all() {
    return new ContactQuery(Optional.empty(), 0, "");
  }

  /** The same with this condition: only those of this type. */
  public ContactQuery withRecipientType(RecipientType recipientType) {
    return new ContactQuery(Optional.of(recipientType), pageSize, pageToken);
  }

  /**
   * The same with this condition: the most to return at once; 0 means 50, more than 500 counts as
   * 500.
   */
  public ContactQuery withPageSize(int pageSize) {
    return new ContactQuery(recipientType, pageSize, pageToken);
  }

  /** The same with this condition: where to begin: a page's {@code nextPageToken}. */
  public ContactQuery withPageToken(String pageToken) {
    return new ContactQuery(recipientType, pageSize, pageToken);
  }
}
