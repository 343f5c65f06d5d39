// Package tocsin is a client for Tocsin, a self-hosted notification service.
//
//	client, err := tocsin.New("127.0.0.1:50051")
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//
//	sent, err := client.Send(ctx, tocsin.Draft{
//		Recipient: tocsin.User.ID("0190a5d0-0000-7000-8000-000000000001"),
//		Title:     "Your order has shipped",
//		Message:   "It arrives on Friday.",
//		Channels:  tocsin.Via(tocsin.WebSocket),
//	})
//
// Everything goes in and comes out as plain values. The messages of the API, in package tocsinv1 of the module
// generated/go, are there for what needs them; see Client.Conn.
//
// [Client.Subscribe] follows a feed and outlives its streams. [Sender] sends in bulk. What fails is an [Error] with a
// [Reason], which errors.Is and errors.As find.
package tocsin
