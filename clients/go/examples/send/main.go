// Command send notifies somebody: an entry in their feed, and an e-mail.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

func main() {
	client, err := tocsin.New(cmp.Or(os.Getenv("TOCSIN_SERVER"), tocsin.DefaultTarget))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	sent, err := client.Send(context.Background(), tocsin.Draft{
		Recipient: tocsin.User.ID("0190a5d0-0000-7000-8000-000000000001"),
		Title:     "Your order has shipped",
		Message:   "It arrives on Friday.",
		Channels: []tocsin.Target{
			{Channel: tocsin.WebSocket},
			{Channel: tocsin.Email, Address: "ann@example.org"},
		},
		Metadata:       map[string]any{"order_id": "ABC123"},
		IdempotencyKey: "order-ABC123-shipped",
	})
	// quote: errors
	var failed *tocsin.Error
	switch {
	case errors.Is(err, tocsin.ErrIdempotencyKeyReused):
		log.Fatal("the key was used for something else")
	case errors.As(err, &failed):
		for _, violation := range failed.Violations {
			log.Print(violation.Field, ": ", violation.Description)
		}
		log.Fatal(failed)
	case err != nil:
		log.Fatal(err)
	}
	// end of quote
	if sent.Duplicate {
		fmt.Println(sent.Notification.ID, "was stored before")
	} else {
		fmt.Println(sent.Notification.ID, "is stored")
	}
}
