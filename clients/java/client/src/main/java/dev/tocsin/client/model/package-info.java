/**
 * What the client gives and takes: plain immutable values with the names of the API. What is absent
 * is an empty Optional, text, list or map.
 */
package dev.tocsin.client.model;
