package dev.tocsin.client.model;

import java.util.List;

/**
 * Contacts in the order of their recipients' types and ids.
 *
 * @param contacts those of this page
 * @param nextPageToken where the next page begins; empty on the last one
 */
public record ContactPage(List<Contact> contacts, String nextPageToken) {}
