// Command decide chooses, again and again, how what was deferred is sent: the feed for who reads it, a message beside it
// for who does not.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"time"

	tocsin "github.com/tocsin-dev/tocsin/clients/go"
)

// choose takes what is allowed: the feed, and if much in it is unread the first of our preferences.
func choose(one *tocsin.Undecided) []tocsin.ChannelType {
	allowed := one.Allowed()
	var chosen []tocsin.ChannelType
	if slices.Contains(allowed, tocsin.WebSocket) {
		chosen = append(chosen, tocsin.WebSocket)
	}
	if len(chosen) > 0 && one.Context.UnreadCount < 3 {
		return chosen
	}
	for _, channel := range []tocsin.ChannelType{tocsin.Telegram, tocsin.Email, tocsin.SMS} {
		if slices.Contains(allowed, channel) {
			return append(chosen, channel)
		}
	}
	return chosen
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := tocsin.New(cmp.Or(os.Getenv("TOCSIN_SERVER"), tocsin.DefaultTarget), tocsin.WithToken(os.Getenv("TOCSIN_TOKEN")))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for ctx.Err() == nil {
		// Returns as soon as there is something; others who run this program get what we do not.
		leased, err := client.LeaseUndecided(ctx, tocsin.LeaseOptions{Wait: 30 * time.Second})
		if err != nil && ctx.Err() == nil {
			log.Fatal(err)
		}
		for _, one := range leased {
			decide(ctx, client, one)
		}
	}
}

func decide(ctx context.Context, client *tocsin.Client, one *tocsin.Undecided) {
	ruling := tocsin.Ruling{
		LeaseToken: one.LeaseToken,
		Reason:     fmt.Sprintf("%d unread", one.Context.UnreadCount),
		Decider:    "decide 1",
	}
	var err error
	chosen := choose(one)
	if len(chosen) > 0 {
		_, err = client.Route(ctx, one.Notification.ID, tocsin.Via(chosen...), ruling)
	} else {
		_, err = client.Suppress(ctx, one.Notification.ID, ruling)
	}
	var reason tocsin.Reason
	switch {
	case errors.As(err, &reason): // cancelled meanwhile, or the lease was over: somebody else decides
		fmt.Println(one.Notification.Title, "->", reason)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(one.Notification.Title, "->", chosen)
	}
}
