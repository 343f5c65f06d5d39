// Command subscribe follows somebody's feed, and goes on after a restart where it stopped.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := tocsin.New(cmp.Or(os.Getenv("TOCSIN_SERVER"), tocsin.DefaultTarget))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	user := tocsin.User.ID("0190a5d0-0000-7000-8000-000000000001")
	cursor, _ := os.ReadFile("cursor") // none at the first start
	for event, err := range client.Subscribe(ctx, user, tocsin.After(string(cursor))).Events() {
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Fatal(err)
		case event.Subscribed != nil && !event.Subscribed.Recovered:
			fmt.Println("too long away: list the feed again")
		case event.Subscribed != nil:
			fmt.Println("listening")
		case event.Notification != nil:
			fmt.Printf("%s (%d unread)\n", event.Notification.Title, event.UnreadCount)
		}
		// Once the event is dealt with; whole or not at all, whenever this program ends.
		if err := keep(event.Cursor); err != nil {
			log.Fatal(err)
		}
	}
}

func keep(cursor string) error {
	if err := os.WriteFile("cursor.new", []byte(cursor), 0o600); err != nil {
		return err
	}
	return os.Rename("cursor.new", "cursor")
}
