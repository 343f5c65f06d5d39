"""What your backend answers at /my/tocsin-token: a recipient's token. Needs PyJWT (pip install pyjwt)."""

import time

import jwt


def tocsin_token(secret: str, user_id: str) -> str:
    """Return the token of a user of yours, good for an hour; `secret` is the server's TOCSIN_JWT_SECRET."""
    return jwt.encode({"sub": f"user:{user_id}", "exp": int(time.time()) + 3600}, secret, algorithm="HS256")
