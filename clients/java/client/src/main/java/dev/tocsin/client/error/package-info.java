/** Why calls fail: {@link dev.tocsin.client.error.TocsinException} and its subclasses. */
package dev.tocsin.client.error;
