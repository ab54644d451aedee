"""The outside world of notification: the owner of contacts, the mail server, the message provider."""
