/** The client: {@link dev.tocsin.client.TocsinClient} is where to begin. */
package dev.tocsin.client;
