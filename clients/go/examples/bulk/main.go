// Command bulk sends ten thousand notifications, as fast as the server takes them.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

func main() {
	ctx := context.Background()
	client, err := tocsin.New(cmp.Or(os.Getenv("TOCSIN_SERVER"), tocsin.DefaultTarget))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	// quote: bulk
	sender := client.NewSender()
	var receipts []*tocsin.Receipt
	for number := range 10_000 {
		receipt, err := sender.Send(ctx, tocsin.Draft{
			Recipient:      tocsin.User.External(fmt.Sprint(number)),
			Title:          "A new month",
			Message:        "Your statement is ready.",
			Channels:       tocsin.Via(tocsin.WebSocket),
			IdempotencyKey: fmt.Sprintf("statement-2026-11-%d", number),
		})
		if err != nil {
			log.Fatal(err) // never sent: a mistake in the draft
		}
		receipts = append(receipts, receipt)
	}
	if err := sender.Close(); err != nil { // waits for all results
		log.Fatal(err)
	}

	stored := 0
	for number, receipt := range receipts {
		if _, err := receipt.Wait(ctx); err != nil {
			log.Printf("number %d: %v", number, err)
			continue
		}
		stored++
	}
	fmt.Println(stored, "are stored")
	// end of quote
}
