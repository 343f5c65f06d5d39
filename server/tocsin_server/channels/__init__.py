"""The ways out: one module per channel, each of which makes single attempts and tells how they ended.

`sender` is what the delivery engine sees: the `Sender` protocol, `Message` and `Outcome`. `registry` turns the
settings into senders. `email` (over `smtp_lines`), `sms` and `telegram` talk to providers; `smtp_lines`, `sms` and
`telegram` each import one vendor's library, which nothing else does. `outbox` stands in for them in development
mode. What an answer means is decided by pure tables, in `classify_smtp`, `classify_twilio` and `classify_telegram`,
in terms of `verdict`. `mail` builds e-mail, `pace` spaces messages.
"""
